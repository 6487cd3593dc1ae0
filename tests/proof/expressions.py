"""DynamoDB's condition and update expressions, as far as the product uses them. Other syntax is refused."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, Any]
Placeholders = tuple[Mapping[str, str], Mapping[str, Any]]
Operand = Callable[[Item, Placeholders], Any]
Condition = Callable[[Item, Placeholders], bool]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+\-]|[#:]?\w+(?:\.#?\w+)*)")
_KEYWORDS = {"AND", "OR", "NOT", "BETWEEN", "IN"}


class _TokenReader:
    """The tokens of one expression, read from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"unknown syntax at {text[position:]!r}")
            self.tokens.append(match[1])
            position = match.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        if not self.tokens or (expected and self.tokens[0] != expected):
            raise ValueError(f"expected {expected or 'more'} before {self.tokens}")
        return self.tokens.pop(0)

    def take_if(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.tokens.pop(0)
        return True

    def arguments(self) -> list[Operand]:
        self.take("(")
        operands = [_parse_operand(self)]
        while self.take_if(","):
            operands.append(_parse_operand(self))
        self.take(")")
        return operands


@cache
def parse_condition(text: str) -> Condition:
    """Parse a condition or key condition into a predicate of item and placeholders."""
    reader = _TokenReader(text)
    result = _parse_or(reader)
    if reader.tokens:
        raise ValueError(f"unexpected tokens: {reader.tokens}")
    return result


def _parse_or(reader: _TokenReader) -> Condition:
    left = _parse_and(reader)
    while reader.take_if("OR"):
        left = _combine(left, _parse_and(reader), any)
    return left


def _parse_and(reader: _TokenReader) -> Condition:
    left = _parse_comparison(reader)
    while reader.take_if("AND"):
        left = _combine(left, _parse_comparison(reader), all)
    return left


def _combine(left: Condition, right: Condition, combine: Callable[[Any], bool]) -> Condition:
    return lambda item, placeholders: combine(side(item, placeholders) for side in (left, right))


def _parse_comparison(reader: _TokenReader) -> Condition:
    if reader.take_if("NOT"):
        inner = _parse_comparison(reader)
        return lambda item, placeholders: not inner(item, placeholders)
    if reader.peek() == "(":
        reader.take("(")
        inner = _parse_or(reader)
        reader.take(")")
        return inner
    if reader.peek() in _TESTS:
        test, arguments = _TESTS[reader.take()], reader.arguments()
        return lambda item, placeholders: test(*(argument(item, placeholders) for argument in arguments))
    left = _parse_operand(reader)
    if reader.take_if("BETWEEN"):
        low = _parse_operand(reader)
        reader.take("AND")
        high = _parse_operand(reader)
        return lambda item, placeholders: (
            _compare(left(item, placeholders), ">=", low(item, placeholders))
            and _compare(left(item, placeholders), "<=", high(item, placeholders))
        )
    if reader.take_if("IN"):
        choices = reader.arguments()
        return lambda item, placeholders: any(
            _compare(left(item, placeholders), "=", choice(item, placeholders)) for choice in choices
        )
    sign = reader.take()
    if sign not in ("=", "<>", "<", "<=", ">", ">="):
        raise ValueError(f"{sign!r} is no comparison operator")
    right = _parse_operand(reader)
    return lambda item, placeholders: _compare(left(item, placeholders), sign, right(item, placeholders))


def _begins_with(value: Any, start: Any) -> bool:
    return value is not None and _plain(value).startswith(_plain(start))


def _contains(value: Any, part: Any) -> bool:
    if value is None:
        return False
    return part in value["L"] if "L" in value else _plain(part) in _plain(value)


_TESTS: Mapping[str, Callable[..., bool]] = {
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "begins_with": _begins_with,
    "contains": _contains,
}


def _parse_operand(reader: _TokenReader) -> Operand:
    token = reader.take()
    if token.upper() in _KEYWORDS or not re.match(r"[#:\w]", token):
        raise ValueError(f"{token!r} is not an operand")
    if token == "if_not_exists":
        path, default = reader.arguments()
        return lambda item, placeholders: (
            value if (value := path(item, placeholders)) is not None else default(item, placeholders)
        )
    if token == "list_append":
        first, second = reader.arguments()
        return lambda item, placeholders: {
            "L": first(item, placeholders)["L"] + second(item, placeholders)["L"]
        }
    if token == "size":
        (inner,) = reader.arguments()
        return lambda item, placeholders: (
            None if (value := inner(item, placeholders)) is None else {"N": str(len(_plain(value)))}
        )
    if token.startswith(":"):
        return lambda item, placeholders: placeholders[1][token]
    return lambda item, placeholders: _at(item, _names(token, placeholders))


def _names(path: str, placeholders: Placeholders) -> list[str]:
    return [placeholders[0][part] if part.startswith("#") else part for part in path.split(".")]


def _at(item: Any, names: list[str]) -> Any:
    value = item.get(names[0])
    for name in names[1:]:
        if value is None or "M" not in value:
            return None
        value = value["M"].get(name)
    return value


def _plain(value: Any) -> Any:
    return next(iter(value.values()))


def _compare(left: Any, sign: str, right: Any) -> bool:
    """Compare two values. A missing attribute differs from every value, and types are never ordered."""
    if left is None or right is None:
        return sign == "<>" and left is not right
    same = left == right or ("N" in left and "N" in right and Decimal(left["N"]) == Decimal(right["N"]))
    if sign in ("=", "<>"):
        return same is (sign == "=")
    if left.keys() != right.keys() or not left.keys() <= {"S", "N", "B"}:
        return False
    a, b = (Decimal(value["N"]) if "N" in value else _plain(value) for value in (left, right))
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


Change = tuple[str, str, Operand | None]


@cache
def parse_update(text: str) -> list[Change]:
    """Parse an update expression into (clause, path, value). DELETE supports sets of strings only."""
    reader, changes, clause = _TokenReader(text), [], ""
    while reader.tokens:
        if reader.peek() in ("SET", "REMOVE", "ADD", "DELETE"):
            clause = reader.take()
        path = reader.take()
        if clause == "SET":
            reader.take("=")
            changes.append((clause, path, _parse_sum(reader)))
        elif clause == "REMOVE":
            changes.append((clause, path, None))
        elif clause in ("ADD", "DELETE"):
            changes.append((clause, path, _parse_operand(reader)))
        else:
            raise ValueError(f"unknown clause before {path!r}")
        reader.take_if(",")
    return changes


def _parse_sum(reader: _TokenReader) -> Operand:
    left = _parse_operand(reader)
    if reader.peek() not in ("+", "-"):
        return left
    factor, right = (1 if reader.take() == "+" else -1), _parse_operand(reader)
    return lambda item, placeholders: {
        "N": str(Decimal(left(item, placeholders)["N"]) + factor * Decimal(right(item, placeholders)["N"]))
    }


def apply_update(item: Item, text: str, placeholders: Placeholders) -> Item:
    """Return an updated copy of the item. All values are computed from the item before the update."""
    after = dict(item)
    for clause, path, value in parse_update(text):
        *parents, last = _names(path, placeholders)
        level = after
        for name in parents:
            inner = dict(level[name]["M"])
            level[name] = {"M": inner}
            level = inner
        if clause == "REMOVE" or value is None:
            level.pop(last, None)
            continue
        new = value(item, placeholders)
        if clause == "ADD" and "N" in new:
            level[last] = {"N": str(int(level.get(last, {"N": "0"})["N"]) + int(new["N"]))}
            continue
        if clause in ("ADD", "DELETE"):
            _change_set(level, last, clause, new["SS"])
            continue
        if new is None:
            raise ValueError(f"the value of {path} does not exist")
        level[last] = new
    return after


def _change_set(level: Item, name: str, clause: str, texts: list[str]) -> None:
    """Change a string set. DynamoDB has no empty sets: the attribute disappears with its last member."""
    before = set(level.get(name, {"SS": ()})["SS"])
    after = sorted(before | set(texts) if clause == "ADD" else before - set(texts))
    level.pop(name, None)
    if after:
        level[name] = {"SS": after}
