"""The two little languages inside the strings: JSONPath, and the intrinsic functions."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"\.([^\W\d][\w-]*)")
_QUOTED = re.compile(r"\[\s*(?:'((?:[^'\\]|\\.)+)'|\"((?:[^\"\\]|\\.)+)\")\s*\]")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_MANY = re.compile(
    r"\.\.(?:[^\W\d][\w-]*|\*)|\.\*|\.\.(?=\[)|\[\s*\*\s*\]"
    r"|\[\s*-?\d*\s*:\s*-?\d*\s*(?::\s*-?\d*\s*)?\]|\[\s*-?\d+(?:\s*,\s*-?\d+)+\s*\]"
    r"|\[\s*'[^']+'(?:\s*,\s*'[^']+')+\s*\]|\[\?\([^()]*(?:\([^()]*\)[^()]*)*\)\]|\.length\(\)"
)
_CALL = re.compile(r"([A-Za-z]\w*(?:\.\w+)+)\s*\(")
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|-?\d+(?:\.\d+)?|true|false|null")
_PATH = re.compile(r"\$(?:\[(?:'[^']*'|[^\]'])*\]|[^,()\s\[])*")


class UnreadableError(ValueError):
    """The string is neither a path nor a function call that AWS would accept."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed JSONPath: its root, the steps to a single node, and whether it goes on to many nodes."""

    root: str
    steps: tuple[str | int, ...]
    is_reference: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed intrinsic function with its arguments: literals as text, paths, calls."""

    name: str
    arguments: tuple["str | Path | Call", ...]


def parse_path(text: str) -> Path:
    """Read `$.a['b'][0]` or `$$.Execution.Name`; raises UnreadableError."""
    root = "$$" if text.startswith("$$") else "$"
    if not text.startswith("$"):
        raise UnreadableError(f"a path starts with $, but this is {text!r}")
    steps: list[str | int] = []
    single = True
    at = len(root)
    while at < len(text):
        found = _NAME.match(text, at) or _QUOTED.match(text, at) or _INDEX.match(text, at)
        call = _MANY.match(text, at) if text.startswith((".length()", ".."), at) else None
        if found and not call:
            if single:
                steps.append(int(found[1]) if found.re is _INDEX else next(g for g in found.groups() if g))
        elif found := call or _MANY.match(text, at):
            single = False
        else:
            raise UnreadableError(f"{text!r} cannot be read from {text[at:]!r} on")
        at = found.end()
    return Path(root, tuple(steps), single)


def parse_value(text: str) -> Path | Call:
    """Read what may stand behind a `.$` name: a path or an intrinsic function; raises UnreadableError."""
    if text.startswith("$"):
        return parse_path(text)
    value, end = _call(text, 0)
    if text[end:].strip():
        raise UnreadableError(f"{text!r} goes on after its closing parenthesis")
    return value


def paths_in(value: "str | Path | Call") -> list[Path]:
    """Every path in a parsed value, arguments of arguments included."""
    if isinstance(value, Path):
        return [value]
    return [path for part in value.arguments for path in paths_in(part)] if isinstance(value, Call) else []


def calls_in(value: "str | Path | Call") -> list[Call]:
    """Every call in a parsed value, the outer one first."""
    if not isinstance(value, Call):
        return []
    return [value, *(call for part in value.arguments for call in calls_in(part))]


def _call(text: str, at: int) -> tuple[Call, int]:
    opened = _CALL.match(text, at)
    if not opened:
        raise UnreadableError(f"{text!r} is neither a path nor an intrinsic function")
    arguments: list[str | Path | Call] = []
    at = _skip(text, opened.end())
    while not text.startswith(")", at):
        if arguments:
            if not text.startswith(",", at):
                raise UnreadableError(f"{text!r} lacks a comma or a parenthesis at {text[at:]!r}")
            at = _skip(text, at + 1)
        argument, at = _argument(text, at)
        arguments.append(argument)
        at = _skip(text, at)
    return Call(opened[1], tuple(arguments)), at + 1


def _argument(text: str, at: int) -> tuple[str | Path | Call, int]:
    if literal := _LITERAL.match(text, at):
        return literal[0], literal.end()
    if path := _PATH.match(text, at):
        return parse_path(path[0]), path.end()
    return _call(text, at)


def _skip(text: str, at: int) -> int:
    while text.startswith((" ", "\t", "\n"), at):
        at += 1
    return at
