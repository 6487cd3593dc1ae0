"""The scheduled capacity manager starts the model and publishes its units."""

from typing import Any

import pytest

from lambdas import container, manage_model_capacity
from lambdas.detectors import build_detector
from tests.model_world import (
    InMemoryCapacityStore,
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
    arn_of,
)
from tests.unit.pipeline import Pipeline
from workflow.models.capacity_manager import AutoStartingDetector, CapacityPorts
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.model import ModelStatus


@pytest.mark.parametrize(("policy", "done"), [("", "stopped"), ("on demand", "start: photos wait for it")])
def test_a_model_that_photos_wait_for_is_started_where_the_policy_says_so(
    policy: str, done: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_PARAMETER", "/line/model")
    pipeline, world, log = Pipeline(), InMemoryControlPlane(autumn=ModelStatus.STOPPED), InMemoryEventLog()
    image = pipeline.upload()
    pipeline.begin(image)
    settings = InMemoryModelSettings(arn_of("autumn"))
    settings.rules = CapacityPolicy(version="1") if policy else settings.rules
    room = CapacityPorts(world, InMemoryCapacityStore(), log)

    answer = manage_model_capacity.handler(
        {},
        context,
        inspections=pipeline.inspections,
        escalations=pipeline.escalations,
        settings=settings,
        capacity_ports=room,
    )

    assert answer == done
    assert bool(world.starts) is bool(policy)


def test_the_clock_tells_how_many_units_run(
    context: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_PARAMETER", "/line/model")
    pipeline, room = (
        Pipeline(),
        CapacityPorts(
            InMemoryControlPlane(autumn=ModelStatus.RUNNING), InMemoryCapacityStore(), InMemoryEventLog()
        ),
    )
    settings = InMemoryModelSettings(arn_of("autumn"))

    manage_model_capacity.handler(
        {},
        context,
        inspections=pipeline.inspections,
        escalations=pipeline.escalations,
        settings=settings,
        capacity_ports=room,
    )

    assert '"model_units_running":[1.0]' in capsys.readouterr().out


def test_the_deployed_detector_wakes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INSPECTIONS_TABLE", "AUDIT_TABLE", "MODEL_PARAMETER", "TRAINING_BUCKET"):
        monkeypatch.setenv(name, "1")

    monkeypatch.setattr("workflow.aws.parameters.CachedParameterStore.text", lambda *_: arn_of("autumn"))

    detector = container.production().detector(build_detector)

    assert isinstance(detector, AutoStartingDetector)
    assert detector.model == arn_of("autumn")
