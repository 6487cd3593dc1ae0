"""The statuses are those of AWS, and only valid transitions happen."""

import pytest

from custom_labels.errors import ServiceError
from custom_labels.lifecycle import TRANSITIONS, VersionStatus, predecessors
from custom_labels.request_validation import load_service_model
from custom_labels.version_repository import new_record
from tests.unit.custom_labels.in_memory_service import InMemoryService
from workflow.models.model import ModelStatus

INITIAL_STATUSES = {VersionStatus.TRAINING_IN_PROGRESS, VersionStatus.COPYING_IN_PROGRESS}


def test_the_statuses_are_those_of_the_service_model() -> None:
    shape = load_service_model().shape_for("ProjectVersionStatus")
    assert {str(status) for status in VersionStatus} == set(shape.enum)  # type: ignore[attr-defined]
    assert set(TRANSITIONS) == set(VersionStatus)


def test_the_statuses_are_those_that_the_product_knows() -> None:
    assert [status.value for status in VersionStatus] == [status.value for status in ModelStatus]


@pytest.mark.parametrize("status", [status for status in VersionStatus if status not in INITIAL_STATUSES])
def test_every_status_can_be_reached(status: VersionStatus) -> None:
    assert predecessors(status)


@pytest.mark.parametrize("before", list(VersionStatus))
def test_every_invalid_transition_is_refused_and_changes_nothing(
    service: InMemoryService, before: VersionStatus
) -> None:
    project = service.create_project()
    arn = service.account.arn_factory.create_version_arn(project, "v1")
    service.account.versions.add(new_record(arn, project, "v1", before, {}))

    for after in VersionStatus:
        if after not in TRANSITIONS[before]:
            with pytest.raises(ServiceError) as caught:
                service.account.versions.change_status(arn, after)
            assert caught.value.code == "ResourceInUseException"
    assert service.status_of(arn) == before


@pytest.mark.parametrize("status", list(VersionStatus))
def test_only_a_running_model_is_asked_and_only_idle_ones_are_started(
    service: InMemoryService, status: VersionStatus
) -> None:
    project = service.create_project()
    arn = service.account.arn_factory.create_version_arn(project, "v1")
    service.account.versions.add(new_record(arn, project, "v1", status, {}))

    request = {"ProjectVersionArn": arn, "Image": {"S3Object": {"Bucket": "parts", "Name": "a.jpg"}}}
    assert service.expect_error("DetectCustomLabels", **request) == "ResourceNotReadyException"
    if VersionStatus.STARTING not in TRANSITIONS[status]:
        refusal = service.expect_error("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
        assert refusal == "ResourceInUseException"
    if VersionStatus.STOPPING not in TRANSITIONS[status]:
        assert service.expect_error("StopProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    if VersionStatus.DELETING not in TRANSITIONS[status]:
        assert service.expect_error("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
