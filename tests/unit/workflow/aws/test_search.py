"""The search by indexes finds the same pages as a search over all rows."""

import operator
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from workflow.aws import search as adapter
from workflow.aws.batches import MAX_BATCH_RETRIES, load_inspections
from workflow.aws.items import to_inspection_item
from workflow.aws.search import DynamoInspectionSearch
from workflow.errors import PartcheckError
from workflow.history.search import (
    MAX_NAME_SUFFIXES,
    Cursor,
    Direction,
    InspectionPage,
    InspectionQuery,
    InspectionSearch,
    build_page,
)
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Verdict
from workflow.tables import INSPECTIONS, NAME_INDEX

MODELS = ("old", "new")
SIZE = 7


NAMES = (
    "cast_",
    "cast_00*",
    "11",
    "_0011",
    "ÜBER",
    "uber",
    "line 1",
    "line 1/*",
    "line*",
    "früh",
    "fruh/uber",
)
QUERIES = (
    InspectionQuery(),
    *(InspectionQuery(name=name) for name in (*NAMES, "1/cast_0011", "8", "nowhere")),
    InspectionQuery(state=InspectionState.WAITING),
    InspectionQuery(state=InspectionState.CLOSED, verdict=Verdict.DEFECT),
    InspectionQuery(verdict=Verdict.UNCLEAR),
    InspectionQuery(verdict=Verdict.OK, model="old"),
    InspectionQuery(decided_by="ann"),
    InspectionQuery(decided_by="ann", verdict=Verdict.OK),
    InspectionQuery(policy="2", since="2026-01-01T00:20:00.000Z", until="2026-01-01T00:40:00.000Z"),
    InspectionQuery(name="cast", model="new", state=InspectionState.CLOSED),
    InspectionQuery(since="2026-01-01T00:30:00.000Z"),
)


@pytest.fixture
def tables() -> InMemoryDynamoDB:
    return InMemoryDynamoDB([InMemoryTable(INSPECTIONS), InMemoryTable(NAME_INDEX)])


def arn(model: str) -> str:
    return f"arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/{model}/1"


def rows(count: int = 60) -> list[Inspection]:
    """Build inspections of every kind, some claimed in the same millisecond."""
    random_source = random.Random(4711)  # noqa: S311
    inspections = []
    for number in range(count):
        name = f"line 1/cast_{number:04}.jpeg" if number % 9 else f"Halle 3/Früh/Über {number}.png"
        image = Image("inbound", name, f"v{number}")
        at = f"2026-01-01T00:{number // 2 % 60:02}:00.000Z"
        state = random_source.choice(list(InspectionState))
        verdict = (
            random_source.choice([Verdict.OK, Verdict.DEFECT]) if state is InspectionState.CLOSED else None
        )
        verdict = Verdict.UNCLEAR if state is InspectionState.WAITING else verdict
        prediction = Prediction(
            verdict=Verdict.OK,
            label="ok",
            confidence=0.5,
            threshold=0.8,
            scores=(),
            model=arn(random_source.choice(MODELS)),
            policy_version=random_source.choice("12"),
        )
        row = Inspection(
            id=inspection_id(image),
            image=image,
            owner=f"e{number}",
            attempt=1,
            state=state,
            uploaded_at=at,
            claimed_at=at,
            attempted_at=at,
            location=image,
            verdict=verdict,
        )
        decided = (
            Decision(id=f"d{number}", verdict=Verdict.OK, reviewer="ann", decided_at=at)
            if random_source.random() < 0.2
            else None
        )
        inspections.append(replace(row, prediction=prediction if verdict else None, decision=decided))
    return inspections


class FullScan:
    """The same search by looking at every row: slow, and without any index to be wrong about."""

    def __init__(self, stored: list[Inspection]) -> None:
        self.stored = stored

    def fetch_page(
        self, query: InspectionQuery, cursor: Cursor | None = None, size: int = 25
    ) -> InspectionPage:
        forward = cursor is not None and cursor.direction is Direction.NEWER
        found = [row for row in self.stored if query.matches(row)]
        if cursor is not None:
            here, beyond = (cursor.at, cursor.id), operator.gt if forward else operator.lt
            found = [row for row in found if beyond((row.claimed_at, row.id), here)]
        found.sort(key=lambda row: (row.claimed_at, row.id), reverse=not forward)
        return build_page(iter(found), cursor, size)


def filled(tables: InMemoryDynamoDB, stored: list[Inspection]) -> tuple[DynamoInspectionSearch, FullScan]:
    """Build both searches over the same rows. Half of the photo names are not indexed yet."""
    real = DynamoInspectionSearch(INSPECTIONS.name, NAME_INDEX.name, tables)
    for number, row in enumerate(stored):
        item = to_inspection_item(row)
        if number % 2:
            item.pop("unarchived")
            real.add_name(row)
        tables.put_item(TableName=INSPECTIONS.name, Item=item)
    return real, FullScan(stored)


def walked(
    search: InspectionSearch, query: InspectionQuery, step: Callable[[InspectionPage], Cursor | None]
) -> list[InspectionPage]:
    """Return every page in one direction."""
    pages = [search.fetch_page(query, size=SIZE)]
    while cursor := step(pages[-1]):
        pages.append(search.fetch_page(query, cursor, SIZE))
    return pages


def test_every_query_finds_the_same_rows_as_a_full_scan(tables: InMemoryDynamoDB) -> None:
    real, plain = filled(tables, rows())

    for query in QUERIES:
        found = walked(real, query, lambda page: page.older)
        assert found == walked(plain, query, lambda page: page.older), query
        assert sum(len(page.rows) for page in found) == len(plain.fetch_page(query, size=1000).rows)


def test_backward_paging_shows_the_same_pages(tables: InMemoryDynamoDB) -> None:
    for search in filled(tables, rows()):
        pages = walked(search, InspectionQuery(name="cast"), lambda page: page.older)
        page, back = pages[-1], [pages[-1]]
        while page.newer:
            page = search.fetch_page(InspectionQuery(name="cast"), page.newer, SIZE)
            back.append(page)
        assert [page.rows for page in back] == [page.rows for page in reversed(pages)]


def test_a_cursor_is_stable_while_rows_are_added(tables: InMemoryDynamoDB) -> None:
    stored = rows()
    real, _ = filled(tables, stored)
    first = real.fetch_page(InspectionQuery(), size=SIZE)
    before = real.fetch_page(InspectionQuery(), first.older, SIZE)
    newest = replace(stored[0], id="f" * 64, claimed_at="2026-01-02T00:00:00.000Z")
    tables.put_item(TableName=INSPECTIONS.name, Item=to_inspection_item(newest))

    assert real.fetch_page(InspectionQuery(), first.older, SIZE).rows == before.rows


@pytest.mark.parametrize("direction", ["older", "newer"])
def test_an_expensive_search_stops_and_can_be_continued(tables: InMemoryDynamoDB, direction: str) -> None:
    """No row is missing or repeated, and every page says how far it searched."""
    _, plain = filled(tables, rows(40))
    real = DynamoInspectionSearch(INSPECTIONS.name, NAME_INDEX.name, tables, reads=1)
    cursor = Cursor("9", "~") if direction == "older" else Cursor("0", "", Direction.NEWER)
    found: list[Inspection] = []
    stops: list[str] = []
    while cursor:
        page = real.fetch_page(InspectionQuery(state=InspectionState.CLOSED), cursor, 3)
        found = found + list(page.rows) if direction == "older" else list(page.rows) + found
        cursor = getattr(page, direction)
        stops += [page.searched_to] if page.searched_to else []

    assert found == list(plain.fetch_page(InspectionQuery(state=InspectionState.CLOSED), size=1000).rows)
    assert stops


def test_a_common_name_is_searched_by_time(tables: InMemoryDynamoDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_NAME_INDEX_MATCHES", 5)
    real, plain = filled(tables, rows())

    assert real.fetch_page(InspectionQuery(name="cast")) == plain.fetch_page(InspectionQuery(name="cast"))


def test_rows_that_no_longer_match_are_left_out(tables: InMemoryDynamoDB) -> None:
    row = next(row for row in rows() if row.verdict is Verdict.OK)
    real, _ = filled(tables, [row])
    tables.put_item(
        TableName=INSPECTIONS.name,
        Item=to_inspection_item(replace(row, verdict=Verdict.DEFECT)) | {"filed_as": {"S": "ok"}},
    )

    assert real.fetch_page(InspectionQuery(verdict=Verdict.OK)).rows == ()


def test_a_name_with_more_suffixes_than_a_batch_holds_is_found(tables: InMemoryDynamoDB) -> None:
    row = rows(1)[0]
    row = replace(row, image=replace(row.image, key=f"{10**40 + 4711}.png"))

    DynamoInspectionSearch("inspections", "name-index", tables).add_name(row)

    assert len(tables.tables["name-index"].items) == MAX_NAME_SUFFIXES


class ThrottledTable:
    """Batch operations of which the table processes one item at a time, and none while it is `closed`."""

    def __init__(self, closed: bool = False) -> None:
        self.closed = closed
        self.written: list[Any] = []

    def batch_write_item(self, **call: Any) -> dict[str, Any]:
        ((table, requests),) = call["RequestItems"].items()
        done = 0 if self.closed else 1
        self.written += requests[:done]
        return {"UnprocessedItems": {table: requests[done:]} if requests[done:] else {}}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        ((table, request),) = call["RequestItems"].items()
        return {"Responses": {table: []}, "UnprocessedKeys": {table: request}}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the waits of the backoff instead of waiting."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_unprocessed_items_are_written_again(waits: list[float]) -> None:
    table = ThrottledTable()
    row = replace(rows(1)[0], image=Image("b", "cast one two three.png", "v"))

    DynamoInspectionSearch("inspections", "names", table).add_name(row)

    assert len(table.written) == len(waits) + 1 > 3
    assert all(0 <= wait <= 0.05 for wait in waits)


@pytest.mark.parametrize("name", ["add_name", "remove_name"])
def test_a_table_that_processes_nothing_is_given_up(waits: list[float], name: str) -> None:
    search = DynamoInspectionSearch("inspections", "names", ThrottledTable(closed=True))

    with pytest.raises(PartcheckError, match="unprocessed"):
        getattr(search, name)(rows(1)[0])

    assert len(waits) == MAX_BATCH_RETRIES
    assert all(0 <= wait <= min(2, 0.05 * 2**number) for number, wait in enumerate(waits, 1))


def test_a_table_that_returns_nothing_is_given_up(waits: list[float]) -> None:
    with pytest.raises(PartcheckError, match="unprocessed"):
        load_inspections(ThrottledTable(), "inspections", ["an id"])

    assert len(waits) == MAX_BATCH_RETRIES
