"""The search by DynamoDB's indexes finds what looking at every row finds, page by page."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local.resources import table_name
from tests.fakes import MemoryLedger, MemorySearch
from tests.proof.dynamodb import MemoryDynamoDB, Stored
from workflow.aws import search as adapter
from workflow.aws.items import to_item
from workflow.aws.search import DynamoSearch
from workflow.history.search import MAX_BEGINNINGS, Mark, Page, Query, Search, Way
from workflow.inspections.inspection import Decision, Inspection, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Verdict
from workflow.tables import LEDGER, NAMES

MODELS = ("old", "new")
SIZE = 7
QUERIES = (
    Query(),
    Query(name="cast_"),
    Query(name="cast_00*"),
    Query(name="11"),
    Query(name="_0011"),
    Query(name="ÜBER"),
    Query(name="8"),
    Query(name="nowhere"),
    Query(state=State.WAITING),
    Query(state=State.CLOSED, verdict=Verdict.DEFECT),
    Query(verdict=Verdict.UNCLEAR),
    Query(verdict=Verdict.OK, model="old"),
    Query(decided_by="ann"),
    Query(decided_by="ann", verdict=Verdict.OK),
    Query(policy="2", since="2026-01-01T00:20:00.000Z", until="2026-01-01T00:40:00.000Z"),
    Query(name="cast", model="new", state=State.CLOSED),
    Query(since="2026-01-01T00:30:00.000Z"),
)


def arn(model: str) -> str:
    return f"arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/{model}/1"


def rows(count: int = 60) -> list[Inspection]:
    """Inspections of every kind, some claimed in the same millisecond."""
    dice = random.Random(4711)  # noqa: S311
    made = []
    for number in range(count):
        name = f"line 1/cast_{number:04}.jpeg" if number % 9 else f"Über {number}.png"
        image = Image("inbound", name, f"v{number}")
        at = f"2026-01-01T00:{number // 2 % 60:02}:00.000Z"
        state = dice.choice(list(State))
        verdict = dice.choice([Verdict.OK, Verdict.DEFECT]) if state is State.CLOSED else None
        verdict = Verdict.UNCLEAR if state is State.WAITING else verdict
        said = Prediction(Verdict.OK, "ok", 0.5, 0.8, (), arn(dice.choice(MODELS)), dice.choice("12"))
        row = Inspection(inspection_id(image), image, f"e{number}", 1, state, at, at, at, image, verdict)
        decided = Decision(f"d{number}", Verdict.OK, "ann", at) if dice.random() < 0.2 else None
        made.append(replace(row, prediction=said if verdict else None, decision=decided))
    return made


def filled(tables: Any, some: list[Inspection]) -> tuple[DynamoSearch, MemorySearch]:
    """Both searches over the same rows; the photos' names of half of them are not indexed yet."""
    real, books = DynamoSearch(table_name(LEDGER), table_name(NAMES), tables), MemoryLedger()
    for number, row in enumerate(some):
        item = to_item(row)
        if number % 2:
            item.pop("unkept")
            real.add_name(row)
        tables.put_item(TableName=table_name(LEDGER), Item=item)
        books.rows[row.id] = row
    return real, MemorySearch(books)


def walked(search: Search, query: Query, step: Callable[[Page], Mark | None]) -> list[Page]:
    """Every page in one direction."""
    pages = [search.page(query, size=SIZE)]
    while mark := step(pages[-1]):
        pages.append(search.page(query, mark, SIZE))
    return pages


def test_every_query_is_answered_as_by_looking_at_every_row(tables: Any) -> None:
    real, plain = filled(tables, rows())

    for query in QUERIES:
        found = walked(real, query, lambda page: page.older)
        assert found == walked(plain, query, lambda page: page.older), query
        assert sum(len(page.rows) for page in found) == len(plain.page(query, size=1000).rows)


def test_the_way_back_shows_the_same_pages(tables: Any) -> None:
    for search in filled(tables, rows()):
        pages = walked(search, Query(name="cast"), lambda page: page.older)
        page, back = pages[-1], [pages[-1]]
        while page.newer:
            page = search.page(Query(name="cast"), page.newer, SIZE)
            back.append(page)
        assert [page.rows for page in back] == [page.rows for page in reversed(pages)]


def test_a_mark_stays_where_it_is_while_rows_come(tables: Any) -> None:
    some = rows()
    real, _ = filled(tables, some)
    first = real.page(Query(), size=SIZE)
    before = real.page(Query(), first.older, SIZE)
    newest = replace(some[0], id="f" * 64, claimed_at="2026-01-02T00:00:00.000Z")
    tables.put_item(TableName=table_name(LEDGER), Item=to_item(newest))

    assert real.page(Query(), first.older, SIZE).rows == before.rows


@pytest.mark.parametrize("direction", ["older", "newer"])
def test_a_search_that_costs_too_much_stops_and_goes_on_from_there(tables: Any, direction: str) -> None:
    """Nothing is left out, nothing comes twice, and every page says how far it came."""
    _, plain = filled(tables, rows(40))
    real = DynamoSearch(table_name(LEDGER), table_name(NAMES), tables, reads=1)
    mark = Mark("9", "~") if direction == "older" else Mark("0", "", Way.NEWER)
    found: list[Inspection] = []
    stops: list[str] = []
    while mark:
        page = real.page(Query(state=State.CLOSED), mark, 3)
        found = found + list(page.rows) if direction == "older" else list(page.rows) + found
        mark = getattr(page, direction)
        stops += [page.searched_to] if page.searched_to else []

    assert found == list(plain.page(Query(state=State.CLOSED), size=1000).rows)
    assert stops


def test_a_name_that_is_too_common_is_looked_for_by_time(
    tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MANY", 5)
    real, plain = filled(tables, rows())

    assert real.page(Query(name="cast")) == plain.page(Query(name="cast"))


def test_rows_that_no_longer_answer_are_left_out(tables: Any) -> None:
    row = next(row for row in rows() if row.verdict is Verdict.OK)
    real, _ = filled(tables, [row])
    tables.put_item(
        TableName=table_name(LEDGER),
        Item=to_item(replace(row, verdict=Verdict.DEFECT)) | {"filed_as": {"S": "ok"}},
    )

    assert real.page(Query(verdict=Verdict.OK)).rows == ()


def test_a_name_with_more_beginnings_than_one_batch_takes_is_found() -> None:
    row = rows(1)[0]
    row = replace(row, image=replace(row.image, key=f"{10**40 + 4711}.png"))
    dynamodb = MemoryDynamoDB([Stored(LEDGER), Stored(NAMES)])

    DynamoSearch("ledger", "names", dynamodb).add_name(row)

    assert len(dynamodb.tables["names"].items) == MAX_BEGINNINGS
