"""The measures of a photo are stored in its row, its descriptor in an item that no index repeats."""

from typing import Any

import pytest

from tests.references import usual_measures
from tests.unit.workflow.aws.test_inspections import IMAGE, ROW
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.errors import OwnershipLost
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import StoredObject
from workflow.photos.measures import UnmeasurablePhoto

STORED = StoredObject(image=IMAGE, size=5, etag='"e"')
MEASURES = usual_measures(descriptor=(0.5, -1.25, 3.0))


@pytest.fixture
def repository(tables: Any) -> DynamoInspectionRepository:
    repository = DynamoInspectionRepository("partcheck-inspections", "partcheck-audit", tables)
    repository.claim(ROW)
    return repository


def record(repository: DynamoInspectionRepository, measures: Any) -> None:
    repository.record_upload(
        ROW.id, ROW.owner, STORED, sha256="abc", photo={"width": 64}, rejection={}, measures=measures
    )


def test_measures_and_descriptor_are_read_as_they_were_stored(repository: DynamoInspectionRepository) -> None:
    record(repository, MEASURES)

    row = repository.get(ROW.id)
    assert row is not None
    assert row.measures == usual_measures(descriptor=())
    assert repository.get_descriptor(ROW.id, 1) == MEASURES.descriptor


def test_no_index_repeats_the_descriptor(repository: DynamoInspectionRepository, tables: Any) -> None:
    record(repository, MEASURES)

    for index in ("by_state", "by_day", "by_name"):
        items = tables.scan(TableName="partcheck-inspections", IndexName=index)["Items"]
        assert [item["id"]["S"] for item in items] == [ROW.id]
        assert "descriptor" not in str(items)
    assert [row.id for row in repository.list_by_state(InspectionState.INSPECTING)] == [ROW.id]
    assert [row.id for row in repository.list_newest(10)] == [ROW.id]


def test_a_photo_that_could_not_be_measured_has_the_reason(repository: DynamoInspectionRepository) -> None:
    record(repository, UnmeasurablePhoto("it is broken"))

    row = repository.get(ROW.id)
    assert row is not None
    assert (row.measures, row.unmeasurable) == (None, "it is broken")
    assert repository.get_descriptor(ROW.id, 1) == ()


def test_later_measures_replace_earlier_ones_and_the_reason(repository: DynamoInspectionRepository) -> None:
    record(repository, UnmeasurablePhoto("it is broken"))

    repository.record_measures(ROW.id, ROW.owner, MEASURES)
    later = usual_measures(decoder_version=2, descriptor=(7.0,))
    repository.record_measures(ROW.id, ROW.owner, later)

    row = repository.get(ROW.id)
    assert row is not None
    assert row.measures is not None
    assert (row.measures.decoder_version, row.unmeasurable) == (2, "")
    assert repository.get_descriptor(ROW.id, 2) == (7.0,)
    assert repository.get_descriptor(ROW.id, 1) == MEASURES.descriptor


def test_only_the_owner_stores_measures(repository: DynamoInspectionRepository) -> None:
    with pytest.raises(OwnershipLost):
        repository.record_measures(ROW.id, "another owner", MEASURES)


def test_a_descriptor_is_no_inspection(repository: DynamoInspectionRepository) -> None:
    record(repository, MEASURES)

    assert repository.get(f"{ROW.id}#descriptor-1") is None
