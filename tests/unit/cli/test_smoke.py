"""Smoke answers for its own photo, unless a person has it: then that person is waited for."""

from dataclasses import replace
from time import monotonic

import pytest

from cli import smoke
from tests.unit.cli.conftest import Bench
from workflow import timestamps
from workflow.inspections.inspection import Lease, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict


def leased(bench: Bench, image: Image) -> None:
    row = bench.line.ledger.rows[inspection_id(image)]
    lease = Lease("ann", timestamps.later(timestamps.now(), 60))
    bench.line.ledger.rows[row.id] = replace(row, lease=lease)


def test_smoke_answers_for_its_own_photo(bench: Bench, unsure: Image) -> None:
    row = smoke._closed(bench.reach(None), unsure, until=0)

    assert row is not None
    [decision] = [one.decision for one in bench.line.ledger.rows.values()]
    assert decision is not None
    assert (decision.reviewer, decision.verdict) == ("partcheck smoke", Verdict.OK)


def test_a_reviewer_who_took_the_photo_is_waited_for_and_told_of_once(
    bench: Bench, unsure: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leased(bench, unsure)
    rests: list[float] = []

    def ann_decides(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            bench.line.decide(unsure, Verdict.DEFECT, reviewer="ann")
        if len(rests) == 5:
            row = bench.line.ledger.rows[inspection_id(unsure)]
            bench.line.ledger.rows[row.id] = replace(row, state=State.CLOSED)

    monkeypatch.setattr("time.sleep", ann_decides)

    row = smoke._closed(bench.reach(None), unsure, monotonic() + 60)

    assert row is not None
    assert row.state is State.CLOSED
    assert capsys.readouterr().err.count("ann looks at it; waiting for that person.") == 1
    assert [entry.action for entry in bench.line.ledger.entries] == ["decide"]
