"""Updates of references on S3: the open proposals, and the references before their first update."""

from typing import Any

from workflow.aws.clients import client
from workflow.aws.model_references import read_json, write_json
from workflow.inspections.model_reference import KEY_PREFIX, ModelReference, parse_reference, to_json
from workflow.models.reference_update import ReferenceProposal, parse_proposal, proposal_to_json


class S3ReferenceUpdates:
    """Implements workflow.models.reference_update.ReferenceUpdates: at most two objects for each model."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket, self._s3 = bucket, s3 or client("s3")

    def get_proposal(self, model: str) -> ReferenceProposal | None:
        text = read_json(self._s3, self._bucket, _key(model, "proposal"))
        return parse_proposal(text) if text else None

    def put_proposal(self, proposal: ReferenceProposal) -> None:
        write_json(self._s3, self._bucket, _key(proposal.model, "proposal"), proposal_to_json(proposal))

    def delete_proposal(self, model: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=_key(model, "proposal"))

    def get_first(self, model: str) -> ModelReference | None:
        text = read_json(self._s3, self._bucket, _key(model, "first"))
        return parse_reference(text) if text else None

    def put_first(self, reference: ModelReference) -> None:
        write_json(self._s3, self._bucket, _key(reference.model, "first"), to_json(reference))

    def delete_first(self, model: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=_key(model, "first"))


def _key(model: str, kind: str) -> str:
    return f"{KEY_PREFIX}{model}-{kind}.json"
