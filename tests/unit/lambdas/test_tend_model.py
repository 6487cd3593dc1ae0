"""The clock's look at the model: it is started, and said to be started."""

from typing import Any

import pytest

from lambdas import tend_model, wiring
from tests.model_world import MemoryPowerStore, MemoryRecord, MemorySettings, World, arn_of
from tests.unit.line import Line
from workflow.models.capacity import Room, Waking
from workflow.models.capacity_policy import PowerPolicy
from workflow.models.model import Status


@pytest.mark.parametrize(("policy", "done"), [("", "stopped"), ("on demand", "start: photos wait for it")])
def test_a_model_that_photos_wait_for_is_started_where_the_policy_says_so(
    policy: str, done: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_PARAMETER", "/line/model")
    line, world, log = Line(), World(autumn=Status.STOPPED), MemoryRecord()
    image = line.upload()
    line.claim(image, line.start(image))
    settings = MemorySettings(arn_of("autumn"))
    settings.rules = PowerPolicy("1") if policy else settings.rules
    room = Room(world, MemoryPowerStore(), log)

    answer = tend_model.handler(
        {}, context, ledger=line.ledger, escalations=line.escalations, settings=settings, room=room
    )

    assert answer == done
    assert bool(world.starts) is bool(policy)


def test_the_clock_tells_how_many_units_run(
    context: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_PARAMETER", "/line/model")
    line, room = Line(), Room(World(autumn=Status.RUNNING), MemoryPowerStore(), MemoryRecord())
    settings = MemorySettings(arn_of("autumn"))

    tend_model.handler(
        {}, context, ledger=line.ledger, escalations=line.escalations, settings=settings, room=room
    )

    assert '"model_units_running":[1.0]' in capsys.readouterr().out


def test_the_deployed_detector_wakes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER_TABLE", "AUDIT_TABLE", "MODEL_PARAMETER"):
        monkeypatch.setenv(name, "1")

    monkeypatch.setattr("workflow.aws.parameters.Parameters.text", lambda *_: arn_of("autumn"))

    detector = wiring.detector()

    assert isinstance(detector, Waking)
    assert detector.model == arn_of("autumn")
