"""Output that cannot hold a character escapes it, and printed commands are quoted."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main

ROOT = Path(__file__).parents[3]
COMMANDS = """
import click
from cli.main import Partcheck
from cli.output import note, print_table

@click.group(cls=Partcheck)
def main():
    pass

@main.command()
def show():
    "Show \N{GREEK CAPITAL LETTER OMEGA}."
    print_table(("name",), [("Pr\u00fcfling \u304d\u305a",), ("\\udcfc.png",), ("last",)])
    click.echo("Stopping \u2026")
    note("Stopping \u2026")

main()
"""


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "ascii"])
@pytest.mark.parametrize("arguments", [("show",), ("show", "--help")])
def test_output_that_cannot_hold_a_character_escapes_it(
    tmp_path: Path, encoding: str, arguments: tuple[str, ...]
) -> None:
    script = tmp_path / "print.py"
    script.write_text(COMMANDS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}

    done = subprocess.run(
        [sys.executable, script, *arguments], env=environment, capture_output=True, check=False
    )

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    if arguments == ("show",):
        assert b"last" in done.stdout
        assert b"Stopping " in done.stdout


def test_a_printed_command_is_quoted_for_the_shell(tmp_path: Path) -> None:
    directory = tmp_path / "line 2"

    result = CliRunner().invoke(main, ["--state-dir", str(directory), "execution", "list"])

    (command,) = re.findall("`(.+)`", result.stderr)
    assert shlex.split(command) == ["partcheck", "--state-dir", str(directory), "up"]
