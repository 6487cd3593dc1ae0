"""The smoke test decides its own photo, or waits for the reviewer who has it."""

from dataclasses import replace
from time import monotonic

import pytest

from cli.stage import smoke_test
from tests.unit.cli.conftest import CommandLine
from workflow import timestamps
from workflow.inspections.inspection import InspectionState, Lease
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict


def leased(command_line: CommandLine, image: Image) -> None:
    row = command_line.pipeline.inspections.rows[inspection_id(image)]
    lease = Lease("ann", timestamps.add_seconds(timestamps.now(), 60))
    command_line.pipeline.inspections.rows[row.id] = replace(row, lease=lease)


def test_the_smoke_test_decides_its_own_photo(command_line: CommandLine, unsure: Image) -> None:
    row = smoke_test._wait_until_closed(command_line.find_environment(None), unsure, deadline=0)

    assert row is not None
    [decision] = [row.decision for row in command_line.pipeline.inspections.rows.values()]
    assert decision is not None
    assert (decision.reviewer, decision.verdict) == ("partcheck smoke-test", Verdict.OK)


def test_a_reviewer_who_has_the_photo_is_waited_for_and_named_once(
    command_line: CommandLine,
    unsure: Image,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leased(command_line, unsure)
    pauses: list[float] = []

    def ann_decides(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            command_line.pipeline.decide(unsure, Verdict.DEFECT, reviewer="ann")
        if len(pauses) == 5:
            row = command_line.pipeline.inspections.rows[inspection_id(unsure)]
            command_line.pipeline.inspections.rows[row.id] = replace(row, state=InspectionState.CLOSED)

    monkeypatch.setattr("time.sleep", ann_decides)

    row = smoke_test._wait_until_closed(command_line.find_environment(None), unsure, monotonic() + 60)

    assert row is not None
    assert row.state is InspectionState.CLOSED
    assert capsys.readouterr().err.count("Waiting for the reviewer. line 1/pump #7.png: assigned to ann") == 1
    assert [entry.action for entry in command_line.pipeline.inspections.entries] == ["decide"]
