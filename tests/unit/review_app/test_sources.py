"""Templates and scripts are readable: lines of at most 120 columns, one JavaScript statement a line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import review_app

ROOT = Path(review_app.__file__).parent
MAX_COLUMNS = 120
SCRIPTS = sorted((ROOT / "static").glob("*.js"))
PAGES = [*sorted(ROOT.rglob("*.html")), *SCRIPTS]
# Comments, strings, templates, and the heads of `for` loops.
_NO_CODE = re.compile(
    r"/\*.*?\*/|//[^\n]*"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
    r"|\bfor \([^\n]*?;[^\n]*?;[^\n]*?\) ",
    re.DOTALL,
)


def find_crowded_lines(script: str) -> Iterator[int]:
    """Yield the numbers of lines on which something follows a statement's end."""
    code = _NO_CODE.sub(lambda match: "\n" * match[0].count("\n") or "_", script)
    for number, line in enumerate(code.splitlines(), start=1):
        if re.search(r";\s*[^\s_]", line):
            yield number


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_is_longer_than_a_screen(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()

    assert [number for number, line in enumerate(lines, start=1) if len(line) > MAX_COLUMNS] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_line_of_javascript_has_one_statement(script: Path) -> None:
    assert list(find_crowded_lines(script.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    ["a(); b();", "if (a) { b(); }", "const a = () => { b(); c(); };", 'a("x;"); b()', "for (;;) a(); b();"],
)
def test_a_second_statement_is_found(line: str) -> None:
    assert list(find_crowded_lines(f"/* one;\ntwo; */\n{line}\n")) == [3]


@pytest.mark.parametrize(
    "line", ['a("x; y");', "a(); // b; c", "a(`x; y`);", "for (let i = 0; i < 3; i += 1) {", "a('x; y');"]
)
def test_a_single_statement_is_accepted(line: str) -> None:
    assert list(find_crowded_lines(line)) == []
