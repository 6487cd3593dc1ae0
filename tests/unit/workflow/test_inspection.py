"""Only the owner acts, and only a final place is final."""

from dataclasses import replace

import pytest

from tests.unit.line import Line
from workflow.errors import NotFound, OwnershipLost
from workflow.inspection import State, owned
from workflow.verdict import Verdict


def test_the_owner_gets_its_row() -> None:
    line = Line()
    image = line.upload()
    line.claim(image, "me")

    assert owned(line.ledger, line.row(image).id, "me") is line.row(image)


def test_another_execution_is_told_whom_the_row_belongs_to() -> None:
    line = Line()
    image = line.upload()
    line.claim(image, "me")

    with pytest.raises(OwnershipLost, match="belongs to me, not to you"):
        owned(line.ledger, line.row(image).id, "you")


def test_a_row_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="inspection 4711"):
        owned(Line().ledger, "4711", "me")


@pytest.mark.parametrize(
    ("verdict", "settled"),
    [(None, False), (Verdict.UNCLEAR, False), *((verdict, True) for verdict in ("ok", "defect", "rejected"))],
)
def test_a_photo_is_settled_where_no_person_is_needed_any_more(verdict: str | None, settled: bool) -> None:
    line = Line()
    image = line.upload()
    line.claim(image, "me")
    row = replace(line.row(image), verdict=Verdict(verdict) if verdict else None)

    assert row.settled is settled


def test_the_states_are_the_words_in_the_index() -> None:
    assert [str(state) for state in State] == ["inspecting", "waiting", "closed"]
