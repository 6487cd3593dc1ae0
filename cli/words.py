"""Text that a person gives with an option, refused before anything is reached or changed."""

from typing import Any

import click


class Words(click.ParamType[str]):
    """At most so many characters of valid text; `needed` refuses blanks, `printable` control characters."""

    name = "text"

    def __init__(self, most: int, *, needed: bool = False, printable: bool = False) -> None:
        self.most, self.needed, self.printable = most, needed, printable

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it was given."""
        text = str(value)
        if self.needed and not text.strip():
            self.fail("say something: it is kept with what is done", param, ctx)
        if len(text) > self.most:
            self.fail(f"at most {self.most:,} characters, not {len(text):,}", param, ctx)
        if self.printable and not text.isprintable():
            self.fail("it has characters that cannot be printed", param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("it is not valid UTF-8", param, ctx)
        return text
