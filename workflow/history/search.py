"""Search for inspections: queries, cursors and result pages."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.verdict import Prediction, Verdict
from workflow.models.model import version_name

MAX_NAME_SUFFIXES = 32
MAX_FOLDER_SUFFIXES = 8
MAX_SUFFIX_LENGTH = 200
_COMBINING_DIACRITICS = dict.fromkeys(range(0x300, 0x370))  # Deleted by str.translate.
_UNDECOMPOSABLE = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i"}
)


class Direction(StrEnum):
    """The direction in time in which a page continues from its cursor."""

    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionQuery:
    """The filters of a search; an empty field filters nothing.

    `name` matches the beginning of a word of the photo's name, a part of a number in it, or the beginning of
    a word of its folders. With `*` at its end, it matches the beginning of the name or of the whole key. Case
    and diacritics are ignored. `model` is the name of a model version.
    `asked` selects photos that a reviewer was asked about, `unusual` those that the photo guard stopped.
    `since` (inclusive) and `until` (exclusive) bound the time of claiming.
    """

    name: str = ""
    state: InspectionState | None = None
    verdict: Verdict | None = None
    decided_by: str = ""
    model: str = ""
    policy: str = ""
    asked: bool = False
    unusual: bool = False
    since: str = ""
    until: str = ""

    @property
    def normalized_name(self) -> str:
        """The name without `*`, in the form in which names are compared."""
        return normalize_name(self.name.rstrip("*"))

    @property
    def search_text(self) -> str:
        """The normalised name from its first letter or digit on."""
        name = self.normalized_name
        start = next((index for index, letter in enumerate(name) if letter.isalnum()), len(name))
        return name[start:]

    @property
    def is_prefix(self) -> bool:
        """True if a photo's name or key must begin with the normalised name."""
        return self.name.endswith("*")

    def matches_key(self, key: str) -> bool:
        """Return True if a photo's key matches the query."""
        text = normalize_name(key)
        if self.is_prefix:
            return any(part.startswith(self.normalized_name) for part in (text, text[text.rfind("/") + 1 :]))
        return self.normalized_name in text and any(
            suffix.startswith(self.search_text) for suffix in key_suffixes(key)
        )

    def matches(self, row: Inspection) -> bool:
        """Return True if a row matches the query."""
        prediction = row.prediction
        return (
            (not self.name or self.matches_key(row.image.key))
            and self.state in (None, row.state)
            and self.verdict in (None, row.verdict)
            and self.decided_by in ("", row.decision.reviewer if row.decision else None)
            and self.model in ("", model_name(prediction) if prediction else None)
            and self.policy in ("", prediction.policy_version if prediction else None)
            and (not self.asked or row.review is not None)
            and (not self.unusual or (prediction is not None and bool(prediction.unusual)))
            and (not self.since or row.claimed_at >= self.since)
            and (not self.until or row.claimed_at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position after a row; it stays valid while rows are added and removed."""

    at: str
    id: str
    direction: Direction = Direction.OLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionPage:
    """A page of rows that match a query, newest first.

    `older` and `newer` are the cursors of the adjacent pages, None if no more rows are known. A search with
    few matches may stop early: then `searched_to` is the time down to which it searched.
    """

    rows: tuple[Inspection, ...]
    older: Cursor | None = None
    newer: Cursor | None = None
    searched_to: str = ""


class InspectionSearch(Protocol):
    """The search for inspections; an index may lag by moments, and the rows are read again."""

    def fetch_page(
        self, query: InspectionQuery, cursor: Cursor | None = None, size: int = 25
    ) -> InspectionPage:
        """Return the newest matching rows, or those beyond the cursor; at most `size`."""


def model_name(prediction: Prediction) -> str:
    """Return the name of the model version; empty if no model answered."""
    return version_name(prediction.model)


def normalize_name(name: str) -> str:
    """Return a name for comparison: case-folded, without diacritics, in Unicode's compatibility form.

    Marks that make another letter, as in Japanese, stay.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = folded.translate(_COMBINING_DIACRITICS).translate(_UNDECOMPOSABLE)
    return unicodedata.normalize("NFC", plain)


def key_suffixes(key: str) -> tuple[str, ...]:
    """Return the suffixes by which a key is found; they bound the writes to the name index.

    They start at the photo's name, at each of its words and digits, at the key, and at folders and words of
    folders, the deepest first.
    """
    text = normalize_name(key)
    name_start = text.rfind("/") + 1
    starts = [name_start, *_name_starts(text, name_start)][:MAX_NAME_SUFFIXES]
    starts += _folder_starts(text[:name_start])[:MAX_FOLDER_SUFFIXES]
    return tuple(dict.fromkeys(text[start : start + MAX_SUFFIX_LENGTH] for start in starts))


def _name_starts(text: str, name_start: int) -> list[int]:
    """Return where the words and digits of the name start, after its first letter."""
    name_pairs = enumerate(pairwise(text[name_start:]), start=name_start + 1)
    return [index for index, (before, here) in name_pairs if here.isdigit() or _starts_word(before, here)]


def _folder_starts(folders: str) -> list[int]:
    """Return where the folders start, the whole path first, then where their words and numbers start."""
    words = [index for index, pair in enumerate(pairwise(f"/{folders}")) if _starts_word(*pair)]
    paths = [index for index in range(len(folders)) if index == 0 or folders[index - 1] == "/"]
    return list(dict.fromkeys([*paths[:1], *reversed(paths), *reversed(words)]))


def _starts_word(before: str, here: str) -> bool:
    return here.isalnum() and (not before.isalnum() or before.isdigit() != here.isdigit())


def build_page(results: Iterator[Inspection | Cursor], cursor: Cursor | None, size: int) -> InspectionPage:
    """Build a page from rows in the order of the cursor's direction.

    A cursor among the results marks the position at which the search stopped early.
    """
    rows: list[Inspection] = []
    stopped: Cursor | None = None
    has_more = False
    for result in results:
        if isinstance(result, Cursor):
            stopped = result
            break
        if has_more := len(rows) == size:
            break
        rows.append(result)
    if cursor and cursor.direction is Direction.NEWER:
        rows.reverse()
        newer = stopped or (_edge_cursor(rows[:1], Direction.NEWER) if has_more else None)
        older: Cursor | None = _edge_cursor(rows[-1:], Direction.OLDER) or Cursor(cursor.at, cursor.id)
    else:
        newer = _edge_cursor(rows[:1], Direction.NEWER) if cursor else None
        older = stopped or (_edge_cursor(rows[-1:], Direction.OLDER) if has_more else None)
    return InspectionPage(
        rows=tuple(rows), older=older, newer=newer, searched_to=stopped.at if stopped else ""
    )


def _edge_cursor(rows: list[Inspection], direction: Direction) -> Cursor | None:
    return Cursor(rows[0].claimed_at, rows[0].id, direction) if rows else None
