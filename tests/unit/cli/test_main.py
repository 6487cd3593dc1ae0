import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.unit.cli.conftest import Bench
from workflow.errors import ConfigurationError, Conflict

ROOT = Path(__file__).parents[3]


def failing(error: BaseException) -> Result:
    """`partcheck executions` where reaching the line fails so."""

    def reach(_home: Path | None) -> NoReturn:
        raise error

    return CliRunner().invoke(main, ["executions"], obj=reach)


class ConnectTimeoutError(Exception):
    """What botocore raises when nobody answers."""

    __module__ = "botocore.exceptions"


class ClientError(Exception):
    """What botocore raises when a service refuses."""

    __module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Conflict("it was\x1b decided"), 1),
        (PermissionError(13, "Permission denied", "ledger"), 1),
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


def test_without_a_line_commands_say_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--home", str(tmp_path), "executions"])

    assert result.exit_code == 3
    assert f"start one with `partcheck --home {tmp_path} up`" in result.stderr


def test_a_misspelt_command_is_wrong_usage(bench: Bench) -> None:
    assert bench.run("inspcet").exit_code == 2


def commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        found += [(f"{name} {sub}", one) for sub, one in inner.items()] or [(name, command)]
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
    assert "--json" in options or name in ("custom-labels", "export")
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

    for option in ("--home", "--port", "--version", "--help", "PARTCHECK_HOME", "PARTCHECK_PORT", "NO_COLOR"):
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
    began = time.monotonic()

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 10


def test_a_reader_who_leaves_early_is_no_failure_worth_a_traceback(tmp_path: Path) -> None:
    code = "from cli.output import json_line\n" + (
        "import click\nfrom cli.main import Partcheck\n"
        "@click.group(cls=Partcheck)\ndef main(): pass\n"
        "@main.command()\ndef many():\n    for _ in range(100000): json_line('x' * 100)\n"
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
        ["--home", str(tmp_path), "custom-labels", "--port", "4600", "--region", "eu-west-1", "--throttle"],
    )

    assert result.exit_code == 0
    assert called[0][1:] == [
        *("-P", "-m", "local.custom_labels", "--port", "4600"),
        *("--state", str(tmp_path / "custom-labels"), "--region", "eu-west-1", "--throttle"),
    ]
