"""Wrong variants of the product, one guard missing in each: the histories must find every one of them out."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from workflow import timestamps
from workflow.aws.items import to_item, values
from workflow.aws.ledger import DynamoLedger
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import Conflict
from workflow.inspections import undo_window
from workflow.inspections.inspection import Inspection, State, owned
from workflow.inspections.objects import CopyResult, Image, Stored
from workflow.pipeline import filing, intake, verdict_message
from workflow.recovery import delivery
from workflow.review import decisions

Mutant = Callable[[], AbstractContextManager[Any]]


def _replaced(target: Any, name: str, variant: Any) -> AbstractContextManager[Any]:
    return patch.object(target, name, variant)


def claims_without_owner() -> AbstractContextManager[Any]:
    """Whoever comes claims the row, whosever it is."""

    def entered(ledger: Any, new: Inspection) -> Inspection | None:
        row = ledger.get(new.id)
        if row is None:
            ledger._dynamodb.put_item(TableName=ledger._table, Item=to_item(new))
            return new
        ledger._dynamodb.update_item(
            TableName=ledger._table,
            Key=values({"id": row.id}),
            UpdateExpression="SET #owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=values({":owner": new.owner}),
        )
        return ledger.get(new.id)

    return _replaced(intake, "entered", entered)


def skips_what_was_seen_before() -> AbstractContextManager[Any]:
    """A row that exists is somebody else's business, even if it is one's own."""

    def entered(ledger: Any, new: Inspection) -> Inspection | None:
        return ledger.claim(new) if ledger.get(new.id) is None else None

    return _replaced(intake, "entered", entered)


def copies_by_key() -> AbstractContextManager[Any]:
    """The newest version under the name is copied, whatever was judged."""

    def copy(self: Any, source: Stored, bucket: str, key: str) -> Stored | CopyResult:
        where = {"Bucket": source.image.bucket, "Key": source.image.key}
        answer = self._s3.copy_object(Bucket=bucket, Key=key, CopySource=where, IfNoneMatch="*")
        return Stored(
            Image(bucket, key, answer["VersionId"]), source.size, answer["CopyObjectResult"]["ETag"]
        )

    return _replaced(S3Shelf, "copy", copy)


def deletes_by_key() -> AbstractContextManager[Any]:
    """The name is deleted instead of the version: a marker hides the photo, and another one with it."""

    def delete(self: Any, image: Image) -> None:
        self._s3.delete_object(Bucket=image.bucket, Key=image.key)

    return _replaced(S3Shelf, "delete", delete)


def deletes_the_newest() -> AbstractContextManager[Any]:
    """Whatever lies under the name now is deleted."""

    def delete(self: Any, image: Image) -> None:
        found = self.newest(image.bucket, image.key)
        if found is not None:
            self._s3.delete_object(Bucket=image.bucket, Key=image.key, VersionId=found.image.version_id)

    return _replaced(S3Shelf, "delete", delete)


def overwrites_the_destination() -> AbstractContextManager[Any]:
    """No look at what lies at the destination."""

    def copy(self: Any, source: Stored, bucket: str, key: str) -> Stored | CopyResult:
        where = {
            "Bucket": source.image.bucket,
            "Key": source.image.key,
            "VersionId": source.image.version_id,
        }
        answer = self._s3.copy_object(Bucket=bucket, Key=key, CopySource=where)
        return Stored(
            Image(bucket, key, answer["VersionId"]), source.size, answer["CopyObjectResult"]["ETag"]
        )

    return _replaced(S3Shelf, "copy", copy)


def deletes_before_recording() -> AbstractContextManager[Any]:
    """The original goes before the ledger points at the copy."""
    honest = DynamoLedger.record_filing
    shelves: list[Any] = []
    copy = S3Shelf.copy

    def remembered(self: Any, *arguments: Any) -> Any:
        shelves[:] = [self]
        return copy(self, *arguments)

    def record(self: Any, before: Inspection, *rest: Any) -> None:
        shelves[0].delete(before.location)
        honest(self, before, *rest)

    stack = ExitStack()
    stack.enter_context(_replaced(S3Shelf, "copy", remembered))
    stack.enter_context(_replaced(DynamoLedger, "record_filing", record))
    return stack


def sends_what_it_did_not_keep() -> AbstractContextManager[Any]:
    """The decision travels in the message alone; saved, says the page."""

    def decide(self: Any, *_: Any) -> None:
        """Keep nothing."""

    return _replaced(DynamoLedger, "decide", decide)


def says_saved_before_it_is() -> AbstractContextManager[Any]:
    """The transaction's refusal is swallowed."""
    honest = DynamoLedger.decide

    def decide(self: Any, *arguments: Any) -> None:
        try:
            honest(self, *arguments)
        except Conflict:
            return

    return _replaced(DynamoLedger, "decide", decide)


def overrules_by_timeout() -> AbstractContextManager[Any]:
    """A new round begins with nothing decided."""

    def escalate(ledger: Any, queue: Any, inspection_id: str, owner: str) -> dict[str, Any]:
        row = owned(ledger, inspection_id, owner)
        ledger._change(inspection_id, owner, {"state": State.WAITING, "decision": None}, {})
        queue.send(json.dumps({"inspection_id": row.id}))
        return {"decided": False, "round": 2}

    return _replaced(decisions, "escalate", escalate)


def asks_over_a_decision() -> AbstractContextManager[Any]:
    """The timeout asks again although a decision stands, and forgets it."""

    def record(self: Any, inspection_id: str, owner: str, asked: Any) -> Any:
        self._change(inspection_id, owner, {"state": State.WAITING, "review": asked, "decision": None})
        return self.get(inspection_id)

    return _replaced(DynamoLedger, "record_review", record)


def words_each_announcement_anew() -> AbstractContextManager[Any]:
    """The announcement is made when it is sent, with an id of its own."""
    honest = filing.file

    def file(*arguments: Any) -> dict[str, Any]:
        filed = honest(*arguments)
        if filed["announcement"]:
            filed["announcement"] = json.dumps(
                {**json.loads(filed["announcement"]), "announcement_id": str(uuid.uuid4())}
            )
        return filed

    return _replaced(filing, "file", file)


def announces_the_time_of_sending() -> AbstractContextManager[Any]:
    """The body is made anew from the row at each try."""
    honest = filing.file

    def file(
        ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
    ) -> dict[str, Any]:
        filed = honest(ledger, shelf, bucket, inspection, owner, wanted)
        row = owned(ledger, inspection, owner)
        if filed["announcement"] and row.verdict:
            filed["announcement"] = verdict_message.body(row, row.verdict, row.location, timestamps.now())
        return filed

    return _replaced(filing, "file", file)


def trusts_the_token_in_the_message() -> AbstractContextManager[Any]:
    """The message says which token to answer."""
    tokens: dict[str, str] = {}
    keep = decisions.ask

    def ask(
        ledger: Any, kept: Any, queue: Any, inspection_id: str, owner: str, token: str, seconds: int
    ) -> None:
        tokens[inspection_id] = token
        keep(ledger, kept, queue, inspection_id, owner, token, seconds)

    def message(inspection_id: str) -> str:
        return json.dumps({"inspection_id": inspection_id, "token": tokens.get(inspection_id, "")})

    stack = ExitStack()
    stack.enter_context(_replaced(decisions, "ask", ask))
    stack.enter_context(_replaced(decisions, "delivery", message))
    return stack


def answers_the_first_token_for_ever() -> AbstractContextManager[Any]:
    """A token that was handed out once is never replaced: retries and redrives wait in vain."""
    honest = DynamoTokens.put

    def put(self: Any, inspection_id: str, token: str, attempt: int) -> None:
        if not self.of(inspection_id):
            honest(self, inspection_id, token, attempt)

    stack = ExitStack()
    stack.enter_context(_replaced(DynamoTokens, "put", put))
    stack.enter_context(_replaced(DynamoTokens, "remove", lambda *_: None))
    return stack


def takes_back_what_was_acted_on() -> AbstractContextManager[Any]:
    """The undo does not look at the seal."""
    honest = DynamoLedger.undo

    def undo(self: Any, before: Inspection, *rest: Any) -> None:
        if before.decision is not None:
            self._mark(before.id, before.decision.id, "sealed", False, "")
        honest(self, before, *rest)

    def open_(row: Inspection) -> Inspection:
        return replace(row, decision=replace(row.decision, sealed=False)) if row.decision else row

    stack = ExitStack()
    stack.enter_context(_replaced(DynamoLedger, "undo", undo))
    honest_row = decisions._row
    stack.enter_context(_replaced(decisions, "_row", lambda ledger, one: open_(honest_row(ledger, one))))
    return stack


def acts_without_sealing() -> AbstractContextManager[Any]:
    """Whoever acts on a decision looks at the clock only."""

    def seal(_ledger: Any, row: Inspection, now: str) -> bool:
        return row.decision is not None and not undo_window.held_for(row.decision, now)

    stack = ExitStack()
    for module in (filing, decisions, delivery):
        stack.enter_context(_replaced(module, "seal", seal))
    return stack


def corrects_without_a_revision() -> AbstractContextManager[Any]:
    """A correction goes out under the id of the verdict that it corrects."""
    honest = verdict_message.body

    def body(row: Inspection, *rest: Any) -> str:
        return honest(replace(row, revision=1), *rest)

    return _replaced(verdict_message, "body", body)


MUTANTS: tuple[Mutant, ...] = (
    claims_without_owner,
    skips_what_was_seen_before,
    copies_by_key,
    deletes_by_key,
    deletes_the_newest,
    overwrites_the_destination,
    deletes_before_recording,
    sends_what_it_did_not_keep,
    says_saved_before_it_is,
    overrules_by_timeout,
    asks_over_a_decision,
    words_each_announcement_anew,
    announces_the_time_of_sending,
    trusts_the_token_in_the_message,
    answers_the_first_token_for_ever,
    takes_back_what_was_acted_on,
    acts_without_sealing,
    corrects_without_a_revision,
)


@contextmanager
def applied(mutant: Mutant | None) -> Iterator[None]:
    """The product with one mutant in it."""
    if mutant is None:
        yield
        return
    with mutant():
        yield
