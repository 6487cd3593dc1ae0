"""Commands that messages print: typed as printed, they work on the environment of the command that ran."""

import shlex
import shutil
import sys
from pathlib import Path

import click

from cli.context import AwsTarget, CliContext, display_path

STARTING_COMMANDS = ("up", "demo")
REPEATED_OPTIONS = ("project", "bucket")


def printed_command(words: str, target: AwsTarget | None = None) -> str:
    """Return a command as the user can type it: with the program's path, and the options of this call.

    `words` are the command's name and its arguments, already quoted. `target` replaces the selected stage.
    """
    click_context = click.get_current_context(silent=True)
    context = click_context.find_object(CliContext) if click_context else None
    if target is not None:
        before = _stage_options(target)
    else:
        before = options_before_command(context, words.split()[0]) if context else ""
    after = _options_after_command(click_context, words) if click_context else ""
    return f"{command_path('partcheck')}{before} {words}{after}"


def options_before_command(context: CliContext, command: str) -> str:
    """Return the options that select the environment, each after a space. Empty for the default one."""
    if context.target.stage:
        return _stage_options(context.target)
    options = _option("state-dir", display_path(context.state_dir) if context.state_dir else "")
    starts = context.start_local is not None and command not in STARTING_COMMANDS
    if starts or command in STARTING_COMMANDS:
        options += _option("port", str(context.port or ""))
    return options + (" --start" if starts else "")


def _stage_options(target: AwsTarget) -> str:
    return (
        _option("stage", target.stage) + _option("profile", target.profile) + _option("region", target.region)
    )


def command_path(program: str) -> str:
    """Return the shell word that calls a program of this virtual environment: its name, or else its path."""
    path = Path(sys.prefix) / "bin" / program
    found = shutil.which(program)
    return program if found and Path(found) == path else shlex.quote(display_path(path))


def _options_after_command(click_context: click.Context, words: str) -> str:
    """Return the options of this call that the printed command has too, such as --project."""
    command: click.Command | None = click_context.find_root().command
    for word in words.split():
        if isinstance(command, click.Group):
            command = command.commands.get(word)
    known = {parameter.name for parameter in command.params} if command else set()
    given = {
        name: click_context.params.get(name)
        for name in REPEATED_OPTIONS
        if click_context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    return "".join(_option(name, str(value)) for name, value in given.items() if name in known)


def _option(name: str, value: str) -> str:
    return f" --{name} {shlex.quote(value)}" if value else ""
