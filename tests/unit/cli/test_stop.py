"""`partcheck execution stop` stores a command, like the review app, and prints its result."""

import json
from dataclasses import replace

import pytest

from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import KEY
from workflow.inspections.objects import Image, inspection_id
from workflow.recovery.commands import CommandKind


@pytest.fixture
def executed(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages with which the environment ends the command while the command line waits."""
    messages: list[str] = []

    def execute(_seconds: float) -> None:
        [command] = command_line.commands.list_open()
        refused = sum("not stopped" in message for message in messages)
        ended = replace(
            command, messages=tuple(messages), done=len(messages) - refused, refused=refused, ended_at="2026"
        )
        command_line.commands.update_if_unchanged(command, ended)

    monkeypatch.setattr("time.sleep", execute)
    return messages


def test_a_stop_is_stored_with_its_reason_and_its_result_is_printed(
    command_line: CommandLine, unsure: Image, executed: list[str]
) -> None:
    executed.append("attempt 1 was stopped")

    result = command_line.run("execution", "stop", KEY, "--reason", "it hangs", "--json")

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["stopped"], document["refused"], document["messages"]) == (1, 0, executed)
    command = command_line.commands.get(document["command"])
    assert command is not None
    assert (command.kind, command.ids) == (CommandKind.STOP, (inspection_id(unsure),))
    assert command.reason == "it hangs"
    assert command_line.command_queue.sent == [command.id]


def test_a_refused_stop_fails(command_line: CommandLine, unsure: Image, executed: list[str]) -> None:
    executed.append("pump.png: not stopped, its execution does not run")

    result = command_line.run("execution", "stop", KEY, "--reason", "it hangs")

    assert (result.exit_code, result.stdout) == (1, f"{executed[0]}\n")


def test_a_stop_without_a_result_is_executed_later(
    command_line: CommandLine, unsure: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.execution.stop._wait", lambda _environment, command, _timeout: command)

    result = command_line.run("execution", "stop", KEY, "--reason", "it hangs")

    assert result.exit_code == 1
    assert "The command is stored and will be executed" in result.stderr


def test_a_stop_needs_a_reason_and_a_photo(command_line: CommandLine, unsure: Image) -> None:
    assert command_line.run("execution", "stop", KEY).exit_code == 2
    assert command_line.run("execution", "stop", KEY, "--reason", " ").exit_code == 2
    assert command_line.run("execution", "stop", "--reason", "it hangs").exit_code == 2
    assert command_line.run("execution", "stop", "no-such.png", "--reason", "it hangs").exit_code == 1
