"""Parsers for the two languages inside strings: JSONPath and intrinsic functions."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"\.([^\W\d][\w-]*)")
_QUOTED = re.compile(r"\[\s*(?:'((?:[^'\\]|\\.)+)'|\"((?:[^\"\\]|\\.)+)\")\s*\]")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_MULTIPLE = re.compile(
    r"\.\.(?:[^\W\d][\w-]*|\*)|\.\*|\.\.(?=\[)|\[\s*\*\s*\]"
    r"|\[\s*-?\d*\s*:\s*-?\d*\s*(?::\s*-?\d*\s*)?\]|\[\s*-?\d+(?:\s*,\s*-?\d+)+\s*\]"
    r"|\[\s*'[^']+'(?:\s*,\s*'[^']+')+\s*\]|\[\?\([^()]*(?:\([^()]*\)[^()]*)*\)\]|\.length\(\)"
)
_CALL = re.compile(r"([A-Za-z]\w*(?:\.\w+)+)\s*\(")
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|-?\d+(?:\.\d+)?|true|false|null")
_PATH = re.compile(r"\$(?:\[(?:'[^']*'|[^\]'])*\]|[^,()\s\[])*")


class ParseError(ValueError):
    """A string that is neither a path nor a function call that AWS accepts."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed JSONPath: its root and its steps. `is_reference` is false if it selects several nodes."""

    root: str
    steps: tuple[str | int, ...]
    is_reference: bool


@dataclass(frozen=True, slots=True)
class IntrinsicCall:
    """A parsed intrinsic function and its arguments: literals as text, paths and calls."""

    name: str
    arguments: tuple["str | Path | IntrinsicCall", ...]


def parse_path(text: str) -> Path:
    """Parse `$.a['b'][0]` or `$$.Execution.Name`. Raise ParseError for other text."""
    root = "$$" if text.startswith("$$") else "$"
    if not text.startswith("$"):
        raise ParseError(f"a path starts with $, but this is {text!r}")
    steps: list[str | int] = []
    single = True
    at = len(root)
    while at < len(text):
        match = _NAME.match(text, at) or _QUOTED.match(text, at) or _INDEX.match(text, at)
        multiple = _MULTIPLE.match(text, at) if text.startswith((".length()", ".."), at) else None
        if match and not multiple:
            if single:
                steps.append(
                    int(match[1]) if match.re is _INDEX else next(group for group in match.groups() if group)
                )
        elif match := multiple or _MULTIPLE.match(text, at):
            single = False
        else:
            raise ParseError(f"{text!r} cannot be parsed at {text[at:]!r}")
        at = match.end()
    return Path(root, tuple(steps), single)


def parse_value(text: str) -> Path | IntrinsicCall:
    """Parse the value of a `.$` field: a path or an intrinsic function. Raise ParseError for other text."""
    if text.startswith("$"):
        return parse_path(text)
    value, end = _call(text, 0)
    if text[end:].strip():
        raise ParseError(f"{text!r} continues after its closing parenthesis")
    return value


def paths_in(value: "str | Path | IntrinsicCall") -> list[Path]:
    """Return all paths in a parsed value, with those in nested arguments."""
    if isinstance(value, Path):
        return [value]
    return (
        [path for part in value.arguments for path in paths_in(part)]
        if isinstance(value, IntrinsicCall)
        else []
    )


def calls_in(value: "str | Path | IntrinsicCall") -> list[IntrinsicCall]:
    """Return all calls in a parsed value, the outer one first."""
    if not isinstance(value, IntrinsicCall):
        return []
    return [value, *(call for part in value.arguments for call in calls_in(part))]


def _call(text: str, at: int) -> tuple[IntrinsicCall, int]:
    opened = _CALL.match(text, at)
    if not opened:
        raise ParseError(f"{text!r} is neither a path nor an intrinsic function")
    arguments: list[str | Path | IntrinsicCall] = []
    at = _skip(text, opened.end())
    while not text.startswith(")", at):
        if arguments:
            if not text.startswith(",", at):
                raise ParseError(f"{text!r} lacks a comma or a parenthesis at {text[at:]!r}")
            at = _skip(text, at + 1)
        argument, at = _argument(text, at)
        arguments.append(argument)
        at = _skip(text, at)
    return IntrinsicCall(opened[1], tuple(arguments)), at + 1


def _argument(text: str, at: int) -> tuple[str | Path | IntrinsicCall, int]:
    if literal := _LITERAL.match(text, at):
        return literal[0], literal.end()
    if path := _PATH.match(text, at):
        return parse_path(path[0]), path.end()
    return _call(text, at)


def _skip(text: str, at: int) -> int:
    while text.startswith((" ", "\t", "\n"), at):
        at += 1
    return at
