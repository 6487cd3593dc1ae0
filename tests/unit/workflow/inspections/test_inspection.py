"""Only the owner acts, and only a final place is final."""

from dataclasses import replace

import pytest

from tests.unit.line import Line
from workflow.errors import NotFound, OwnershipLost
from workflow.inspections.inspection import State, owned
from workflow.inspections.verdict import Verdict


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


def test_a_photo_is_settled_once_the_verdict_of_its_revision_is_written_to_be_announced() -> None:
    line = Line()
    image = line.upload()
    line.claim(image, "me")
    row = line.row(image)

    assert not row.settled
    assert not replace(row, verdict=Verdict.UNCLEAR).settled
    assert not replace(row, verdict=Verdict.OK, revision=2).settled  # It lies where revision 1 put it.
    assert replace(row, verdict=Verdict.OK, announcement="{}").settled


def test_attempts_count_anew_with_every_revision() -> None:
    line = Line()
    image = line.upload()
    line.claim(image, "me")

    assert replace(line.row(image), attempt=7, first_attempt=6).tries == 2


def test_the_states_are_the_words_in_the_index() -> None:
    assert [str(state) for state in State] == ["inspecting", "waiting", "closed"]
