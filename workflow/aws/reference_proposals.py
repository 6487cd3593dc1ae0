"""Proposals for references, and the references before their first update, on S3."""

from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.object_store import is_missing_object
from workflow.inspections.model_reference import KEY_PREFIX, ModelReference, parse_reference, to_json
from workflow.models.reference_update import ReferenceProposal, parse_proposal, proposal_to_json


class S3ReferenceProposals:
    """Implements workflow.models.reference_update.ReferenceProposals: two objects for each model."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket, self._s3 = bucket, s3 or client("s3")

    def get(self, model: str) -> ReferenceProposal | None:
        text = self._read(_key(model, "proposal"))
        return parse_proposal(text) if text else None

    def put(self, proposal: ReferenceProposal) -> None:
        self._write(_key(proposal.model, "proposal"), proposal_to_json(proposal))

    def delete(self, model: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=_key(model, "proposal"))

    def get_first(self, model: str) -> ModelReference | None:
        text = self._read(_key(model, "first"))
        return parse_reference(text) if text else None

    def put_first(self, reference: ModelReference) -> None:
        self._write(_key(reference.model, "first"), to_json(reference))

    def delete_first(self, model: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=_key(model, "first"))

    def _write(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json")

    def _read(self, key: str) -> str:
        """Return the text of an object, empty if it does not exist."""
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if is_missing_object(error):
                return ""
            raise
        return str(body.read().decode())


def _key(model: str, kind: str) -> str:
    return f"{KEY_PREFIX}{model}-{kind}.json"
