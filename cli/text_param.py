"""Parameter type for free text. It rejects invalid text before the command connects to anything."""

from typing import Any

import click


class TextParam(click.ParamType[str]):
    """Valid UTF-8 text of limited length.

    `required` rejects blank text, `printable` rejects control characters.
    """

    name = "text"

    def __init__(self, max_length: int, *, required: bool = False, printable: bool = False) -> None:
        self.max_length, self.required, self.printable = max_length, required, printable

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text unchanged. Raise BadParameter if it is not valid."""
        text = str(value)
        if self.required and not text.strip():
            self.fail("must not be blank: it is stored with the change", param, ctx)
        if len(text) > self.max_length:
            self.fail(f"at most {self.max_length:,} characters, not {len(text):,}", param, ctx)
        if self.printable and not text.isprintable():
            self.fail("contains characters that cannot be printed", param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("is not valid UTF-8", param, ctx)
        return text
