"""The commands in README and docs exist, with their options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import main

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")))


def commands(page: str) -> Iterator[list[str]]:
    """Every `partcheck …` command of a page, as its words."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^(?:\.venv/bin/)?(partcheck .*)", blocks, re.MULTILINE)
    for line in (*lines, *re.findall(r"`(partcheck [^`\n]+)`", text)):
        yield shlex.split(re.split(r"\s#|\s\|", line.replace("…", "X").replace("\\", ""))[0])[1:]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_exists_with_its_options(page: str) -> None:
    for words in commands(page):
        group: click.Command = main
        for word in words:
            known = {
                "--help",
                *(
                    option
                    for parameter in group.params
                    for option in (*parameter.opts, *parameter.secondary_opts)
                ),
            }
            if word.startswith("--"):
                assert word in known, words
            elif isinstance(group, click.Group) and word in group.commands:
                group = group.commands[word]
        complete = not isinstance(group, click.Group) or words == [group.name]
        assert complete or {"X", "COMMAND", "--help"} & {*words}, words


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_every_python_command_of_a_page_works_in_a_clean_clone(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    bare = re.findall(r"(?:`|^)((?:python|pytest) [^`\n]*)", text, re.MULTILINE)

    assert bare == [], "the programs are in .venv/bin, which make setup creates"
