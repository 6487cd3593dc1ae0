"""The scheduled capacity manager starts the model and publishes its units."""

import json
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
from tests.unit.pipeline import POLICY, Pipeline
from workflow.errors import ConfigurationError
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
        wake_tokens=pipeline.wake_tokens,
        tasks=pipeline.executions,
        policy=POLICY,
    )

    assert answer == done
    assert bool(world.starts) is bool(policy)


def run_with_parked_photo(context: Any, settings: InMemoryModelSettings, **ports: Any) -> Pipeline:
    """Run the capacity manager while the model runs and one photo is parked."""
    pipeline = Pipeline()
    pipeline.detector.stopped = True
    pipeline.parked(pipeline.upload())
    pipeline.detector.stopped = False
    all_ports = {
        "inspections": pipeline.inspections,
        "escalations": pipeline.escalations,
        "settings": settings,
        "capacity_ports": CapacityPorts(pipeline.control_plane, InMemoryCapacityStore(), InMemoryEventLog()),
        "wake_tokens": pipeline.wake_tokens,
        "tasks": pipeline.executions,
        "detector": pipeline.detector,
        "policy": POLICY,
    }
    try:
        manage_model_capacity.handler({}, context, **all_ports | ports)
    except ConfigurationError as error:
        pipeline.escalations.send(str(error))
    return pipeline


def test_the_clock_wakes_a_parked_photo_and_tells_how_many_units_run(
    context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = run_with_parked_photo(context, InMemoryModelSettings(arn_of("autumn")))

    assert pipeline.executions.answers == [("wake-1", {})]
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    names = ("model_units_running", "photos_woken", "photos_parked")
    assert [metrics[name] for name in names] == [[1], [1], [1]]


def test_a_photo_is_woken_although_the_capacity_policy_is_unreadable(context: Any) -> None:
    class Unreadable(InMemoryModelSettings):
        def get_capacity_policy(self) -> CapacityPolicy:
            raise ConfigurationError("capacity policy: not JSON")

    pipeline = run_with_parked_photo(context, Unreadable(arn_of("autumn")))

    assert pipeline.executions.answers == [("wake-1", {})]
    assert pipeline.escalations.sent == ["capacity policy: not JSON"]


def test_no_photo_is_woken_while_the_routing_policy_is_unreadable(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICY_PARAMETER", "/line/policy")
    monkeypatch.setattr("workflow.aws.parameters.CachedParameterStore.text", lambda *_: "no policy")

    pipeline = run_with_parked_photo(context, InMemoryModelSettings(arn_of("autumn")), policy=None)

    assert pipeline.executions.answers == []
    assert "routing policy: not JSON" in pipeline.escalations.sent[0]


def test_the_deployed_detector_wakes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INSPECTIONS_TABLE", "AUDIT_TABLE", "MODEL_PARAMETER", "TRAINING_BUCKET"):
        monkeypatch.setenv(name, "1")

    monkeypatch.setattr("workflow.aws.parameters.CachedParameterStore.text", lambda *_: arn_of("autumn"))

    detector = container.production().detector(build_detector)

    assert isinstance(detector, AutoStartingDetector)
    assert detector.model == arn_of("autumn")
