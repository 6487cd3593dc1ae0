"""Object keys that people or programs may choose, and the risk of each."""

import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "hostile-keys.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class HostileKey:
    """A key, and its risk for a careless program."""

    key: str
    about: str


def _of(size: int, tail: str = ".jpg", letter: str = "k") -> str:
    """Build a key of exactly `size` bytes."""
    available = size - len(tail.encode())
    return letter * (available // len(letter.encode())) + "x" * (available % len(letter.encode())) + tail


def _written_oddly() -> Iterator[HostileKey]:
    yield HostileKey("line 1/a part.jpg", "spaces")
    yield HostileKey(" leading and trailing .jpg ", "spaces at both ends")
    yield HostileKey("a+b=c&d.jpg", "what a form would decode: `+` stays `+`")
    yield HostileKey("100%2Fsure %41.jpg", "what a URL would decode: `%2F` stays `%2F`")
    yield HostileKey('it\'s "quoted" `so` \\ and so.jpg', "every kind of quote, and a backslash")
    yield HostileKey("Schweißnaht 😀 焊缝 سلك.jpg", "several scripts and an emoji")
    yield HostileKey(unicodedata.normalize("NFC", "é.jpg"), "one character for é (NFC)")
    yield HostileKey(unicodedata.normalize("NFD", "é.jpg"), "e and an accent (NFD): another photo")
    yield HostileKey("part\u00a0one\u200b\ufeff.jpg", "spaces that cannot be seen")
    yield HostileKey("PART.JPG", "capitals")
    yield HostileKey("noextension", "no extension")
    yield HostileKey(".jpg", "nothing but an extension")
    yield HostileKey("x." + "e" * 60, "an extension of 60 characters")


def _commanding() -> Iterator[HostileKey]:
    yield HostileKey("photo\u202egpj.exe", "right-to-left override: looks like `photoexe.jpg`")
    yield HostileKey("\u2066a\u2069\u200fb.jpg", "direction marks")
    yield HostileKey("red \x1b[31m\x1b]0;title\x07.jpg", "commands to a terminal (ANSI)")
    yield HostileKey('two\nlines\r\n{"level":"INFO"}.jpg', "line breaks: a log line of its own")
    yield HostileKey("tab\tbell\x07delete\x7f\x01.jpg", "other control characters")
    yield HostileKey("\u2028line\u2029paragraph\x85.jpg", "line breaks that only Unicode knows")
    yield HostileKey('=HYPERLINK("http://example.com","x").jpg', "a formula in a spreadsheet")
    yield HostileKey("+1+cmd|' /C calc'!A0.jpg", "a formula that starts a program")
    yield HostileKey("-2+3.jpg", "a formula with a minus")
    yield HostileKey("@SUM(A1).jpg", "a formula with an at sign")
    yield HostileKey("\t=1+1.jpg", "a formula behind a tab")
    yield HostileKey("${jndi:ldap://127.0.0.1/x}.jpg", "a look-up in a logger")
    yield HostileKey("{{7*7}}${7*7}<%= 7*7 %>.jpg", "a template's expression")
    yield HostileKey("<script>alert(1)</script>\"'><img src=x onerror=alert(1)>.jpg", "a script in a page")
    yield HostileKey("'; DROP TABLE ledger; --.jpg", "a database command")
    yield HostileKey("$(reboot)`reboot`;reboot|reboot.jpg", "a shell command")
    yield HostileKey("%s%n{0}{key}.jpg", "a format")
    yield HostileKey("$.inspection_id", "a path in the state machine")
    yield HostileKey("States.Format('{}', $).jpg", "a function of the state machine")
    yield HostileKey('{"bucket":"other","key":"other"}', "JSON")


def _misleading() -> Iterator[HostileKey]:
    yield HostileKey("../../etc/passwd", "a way out of a folder")
    yield HostileKey("/from/the/root.jpg", "a leading slash")
    yield HostileKey("a//b///c.jpg", "empty folders")
    yield HostileKey("./.", "nothing but dots")
    yield HostileKey("ok/0123456789abcdef/looks-filed.jpg", "looks like a photo that was filed as ok")
    yield HostileKey("unclear/looks-filed.jpg", "looks like one of our folders")
    yield HostileKey("rejected/0123456789abcdef-2/x.jpg", "looks like a second revision")
    yield HostileKey("s3://other-bucket/x.jpg", "looks like an address")
    yield HostileKey(f"{'ab' * 32}-1", "looks like an execution's name")
    yield HostileKey("CON.jpg", "a device on Windows")
    yield HostileKey("null", "a word that means nothing")
    yield HostileKey("0", "a number")


def _long() -> Iterator[HostileKey]:
    for size in range(1017, MAX_KEY_BYTES + 1):
        yield HostileKey(_of(size), f"{size:,} bytes")
    yield HostileKey(_of(1024, letter="焊"), "1,024 bytes in 344 characters")
    yield HostileKey("d/" * 400 + _of(224), "400 folders deep, 1,024 bytes")
    yield HostileKey(_of(1024, tail=""), "1,024 bytes without an extension")


def corpus() -> list[HostileKey]:
    """Return every key in the order of the documentation."""
    return [one for family in (_written_oddly, _commanding, _misleading, _long) for one in family()]


def format_key(key: str) -> str:
    """Format a key for the documentation: escape invisible characters and shorten long keys."""
    spelt = "".join(one if one.isprintable() and one != "|" else _escape(one) for one in key)
    spelt = spelt if len(spelt) <= 60 else f"{spelt[:40]}…{spelt[-12:]}"
    fence = "``" if "`" in spelt else "`"
    return f"{fence} {spelt} {fence}" if "`" in spelt or spelt != spelt.strip() else f"{fence}{spelt}{fence}"


def _escape(one: str) -> str:
    return f"\\u{ord(one):04x}"


def build_table() -> str:
    """Return the table of the documentation."""
    rows = (f"| {format_key(one.key)} | {one.about} |\n" for one in corpus())
    return "| Key | What it is |\n|---|---|\n" + "".join(rows)


def update_table(text: str) -> str:
    """Return the documentation with the current table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{build_table()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(update_table(DOCUMENT.read_text("utf-8")), "utf-8")
    sys.exit()
