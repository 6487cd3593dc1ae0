"""The statuses are AWS's, and only legal moves between them happen."""

import pytest

from local.custom_labels.contract import service_model
from local.custom_labels.faults import Fault
from local.custom_labels.lifecycle import MOVES, Status, comes_before
from local.custom_labels.versions import new_version
from tests.unit.local.custom_labels.workbench import Workbench

FIRST = {Status.TRAINING_IN_PROGRESS, Status.COPYING_IN_PROGRESS}


def test_the_statuses_are_those_of_the_service_model() -> None:
    assert {str(status) for status in Status} == set(service_model().shape_for("ProjectVersionStatus").enum)  # type: ignore[attr-defined]
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize("status", [status for status in Status if status not in FIRST])
def test_every_status_can_be_reached(status: Status) -> None:
    assert comes_before(status)


@pytest.mark.parametrize("before", list(Status))
def test_every_illegal_move_is_refused_and_changes_nothing(bench: Workbench, before: Status) -> None:
    project = bench.project()
    arn = bench.account.namer.version(project, "v1")
    bench.account.versions.add(new_version(arn, project, "v1", before, {}))

    for after in Status:
        if after not in MOVES[before]:
            with pytest.raises(Fault) as caught:
                bench.account.versions.advance(arn, after)
            assert caught.value.code == "ResourceInUseException"
    assert bench.status(arn) == before


@pytest.mark.parametrize("status", list(Status))
def test_only_a_running_model_is_asked_and_only_idle_ones_are_started(
    bench: Workbench, status: Status
) -> None:
    project = bench.project()
    arn = bench.account.namer.version(project, "v1")
    bench.account.versions.add(new_version(arn, project, "v1", status, {}))

    ask = {"ProjectVersionArn": arn, "Image": {"S3Object": {"Bucket": "parts", "Name": "a.jpg"}}}
    assert bench.refusal("DetectCustomLabels", **ask) == "ResourceNotReadyException"
    if Status.STARTING not in MOVES[status]:
        refusal = bench.refusal("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
        assert refusal == "ResourceInUseException"
    if Status.STOPPING not in MOVES[status]:
        assert bench.refusal("StopProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    if Status.DELETING not in MOVES[status]:
        assert bench.refusal("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
