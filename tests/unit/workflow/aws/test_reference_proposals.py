import pytest

from tests.references import MODEL, small_reference
from tests.unit.workflow.aws.in_memory_s3 import InMemoryS3
from workflow.aws.model_references import S3ReferenceRepository
from workflow.aws.reference_proposals import S3ReferenceProposals
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
    proposals = S3ReferenceProposals("training", s3)
    assert proposals.get(MODEL) is None

    proposals.put(PROPOSAL)
    assert proposals.get(MODEL) == PROPOSAL
    assert proposals.get(MODEL + "2") is None

    proposals.delete(MODEL)
    proposals.delete(MODEL)
    assert proposals.get(MODEL) is None


def test_the_first_reference_is_stored_beside_the_one_in_use(s3: InMemoryS3) -> None:
    references, proposals = S3ReferenceRepository("training", s3), S3ReferenceProposals("training", s3)
    references.put(small_reference(limit=9.0))
    proposals.put_first(small_reference())
    proposals.put(PROPOSAL)

    assert proposals.get_first(MODEL) == small_reference()
    assert S3ReferenceRepository("training", s3).get(MODEL) == small_reference(limit=9.0)
    assert all(key.startswith("references/") for key in s3.objects)

    proposals.delete_first(MODEL)
    assert proposals.get_first(MODEL) is None
