import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from botocore import exceptions
from click.testing import CliRunner, Result

from cli.context import Environment
from cli.main import main
from tests.unit.cli.conftest import CommandLine
from workflow.errors import ConfigurationError, Conflict

ROOT = Path(__file__).parents[3]


def failing(error: BaseException) -> Result:
    """`partcheck execution list` with an environment that raises this error."""

    def find_environment(_state_dir: Path | None) -> NoReturn:
        raise error

    return CliRunner().invoke(main, ["execution", "list"], obj=find_environment)


def test_a_missing_file_is_named_with_the_reason() -> None:
    result = failing(FileNotFoundError(2, "No such file or directory", "photos/a.jpg"))

    assert result.stderr == "Error: photos/a.jpg: No such file or directory\n"


def test_a_call_that_aws_refuses_is_named_with_the_reason() -> None:
    answer = {"Error": {"Code": "ResourceInUseException", "Message": "A project named x already exists."}}

    result = failing(exceptions.ClientError(answer, "CreateProject"))

    assert result.stderr == (
        "Error: AWS refused CreateProject: A project named x already exists (ResourceInUseException)\n"
    )


class ConnectTimeoutError(Exception):
    """An error of botocore for an unreachable service."""

    __module__ = "botocore.exceptions"


class ClientError(Exception):
    """An error of botocore for a refused request."""

    __module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Conflict("it was\x1b decided"), 1),
        (PermissionError(13, "Permission denied", "state"), 1),
        (ClientError("AccessDenied"), 1),
        (ConfigurationError("PARTCHECK_PORT must be a number"), 2),
        (ConnectTimeoutError("nobody answers"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failures_are_one_sentence_on_stderr_and_a_documented_exit_code(error: Exception, code: int) -> None:
    result = failing(error)

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


def test_a_programming_error_is_not_hidden() -> None:
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)


def test_without_an_environment_commands_say_how_to_start_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--state-dir", str(tmp_path), "execution", "list"])

    assert result.exit_code == 3
    assert f"start it with `partcheck --state-dir {tmp_path} up`" in result.stderr


def test_with_start_an_environment_that_is_not_running_is_started(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Path | None, int | None]] = []

    def start(state_dir: Path | None, port: int | None) -> Environment:
        started.append((state_dir, port))
        return command_line.find_environment(state_dir)

    monkeypatch.setattr("cli.main.start_local_environment", start)

    result = CliRunner().invoke(
        main, ["--state-dir", str(tmp_path), "--port", "4600", "--start", "execution", "list"]
    )

    assert (result.exit_code, started) == (0, [(tmp_path, 4600)])


def test_with_start_an_environment_that_runs_is_used(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.main.start_local_environment", lambda *_: pytest.fail("it runs already"))

    assert command_line.run("--start", "execution", "list").exit_code == 0


def test_start_is_not_for_a_stage(command_line: CommandLine) -> None:
    assert command_line.run("--stage", "dev", "--start", "verify").exit_code == 2


@pytest.mark.parametrize("command", ["audit", "decide", "executions", "deploy", "teardown", "reviews"])
def test_a_command_outside_its_group_is_wrong_usage(command_line: CommandLine, command: str) -> None:
    result = command_line.run(command)

    assert result.exit_code == 2
    assert f"No such command '{command}'" in result.stderr


def test_a_misspelt_command_is_wrong_usage(command_line: CommandLine) -> None:
    assert command_line.run("inspcet").exit_code == 2


def commands(group: click.Group = main) -> list[tuple[str, click.Command]]:
    """Return every command with its name, also those of groups within groups."""
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        inner = commands(command) if isinstance(command, click.Group) else []
        found += [(f"{name} {sub}", one) for sub, one in inner] or [(name, command)]
    return found


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_explains_itself_with_an_example_and_has_json(
    name: str, command: click.Command
) -> None:
    result = CliRunner().invoke(main, [*name.split(), "--help"])

    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"partcheck {name}" in result.stdout or f" {name}" in result.stdout
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options or name in ("custom-labels", "execution export")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize(("name", "command"), commands())
def test_the_reference_names_every_command_option_and_argument(name: str, command: click.Command) -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    _, found, rest = text.partition(f"## `partcheck {name}")
    section = rest.partition("\n## ")[0]

    assert found, f"docs/cli.md has no section for partcheck {name}"
    for parameter in command.params:
        for option in parameter.opts if isinstance(parameter, click.Option) else ():
            assert f"`{option}" in section, option


def test_the_reference_has_no_section_for_a_command_that_does_not_exist() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    sections = [line for line in text.splitlines() if line.startswith("## `partcheck ")]
    known = [f"## `partcheck {name}" for name, _ in commands()]

    for section in sections:
        assert any(section == f"{one}`" or section.startswith(f"{one} ") for one in known), section


def test_the_reference_names_the_global_options_and_exit_codes() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")

    for option in (
        "--state-dir",
        "--port",
        "--version",
        "--help",
        "PARTCHECK_STATE_DIR",
        "PARTCHECK_PORT",
        "NO_COLOR",
    ):
        assert f"`{option}" in text
    for code in ("0", "1", "2", "3", "130"):
        assert f"| {code} |" in text


def test_help_is_quick_because_heavy_modules_wait_until_they_are_needed() -> None:
    code = (
        "import sys; from cli.main import main; "
        "main(['--help'], standalone_mode=False); "
        "heavy = {'boto3', 'botocore', 'rich', 'numpy', 'PIL', 'local'} & set(sys.modules); "
        "sys.exit(' '.join(sorted(heavy)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_reader_who_leaves_early_is_no_failure_worth_a_traceback(tmp_path: Path) -> None:
    code = "from cli.output import print_json_line\n" + (
        "import click\nfrom cli.main import Partcheck\n"
        "@click.group(cls=Partcheck)\ndef main(): pass\n"
        "@main.command()\ndef many():\n    for _ in range(100000): print_json_line('x' * 100)\n"
        "main(['many'])"
    )
    script = tmp_path / "many.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" "{script}" | head -1'],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_the_custom_labels_service_replaces_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[Any] = []
    monkeypatch.setattr("os.execv", lambda _program, arguments: called.append(arguments))

    result = CliRunner().invoke(
        main,
        [
            "--state-dir",
            str(tmp_path),
            "custom-labels",
            "--port",
            "4600",
            "--region",
            "eu-west-1",
            "--throttle",
        ],
    )

    assert result.exit_code == 0
    assert called[0][1:] == [
        *("-P", "-m", "custom_labels", "--port", "4600"),
        *("--state", str(tmp_path / "custom-labels"), "--region", "eu-west-1", "--throttle"),
    ]
