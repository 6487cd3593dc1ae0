import pytest

from tests.references import MODEL, small_reference
from tests.unit.workflow.aws.in_memory_s3 import InMemoryS3
from workflow.aws.model_references import S3ReferenceRepository
from workflow.aws.reference_updates import S3ReferenceUpdates
from workflow.models.reference_update import FaultReplay, ReferenceProposal

PROPOSAL = ReferenceProposal(
    model=MODEL,
    proposed_at="2026-11-30T09:00:00.000Z",
    proposed_by="ada",
    reason="a new lamp",
    replaces=small_reference().made_at,
    confirmed={"ok": 40},
    faults=(FaultReplay(fault="black", tried=30, stopped_before=30, stopped_after=30),),
    reference=small_reference(limit=4.0),
)


@pytest.fixture
def s3() -> InMemoryS3:
    return InMemoryS3()


def test_a_model_has_at_most_one_open_proposal(s3: InMemoryS3) -> None:
    updates = S3ReferenceUpdates("training", s3)
    assert updates.get_proposal(MODEL) is None

    updates.put_proposal(PROPOSAL)
    assert updates.get_proposal(MODEL) == PROPOSAL
    assert updates.get_proposal(MODEL + "2") is None

    updates.delete_proposal(MODEL)
    updates.delete_proposal(MODEL)
    assert updates.get_proposal(MODEL) is None


def test_the_first_reference_is_stored_beside_the_one_in_use(s3: InMemoryS3) -> None:
    references, updates = S3ReferenceRepository("training", s3), S3ReferenceUpdates("training", s3)
    references.put(small_reference(limit=9.0))
    updates.put_first(small_reference())
    updates.put_proposal(PROPOSAL)

    assert updates.get_first(MODEL) == small_reference()
    assert S3ReferenceRepository("training", s3).get(MODEL) == small_reference(limit=9.0)
    assert all(key.startswith("references/") for key in s3.objects)

    updates.delete_first(MODEL)
    assert updates.get_first(MODEL) is None
