"""Commands in messages work as printed: they repeat the options with which the user chose the environment."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cli.context import AwsTarget, CliContext, NotRunning
from cli.dataset.import_photos import import_photos
from cli.main import main
from cli.printed_command import printed_command
from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import KEY
from workflow.errors import Conflict

PRINTED = "execution show 3f2a9c"


def printed_by(
    monkeypatch: pytest.MonkeyPatch, *options: str, words: str = PRINTED, target: AwsTarget | None = None
) -> str:
    """Return the command that `partcheck verify` would print when it is called with these options."""

    @click.command()
    @click.pass_obj
    def print_command(_context: CliContext) -> None:
        click.echo(printed_command(words, target))

    monkeypatch.setitem(main.commands, "verify", print_command)
    result = CliRunner().invoke(main, (*options, "verify"), obj=lambda _directory: None)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ((), f"partcheck {PRINTED}"),
        (("--state-dir", "line 2"), f"partcheck --state-dir 'line 2' {PRINTED}"),
        (("--port", "5566"), f"partcheck {PRINTED}"),
        (("--port", "5566", "--start"), f"partcheck --port 5566 --start {PRINTED}"),
        (
            ("--stage", "dev", "--profile", "p", "--region", "eu-west-1"),
            f"partcheck --stage dev --profile p --region eu-west-1 {PRINTED}",
        ),
    ],
)
def test_the_options_before_the_command_are_repeated_where_they_matter(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], printed: str
) -> None:
    assert printed_by(monkeypatch, *options) == printed


@pytest.mark.parametrize("command", ["camera list", "--stage dev camera list", "up"])
def test_a_command_in_an_error_of_the_domain_is_completed_once(command: str) -> None:
    def find_environment(_state_dir: Path | None) -> Any:
        raise Conflict(f"no such camera; see `partcheck {command}`")

    result = CliRunner().invoke(main, ("--state-dir", "line 2", "verify"), obj=find_environment)

    complete = command if "--stage" in command else f"--state-dir 'line 2' {command}"
    assert result.stderr == f"Error: no such camera; see `partcheck {complete}`\n"


def test_a_command_that_starts_the_environment_keeps_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed_by(monkeypatch, "--port", "5566", words="up") == "partcheck --port 5566 up"


def test_a_stage_that_the_command_chose_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed_by(monkeypatch, target=AwsTarget("dev")) == f"partcheck --stage dev {PRINTED}"


def test_the_project_is_repeated_for_commands_that_have_one() -> None:
    root = click.Context(main)
    with click.Context(import_photos, parent=root) as context:
        import_photos.parse_args(context, ["photos", "--project", "two words"])

        assert printed_command("model train") == "partcheck model train --project 'two words'"
        assert printed_command("review list") == "partcheck review list"


def test_a_program_outside_the_path_is_named_by_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    monkeypatch.chdir(tmp_path)

    assert printed_command("up") == ".venv/bin/partcheck up"


def test_the_command_that_starts_a_missing_environment_keeps_all_options(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ("--state-dir", str(tmp_path), "--port", "5566", "execution", "list"))

    assert result.exit_code == 3
    assert f"start it with `partcheck --state-dir {tmp_path} --port 5566 up`" in result.stderr


def test_a_decision_names_the_command_that_follows_it(command_line: CommandLine, unsure: Any) -> None:
    decided = command_line.run("--state-dir", "line-2", "review", "decide", KEY, "ok")

    row = command_line.pipeline.row(unsure)
    assert f"partcheck --state-dir line-2 execution show {row.id[:12]}" in decided.stderr


def test_not_running_is_raised_outside_a_command_too(tmp_path: Path) -> None:
    from cli.context import find_local_environment

    with pytest.raises(NotRunning, match="partcheck up"):
        find_local_environment(tmp_path)
