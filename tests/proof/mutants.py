"""Wrong variants of the product, each without one guard. The random histories must detect all of them."""

import inspect
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any
from unittest.mock import patch

from workflow import timestamps
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.items import to_attribute_values, to_inspection_item
from workflow.aws.object_store import S3ObjectStore
from workflow.aws.task_tokens import DynamoTaskTokenStore
from workflow.errors import Conflict
from workflow.inspections import undo_window
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import CopyFailure, Image, StoredObject
from workflow.inspections.repository import get_or_create, get_or_raise, require_owner
from workflow.inspections.undo_window import finalize
from workflow.pipeline import claim, detection, filing, reference_comparison, verdict_message
from workflow.pipeline.reference_comparison import ReferenceComparison
from workflow.recovery import decision_delivery, id_groups, reconcile
from workflow.recovery.issues import Issue, IssueKind
from workflow.recovery.reconcile import Reconciler
from workflow.review import decisions

Mutant = Callable[[], AbstractContextManager[Any]]
MUTANTS: list[Mutant] = []
# The originals that variants call while they replace them.
_file_photo, _build_message, _repair = filing.file_photo, verdict_message.build_message, Reconciler.repair
_record_decision = DynamoInspectionRepository.record_decision
_record_review = DynamoInspectionRepository.record_review


def _replace(original: Callable[..., Any], variant: Any, *owners: Any) -> AbstractContextManager[Any]:
    """Replace a function or method in each owner: a class, or a module that defines or imports it."""
    stack = ExitStack()
    for owner in owners:
        assert getattr(owner, original.__name__) is original
        stack.enter_context(patch.object(owner, original.__name__, variant))
    return stack


def registered(mutant: Mutant) -> Mutant:
    """Add a context manager that replaces several functions to the mutants."""
    MUTANTS.append(mutant)
    return mutant


def wrong_variant(original: Callable[..., Any], *owners: Any) -> Callable[[Any], Any]:
    """Add a function to the mutants as a variant of the original in each owner."""

    def register(variant: Any) -> Any:
        @wraps(variant)
        def mutant() -> AbstractContextManager[Any]:
            return _replace(original, variant, *owners)

        MUTANTS.append(mutant)
        return variant

    return register


def _arguments(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """Return the arguments of a call by parameter name."""
    return inspect.signature(function).bind(*arguments, **keywords).arguments


@wrong_variant(DynamoInspectionRepository.claim, DynamoInspectionRepository)
def claims_without_owner(repository: Any, new: Inspection) -> Inspection | None:
    """A claim takes over the row of another owner."""
    row = repository.get(new.id)
    if row is None:
        repository._dynamodb.put_item(TableName=repository._table, Item=to_inspection_item(new))
        return new
    repository._dynamodb.update_item(
        TableName=repository._table,
        Key=to_attribute_values({"id": row.id}),
        UpdateExpression="SET #owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues=to_attribute_values({":owner": new.owner}),
    )
    result: Inspection | None = repository.get(new.id)
    return result


@wrong_variant(get_or_create, claim)
def skips_known_inspections(repository: Any, new: Inspection) -> Inspection | None:
    """A claim gives up on any existing row, even on its own."""
    return repository.claim(new) if repository.get(new.id) is None else None


@wrong_variant(S3ObjectStore.copy_if_unchanged, S3ObjectStore)
def copies_by_key(self: Any, source: StoredObject, bucket: str, key: str) -> StoredObject | CopyFailure:
    """A copy takes the latest version of the key instead of the inspected version."""
    copy_source = {"Bucket": source.image.bucket, "Key": source.image.key}
    response = self._s3.copy_object(Bucket=bucket, Key=key, CopySource=copy_source, IfNoneMatch="*")
    return StoredObject(
        image=Image(bucket, key, response["VersionId"]),
        size=source.size,
        etag=response["CopyObjectResult"]["ETag"],
    )


@wrong_variant(S3ObjectStore.delete, S3ObjectStore)
def deletes_by_key(self: Any, image: Image) -> None:
    """A deletion sets a delete marker on the key, which hides the photo and any newer one."""
    self._s3.delete_object(Bucket=image.bucket, Key=image.key)


@wrong_variant(S3ObjectStore.delete, S3ObjectStore)
def deletes_latest_version(self: Any, image: Image) -> None:
    """A deletion removes the latest version of the key instead of the inspected version."""
    latest = self.get_latest(image.bucket, image.key)
    if latest is not None:
        self._s3.delete_object(Bucket=image.bucket, Key=image.key, VersionId=latest.image.version_id)


@wrong_variant(S3ObjectStore.copy_if_unchanged, S3ObjectStore)
def overwrites_the_destination(
    self: Any, source: StoredObject, bucket: str, key: str
) -> StoredObject | CopyFailure:
    """A copy does not check for an object at its destination."""
    copy_source = {
        "Bucket": source.image.bucket,
        "Key": source.image.key,
        "VersionId": source.image.version_id,
    }
    response = self._s3.copy_object(Bucket=bucket, Key=key, CopySource=copy_source)
    return StoredObject(
        image=Image(bucket, key, response["VersionId"]),
        size=source.size,
        etag=response["CopyObjectResult"]["ETag"],
    )


@registered
def deletes_before_recording() -> AbstractContextManager[Any]:
    """The original is deleted before the row points at the copy."""
    record_filing = DynamoInspectionRepository.record_filing
    copy_if_unchanged = S3ObjectStore.copy_if_unchanged
    stores: list[Any] = []

    def copy_variant(self: Any, *arguments: Any, **keywords: Any) -> Any:
        stores[:] = [self]
        return copy_if_unchanged(self, *arguments, **keywords)

    def record_variant(self: Any, before: Inspection, *arguments: Any, **keywords: Any) -> None:
        stores[0].delete(before.location)
        record_filing(self, before, *arguments, **keywords)

    stack = ExitStack()
    stack.enter_context(_replace(copy_if_unchanged, copy_variant, S3ObjectStore))
    stack.enter_context(_replace(record_filing, record_variant, DynamoInspectionRepository))
    return stack


@wrong_variant(DynamoInspectionRepository.record_decision, DynamoInspectionRepository)
def sends_unsaved_decision(_self: Any, *_arguments: Any, **_keywords: Any) -> None:
    """A decision is reported as saved, but exists only in the message."""


@wrong_variant(DynamoInspectionRepository.record_decision, DynamoInspectionRepository)
def ignores_decision_conflict(self: Any, *arguments: Any, **keywords: Any) -> None:
    """A decision is reported as saved although its transaction failed."""
    try:
        _record_decision(self, *arguments, **keywords)
    except Conflict:
        return


@wrong_variant(decisions.escalate, decisions)
def discards_decision_at_timeout(
    repository: Any, queue: Any, inspection_id: str, owner: str
) -> dict[str, Any]:
    """A new review round begins without the decision that stands."""
    row = require_owner(repository, inspection_id, owner)
    repository._change(inspection_id, owner, {"state": InspectionState.WAITING, "decision": None}, {})
    queue.send(json.dumps({"inspection_id": row.id}))
    return {"decided": False, "round": 2}


@wrong_variant(DynamoInspectionRepository.record_review, DynamoInspectionRepository)
def discards_decision_at_review(self: Any, *arguments: Any, **keywords: Any) -> Any:
    """Opening a review discards the decision that stands."""
    call = _arguments(_record_review, self, *arguments, **keywords)
    self._change(
        call["inspection_id"],
        call["owner"],
        {"state": InspectionState.WAITING, "review": call["review"], "decision": None},
    )
    return self.get(call["inspection_id"])


@wrong_variant(filing.file_photo, filing)
def changes_the_announcement_id(*arguments: Any, **keywords: Any) -> dict[str, Any]:
    """Each announcement gets a new id when it is sent."""
    filed = _file_photo(*arguments, **keywords)
    if filed["announcement"]:
        filed["announcement"] = json.dumps(
            {**json.loads(filed["announcement"]), "announcement_id": str(uuid.uuid4())}
        )
    return filed


@wrong_variant(filing.file_photo, filing)
def announces_the_time_of_sending(*arguments: Any, **keywords: Any) -> dict[str, Any]:
    """The announcement's body is built again from the row at each attempt."""
    filed = _file_photo(*arguments, **keywords)
    repository, _, _, inspection_id, owner, _ = _arguments(_file_photo, *arguments, **keywords).values()
    row = require_owner(repository, inspection_id, owner)
    if filed["announcement"] and row.verdict:
        filed["announcement"] = verdict_message.build_message(
            row, row.verdict, row.location, timestamps.now()
        )
    return filed


@registered
def trusts_the_token_in_the_message() -> AbstractContextManager[Any]:
    """The delivery message contains the task token."""
    tokens: dict[str, str] = {}
    open_review = decisions.open_review

    def open_variant(*arguments: Any, **keywords: Any) -> None:
        call = _arguments(open_review, *arguments, **keywords)
        tokens[call["inspection_id"]] = call["token"]
        open_review(*arguments, **keywords)

    def message_variant(inspection_id: str) -> str:
        return json.dumps({"inspection_id": inspection_id, "token": tokens.get(inspection_id, "")})

    stack = ExitStack()
    stack.enter_context(_replace(open_review, open_variant, decisions))
    stack.enter_context(_replace(decisions.delivery_message, message_variant, decisions))
    return stack


@registered
def keeps_the_first_token() -> AbstractContextManager[Any]:
    """A stored token is never replaced, so retries and redrives wait in vain."""
    put = DynamoTaskTokenStore.put

    def put_variant(self: Any, inspection_id: str, token: str, attempt: int) -> None:
        if not self.list_tokens(inspection_id):
            put(self, inspection_id, token, attempt)

    def remove_variant(_self: Any, _inspection_id: str, _token: str) -> None:
        """Remove nothing."""

    stack = ExitStack()
    stack.enter_context(_replace(put, put_variant, DynamoTaskTokenStore))
    stack.enter_context(_replace(DynamoTaskTokenStore.remove, remove_variant, DynamoTaskTokenStore))
    return stack


@registered
def undoes_finalized_decisions() -> AbstractContextManager[Any]:
    """An undo ignores that the decision is final."""
    undo_decision = DynamoInspectionRepository.undo_decision

    def undo_variant(self: Any, before: Inspection, *arguments: Any, **keywords: Any) -> None:
        if before.decision is not None:
            self._update_decision(before.id, before.decision.id, "finalized", False)
        undo_decision(self, before, *arguments, **keywords)

    def read_variant(repository: Any, inspection_id: str) -> Inspection:
        row = get_or_raise(repository, inspection_id)
        return replace(row, decision=replace(row.decision, finalized=False)) if row.decision else row

    stack = ExitStack()
    stack.enter_context(_replace(undo_decision, undo_variant, DynamoInspectionRepository))
    stack.enter_context(_replace(get_or_raise, read_variant, decisions))
    return stack


@wrong_variant(finalize, filing, decisions, decision_delivery)
def acts_without_finalizing(_repository: Any, row: Inspection, now: str) -> bool:
    """A decision is used after its undo window without being finalized."""
    return row.decision is not None and not undo_window.undo_seconds_left(row.decision, now)


@wrong_variant(verdict_message.build_message, verdict_message)
def overrides_without_a_revision(inspection: Inspection, *arguments: Any, **keywords: Any) -> str:
    """An override is announced under the id of the verdict that it corrects."""
    return _build_message(replace(inspection, revision=1), *arguments, **keywords)


@wrong_variant(Reconciler.repair, Reconciler)
def deletes_unknown_objects(self: Reconciler, issue: Issue) -> bool:
    """An object in the filed bucket that no row names is deleted instead of adopted."""
    if issue.kind is not IssueKind.UNKNOWN_OBJECT:
        return _repair(self, issue)
    self.objects.delete(issue.image)
    return True


@registered
def adopts_filed_photos() -> AbstractContextManager[Any]:
    """A filed photo is taken for an unknown object, because no row is looked for in its folder."""
    return _replace(id_groups.id_prefix, lambda _image: "", id_groups, reconcile)


@wrong_variant(reference_comparison.compare_with_reference, reference_comparison, detection)
def believes_the_model_about_unusual_photos(*_arguments: Any) -> ReferenceComparison:
    """The reasons why a photo is unusual do not reach its prediction."""
    return ReferenceComparison()


@contextmanager
def apply_mutant(mutant: Mutant | None) -> Iterator[None]:
    """Apply a mutant for the duration of a block."""
    if mutant is None:
        yield
        return
    with mutant():
        yield
