import io
import json
import sys

import click
import pytest

from cli import output
from cli.progress import Progress


def test_text_cannot_command_a_terminal_or_break_a_row() -> None:
    hostile = "a\x1b[31m\r\n\t\u202eb\u2028c\x9b\udcff"

    shown = output.escape_unprintable(hostile)

    assert shown == r"a\x1b[31m\r\n\t\u202eb\u2028c\x9b\udcff"
    assert shown.isprintable()


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    assert output.escape_unprintable("Bohrung ø 8 – 零件 🔩 é") == "Bohrung ø 8 – 零件 🔩 é"


def test_a_table_without_a_terminal_is_plain_and_uncut(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(
        ("photo", "confidence"), [("x" * 300, "0.9"), ("[red]y", "1.000")], right=("confidence",)
    )

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "photo" + " " * 297 + "confidence"
    assert lines[1] == "x" * 300 + "  " + "       0.9"
    assert lines[2].startswith("[red]y ")
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("no_color", [False, True])
def test_a_table_on_a_terminal_fits_it_and_has_colours_unless_unwanted(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    output.print_table(("photo", "verdict"), [("x" * 300, "ok")])

    written = terminal.getvalue()
    assert "…" in written
    assert "\n" in written
    assert ("\x1b[32m" in written) is not no_color


@pytest.mark.parametrize("available", range(20, 200, 7))
def test_columns_fit_the_terminal_and_short_ones_stay_whole_as_long_as_possible(available: int) -> None:
    titles = ("photo", "verdict", "seconds", "uploaded", "execution")
    rows = [
        ("line-1/a-very-long-name-of-a-photo.jpeg", "defect", "12.5", "2026-11-30 10:54:07 UTC", "1" * 14)
    ]

    widths = output.fit_columns(titles, rows, available, ("seconds", "uploaded"))

    gaps = 2 * (sum(map(bool, widths)) - 1)
    assert sum(widths) + gaps <= max(available, 14)
    if available >= 80:
        assert (widths[0] >= 24, widths[1], widths[3:]) == (True, 7, [23, 14])
    if available >= 100:
        assert widths[2] == 7
    if available >= 110:
        assert widths[0] == 39


def test_a_shortened_key_keeps_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")

    output.print_table(("photo", "verdict"), [(f"folder-零件/{'x' * 40}_0042.jpeg", "ok")])

    row = click.unstyle(capsys.readouterr().out).splitlines()[1]
    assert row.startswith("…xx")
    assert "_0042.jpeg  ok" in row


def test_a_narrow_terminal_hides_columns_and_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")

    output.print_table(("photo", "label", "verdict"), [("x" * 60, "y" * 20, "ok")], optional=("label",))

    written = capsys.readouterr()
    assert all(len(click.unstyle(line)) <= 40 for line in written.out.splitlines())
    assert "label" not in written.out
    assert written.err == "Hidden, as the terminal is narrow: label.\n"


def test_an_empty_column_without_a_title_is_not_told_as_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("day", "uploads", ""), [("2026-11-30", "44", "")])

    shown = capsys.readouterr()
    assert ("Hidden" in shown.out, "Hidden" in shown.err) == (False, False)


def test_json_survives_every_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json_line({"key": "é\udcff\n🔩"})

    written = capsys.readouterr().out
    assert written.isascii()
    assert json.loads(written) == {"key": "é\udcff\n🔩"}


def test_a_confidence_below_its_threshold_never_looks_like_it() -> None:
    assert [output.format_confidence(value) for value in (0.7999, 0.8, 1.0, 0.57, 1e-9, None)] == [
        *("0.799", "0.800", "1.000", "0.570", "0.000", ""),
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0.0004, "0.000 s"),
        (9.5, "9.500 s"),
        (59.94, "59.9 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3660, "1 h 1 min"),
        (86399, "23 h 59 min"),
        (2 * 86400 + 3 * 3600, "2 d 3 h"),
    ],
)
def test_durations_have_the_two_units_that_matter(seconds: float | None, shown: str) -> None:
    assert output.format_duration(seconds) == shown


def test_counts_leave_out_what_did_not_occur() -> None:
    assert output.format_counts({"ok": 1200, "defect": 0, "unclear": 1}) == "1,200 ok, 1 unclear"


def test_progress_without_a_terminal_is_its_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("Inspecting", 40) as progress:
        for done in range(41):
            progress.show(done, "1 ok")

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Inspecting 40/40: 1 ok\n")


def test_progress_on_a_terminal_is_a_bar_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")

    with Progress("Inspecting", 4) as progress:
        progress.show(4, "4 ok")

    assert "4/4" in terminal.getvalue()
    assert capsys.readouterr().out == ""
