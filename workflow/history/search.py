"""Finding inspections: what can be asked, which rows answer it, and the pages they come in."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from workflow.inspections.inspection import Inspection, State
from workflow.inspections.verdict import Prediction, Verdict
from workflow.models.model import name_of

MAX_BEGINNINGS = 32
FINDABLE = 200


class Way(StrEnum):
    """In which direction of time a page goes on from its mark."""

    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the inspections; empty parts ask nothing.

    `name` is what a word of the photo's name begins with, or a number in it contains, whatever its case;
    where it ends in `*`, what the name begins with. `model` is the name of a model's version. `since` and
    `until` bound the time of claiming, the first one included.
    """

    name: str = ""
    state: State | None = None
    verdict: Verdict | None = None
    decided_by: str = ""
    model: str = ""
    policy: str = ""
    since: str = ""
    until: str = ""

    @property
    def part(self) -> str:
        """The part of a name in the form in which names are compared."""
        return folded(self.name.rstrip("*"))

    @property
    def word(self) -> str:
        """The part from its first letter or digit on."""
        start = next((place for place, one in enumerate(self.part) if one.isalnum()), len(self.part))
        return self.part[start:]

    @property
    def from_the_start(self) -> bool:
        """Whether names must begin with the part."""
        return self.name.endswith("*")

    def names(self, name: str) -> bool:
        """Whether a photo's name is among those that are asked for."""
        if self.from_the_start:
            return folded(name).startswith(self.part)
        return self.part in folded(name) and any(rest.startswith(self.word) for rest in beginnings(name))

    def answers(self, row: Inspection) -> bool:
        """Whether a row is among those that are asked for."""
        said = row.prediction
        return (
            (not self.name or self.names(photo_name(row)))
            and self.state in (None, row.state)
            and self.verdict in (None, row.verdict)
            and self.decided_by in ("", row.decision.reviewer if row.decision else None)
            and self.model in ("", model_name(said) if said else None)
            and self.policy in ("", said.policy_version if said else None)
            and (not self.since or row.claimed_at >= self.since)
            and (not self.until or row.claimed_at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between rows that stays where it is while rows come and go: the row that it follows."""

    at: str
    id: str
    way: Way = Way.OLDER


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the rows that answer a query, newest first.

    `older` and `newer` are where the pages beside it begin, None where nothing more is known to be. A search
    for something rare may stop early: then `searched_to` is the moment down to which it came.
    """

    rows: tuple[Inspection, ...]
    older: Mark | None = None
    newer: Mark | None = None
    searched_to: str = ""


class Search(Protocol):
    """Inspections by what is known of them; an index may lag by moments, and the rows are read afresh."""

    def page(self, query: Query, mark: Mark | None = None, size: int = 25) -> Page:
        """The rows that answer a query: the newest, or those on the mark's other side."""


def photo_name(row: Inspection) -> str:
    """What people call the photo."""
    return row.image.name or row.image.key


def model_name(prediction: Prediction) -> str:
    """The name of the model's version; empty where no model answered."""
    return name_of(prediction.model)


def folded(name: str) -> str:
    """A name as names are compared: whatever its case and the composition of its letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def beginnings(name: str) -> tuple[str, ...]:
    """The rests of a name by which it is found: from each of its words on, and from each digit on."""
    text = folded(name)
    starts = [0, *(place for place, pair in enumerate(pairwise(text), start=1) if _begins(*pair))]
    return tuple(dict.fromkeys(text[start : start + FINDABLE] for start in starts[:MAX_BEGINNINGS]))


def _begins(before: str, here: str) -> bool:
    return here.isdigit() or (here.isalnum() and (before.isdigit() or not before.isalnum()))


def page_of(found: Iterator[Inspection | Mark], mark: Mark | None, size: int) -> Page:
    """A page from rows in the order of the mark's way; a mark among them says where the search stopped."""
    rows: list[Inspection] = []
    stopped: Mark | None = None
    more = False
    for one in found:
        if isinstance(one, Mark):
            stopped = one
            break
        if more := len(rows) == size:
            break
        rows.append(one)
    if mark and mark.way is Way.NEWER:
        rows.reverse()
        newer = stopped or (_edge(rows[:1], Way.NEWER) if more else None)
        older: Mark | None = _edge(rows[-1:], Way.OLDER) or Mark(mark.at, mark.id)
    else:
        newer = _edge(rows[:1], Way.NEWER) if mark else None
        older = stopped or (_edge(rows[-1:], Way.OLDER) if more else None)
    return Page(tuple(rows), older, newer, stopped.at if stopped else "")


def _edge(rows: list[Inspection], way: Way) -> Mark | None:
    return Mark(rows[0].claimed_at, rows[0].id, way) if rows else None
