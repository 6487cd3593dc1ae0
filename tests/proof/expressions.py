"""DynamoDB's condition and update expressions, as far as the product writes them; all else is refused."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, Any]
Given = tuple[Mapping[str, str], Mapping[str, Any]]
Operand = Callable[[Item, Given], Any]
Condition = Callable[[Item, Given], bool]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+\-]|[#:]?\w+(?:\.#?\w+)*)")
_WORDS = {"AND", "OR", "NOT", "BETWEEN", "IN"}


class _Reader:
    """The tokens of one expression, read from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"unknown syntax at {text[at:]!r}")
            self.tokens.append(match[1])
            at = match.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str = "") -> str:
        if not self.tokens or (wanted and self.tokens[0] != wanted):
            raise ValueError(f"expected {wanted or 'more'} before {self.tokens}")
        return self.tokens.pop(0)

    def took(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.tokens.pop(0)
        return True

    def arguments(self) -> list[Operand]:
        self.take("(")
        found = [_operand(self)]
        while self.took(","):
            found.append(_operand(self))
        self.take(")")
        return found


@cache
def condition(text: str) -> Condition:
    """A condition or key condition, ready to be asked of an item."""
    reader = _Reader(text)
    answer = _either(reader)
    if reader.tokens:
        raise ValueError(f"left over: {reader.tokens}")
    return answer


def _either(reader: _Reader) -> Condition:
    left = _both(reader)
    while reader.took("OR"):
        left = _joined(left, _both(reader), any)
    return left


def _both(reader: _Reader) -> Condition:
    left = _single(reader)
    while reader.took("AND"):
        left = _joined(left, _single(reader), all)
    return left


def _joined(left: Condition, right: Condition, how: Callable[[Any], bool]) -> Condition:
    return lambda item, given: how(side(item, given) for side in (left, right))


def _single(reader: _Reader) -> Condition:
    if reader.took("NOT"):
        inner = _single(reader)
        return lambda item, given: not inner(item, given)
    if reader.peek() == "(":
        reader.take("(")
        inner = _either(reader)
        reader.take(")")
        return inner
    if reader.peek() in _TESTS:
        test, arguments = _TESTS[reader.take()], reader.arguments()
        return lambda item, given: test(*(one(item, given) for one in arguments))
    left = _operand(reader)
    if reader.took("BETWEEN"):
        low = _operand(reader)
        reader.take("AND")
        high = _operand(reader)
        return lambda item, given: (
            _compare(left(item, given), ">=", low(item, given))
            and _compare(left(item, given), "<=", high(item, given))
        )
    if reader.took("IN"):
        choices = reader.arguments()
        return lambda item, given: any(_compare(left(item, given), "=", one(item, given)) for one in choices)
    sign = reader.take()
    if sign not in ("=", "<>", "<", "<=", ">", ">="):
        raise ValueError(f"{sign!r} compares nothing")
    right = _operand(reader)
    return lambda item, given: _compare(left(item, given), sign, right(item, given))


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


def _operand(reader: _Reader) -> Operand:
    token = reader.take()
    if token.upper() in _WORDS or not re.match(r"[#:\w]", token):
        raise ValueError(f"{token!r} is no operand")
    if token == "if_not_exists":
        path, default = reader.arguments()
        return lambda item, given: found if (found := path(item, given)) is not None else default(item, given)
    if token == "list_append":
        first, second = reader.arguments()
        return lambda item, given: {"L": first(item, given)["L"] + second(item, given)["L"]}
    if token == "size":
        (inner,) = reader.arguments()
        return lambda item, given: (
            None if (found := inner(item, given)) is None else {"N": str(len(_plain(found)))}
        )
    if token.startswith(":"):
        return lambda item, given: given[1][token]
    return lambda item, given: _at(item, _names(token, given))


def _names(path: str, given: Given) -> list[str]:
    return [given[0][part] if part.startswith("#") else part for part in path.split(".")]


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
    """A missing attribute differs from everything; values of different types are never ordered."""
    if left is None or right is None:
        return sign == "<>" and left is not right
    same = left == right or ("N" in left and "N" in right and Decimal(left["N"]) == Decimal(right["N"]))
    if sign in ("=", "<>"):
        return same is (sign == "=")
    if left.keys() != right.keys() or not left.keys() <= {"S", "N", "B"}:
        return False
    one, other = (Decimal(v["N"]) if "N" in v else _plain(v) for v in (left, right))
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[sign]


Change = tuple[str, str, Operand | None]


@cache
def update(text: str) -> list[Change]:
    """An update expression as (clause, path, value); ADD and DELETE are for sets of text."""
    reader, changes, clause = _Reader(text), [], ""
    while reader.tokens:
        if reader.peek() in ("SET", "REMOVE", "ADD", "DELETE"):
            clause = reader.take()
        path = reader.take()
        if clause == "SET":
            reader.take("=")
            changes.append((clause, path, _sum(reader)))
        elif clause == "REMOVE":
            changes.append((clause, path, None))
        elif clause in ("ADD", "DELETE"):
            changes.append((clause, path, _operand(reader)))
        else:
            raise ValueError(f"unknown clause before {path!r}")
        reader.took(",")
    return changes


def _sum(reader: _Reader) -> Operand:
    left = _operand(reader)
    if reader.peek() not in ("+", "-"):
        return left
    factor, right = (1 if reader.take() == "+" else -1), _operand(reader)
    return lambda item, given: {
        "N": str(Decimal(left(item, given)["N"]) + factor * Decimal(right(item, given)["N"]))
    }


def updated(item: Item, text: str, given: Given) -> Item:
    """A copy of the item with an update applied; all of it reads the item as it was."""
    after = dict(item)
    for clause, path, value in update(text):
        *parents, last = _names(path, given)
        level = after
        for name in parents:
            inner = dict(level[name]["M"])
            level[name] = {"M": inner}
            level = inner
        if clause == "REMOVE" or value is None:
            level.pop(last, None)
            continue
        new = value(item, given)
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
    """There are no empty sets: the attribute goes with its last member."""
    before = set(level.get(name, {"SS": ()})["SS"])
    after = sorted(before | set(texts) if clause == "ADD" else before - set(texts))
    level.pop(name, None)
    if after:
        level[name] = {"SS": after}
