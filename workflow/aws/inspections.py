"""Inspections on DynamoDB: one item per image version, and a table with the audit trail."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from workflow.aws.audit_log import DynamoAuditLog
from workflow.aws.conditional_writes import (
    LEASE_NAMES,
    NO_OTHER_LEASE,
    conditional_update,
    try_write,
    write_with_audit,
)
from workflow.aws.conflict_retry import retry_on_conflict
from workflow.aws.inspection_queries import DynamoInspectionQueries
from workflow.aws.items import (
    derive_index_keys,
    from_inspection_item,
    to_attribute_values,
    to_inspection_item,
)
from workflow.aws.measures import DynamoDescriptors, to_row_changes
from workflow.errors import Conflict, OwnershipLost
from workflow.inspections.inspection import (
    UNJUDGED_STATES,
    AuditEntry,
    Decision,
    ExecutionName,
    Inspection,
    InspectionState,
    Lease,
    ModelWait,
    Review,
)
from workflow.inspections.objects import InspectionId, StoredObject
from workflow.inspections.repository import get_or_raise, require_owner
from workflow.inspections.verdict import Prediction, Verdict
from workflow.photos.measures import PhotoMeasures, UnmeasurablePhoto
from workflow.review.queue import ReviewQueue
from workflow.review.second_review import is_due

_REVIEW_ATTRIBUTES = (
    *("state", "review", "priority", "review_queue", "owner", "decision", "round"),
    "unarchived",
)
_DECISION_ATTRIBUTES = ("decision", "decided_by", "state", "review_queue", "priority", "undone_ids")
_UNDO_ATTRIBUTES = (
    *("decision", "decided_by", "lease", "review_queue", "priority", "undone_ids"),
    *("id", "reviewer", "finalized"),
)
_REVISION_ATTRIBUTES = ("state", "owner", "second_review", "review_queue", "priority", "unarchived")
_NO_MODEL_ANSWER: Mapping[str, Any] = {"prediction": None, "rejection": {}}


class DynamoInspectionRepository(DynamoInspectionQueries, DynamoAuditLog):
    """Implements workflow.inspections.repository.InspectionDatabase.

    `audit_table` is needed only by processes that read or write the audit trail.
    """

    def __init__(self, table: str, audit_table: str = "", dynamodb: Any = None) -> None:
        DynamoInspectionQueries.__init__(self, table, dynamodb)
        DynamoAuditLog.__init__(self, audit_table, dynamodb)
        self._descriptors = DynamoDescriptors(self._table, self._dynamodb)

    def claim(self, new: Inspection) -> Inspection | None:
        item = to_inspection_item(new)
        names = [name for name in item if name != "id"]
        created = try_write(
            lambda: self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": item["id"]},
                UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in names),
                ConditionExpression="attribute_not_exists(#id)",
                ExpressionAttributeNames={"#id": "id", **{f"#{n}": n for n in names}},
                ExpressionAttributeValues={f":{n}": item[n] for n in names},
            )
        )
        row = new if created is not None else self.get(new.id)
        return row if row is not None and row.owner == new.owner else None

    def get(self, inspection_id: str) -> Inspection | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=to_attribute_values({"id": inspection_id}), ConsistentRead=True
        )
        item = answer.get("Item", {})  # The capacity manager stores items of its own in this table.
        return from_inspection_item(item) if "image" in item else None

    def record_upload(
        self,
        inspection_id: str,
        owner: str,
        stored: StoredObject,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
        measures: PhotoMeasures | UnmeasurablePhoto | None = None,
    ) -> None:
        upload = {"size": stored.size, "etag": stored.etag, "sha256": sha256, "camera": stored.camera}
        changes = {**upload, "photo": photo, "rejection": rejection}
        if measures is not None:
            self._descriptors.put(inspection_id, measures)
            changes |= to_row_changes(measures)
        self._change(inspection_id, owner, changes, {"photo": {}, "rejection": {}})

    def record_measures(
        self, inspection_id: str, owner: str, measures: PhotoMeasures | UnmeasurablePhoto
    ) -> None:
        self._descriptors.put(inspection_id, measures)
        self._change(inspection_id, owner, to_row_changes(measures))

    def get_descriptor(self, inspection_id: str, decoder_version: int) -> tuple[float, ...]:
        return self._descriptors.get(inspection_id, decoder_version)

    def record_rejection(self, inspection_id: str, owner: str, rejection: dict[str, str]) -> None:
        self._change(inspection_id, owner, {"rejection": rejection}, _NO_MODEL_ANSWER)

    def record_prediction(self, inspection_id: str, owner: str, prediction: Prediction) -> None:
        self._change(inspection_id, owner, {"prediction": prediction}, _NO_MODEL_ANSWER)

    def park(self, inspection_id: InspectionId, owner: ExecutionName, wait: ModelWait) -> None:
        changes = {"state": InspectionState.PARKED, "model_wait": wait}
        self._change(inspection_id, owner, changes, _NO_MODEL_ANSWER)

    def unpark(self, before: Inspection) -> None:
        expected = {"state": InspectionState.PARKED, "model_wait": before.model_wait}
        with suppress(Conflict):  # A concurrent run of this state was faster.
            self._change(before.id, before.owner, {"state": InspectionState.INSPECTING}, expected)

    def record_filing(
        self, before: Inspection, verdict: Verdict, location: StoredObject, announcement: str, at: str
    ) -> None:
        changes = {
            "verdict": verdict,
            "location": location.image,
            "pending_delete": before.pending_delete if location.image == before.location else before.location,
            "etag": location.etag,
            "announcement": announcement,
            "settled_at": at if announcement else "",
        }
        if announcement and is_due(replace(before, announcement=announcement)):
            changes |= {"review_queue": ReviewQueue.SECOND_REVIEW, "priority": at}
        self._change(
            before.id,
            before.owner,
            changes,
            {"location": before.location, "announcement": before.announcement},
        )

    def record_review(
        self, inspection_id: InspectionId, owner: ExecutionName, review: Review, priority: str
    ) -> Inspection:
        change = conditional_update(
            self._table,
            inspection_id,
            expression="SET #state = :waiting, #review = :review, #priority = :priority,"
            " #review_queue = if_not_exists(#review_queue, :open), #unarchived = :yes",
            condition="#owner = :owner AND #decision = :null"
            " AND (#review = :null OR #review.#round <= :round)",
            names=_names(*_REVIEW_ATTRIBUTES),
            values={
                ":waiting": InspectionState.WAITING,
                ":review": review,
                ":priority": priority,
                ":open": ReviewQueue.OPEN,
                ":owner": owner,
                ":null": None,
                ":round": review.round,
                ":yes": "yes",
            },
        )
        if try_write(lambda: self._dynamodb.update_item(**change)) is None:
            return require_owner(self, inspection_id, owner)  # It has a decision or a later round.
        return get_or_raise(self, inspection_id)

    def record_decision(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        change = conditional_update(
            self._table,
            inspection_id,
            expression="SET #decision = :decision, #decided_by = :reviewer, #lease = :null"
            " REMOVE #review_queue, #priority",
            condition="#state = :waiting AND #decision = :null AND #review_queue = :open"
            f" AND {NO_OTHER_LEASE} AND NOT contains(#undone_ids, :id)",
            names={
                **LEASE_NAMES,
                **_names(*_DECISION_ATTRIBUTES),
            },
            values={
                ":decision": decision,
                ":waiting": InspectionState.WAITING,
                ":open": ReviewQueue.OPEN,
                ":null": None,
                ":id": decision.id,
                ":reviewer": decision.reviewer,
                ":now": decision.decided_at,
            },
        )
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def undo_decision(self, before: Inspection, lease: Lease, priority: str, entry: AuditEntry) -> None:
        change = conditional_update(
            self._table,
            before.id,
            expression="SET #decision = :null, #lease = :lease, #review_queue = :open, #priority = :priority,"
            " #undone_ids = list_append(if_not_exists(#undone_ids, :none), :ids) REMOVE #decided_by",
            condition="#decision.#id = :id AND #decision.#reviewer = :reviewer"
            " AND (attribute_not_exists(#decision.#finalized) OR #decision.#finalized = :false)",
            names=_names(*_UNDO_ATTRIBUTES),
            values={
                ":lease": lease,
                ":open": ReviewQueue.OPEN,
                ":priority": priority,
                ":none": [],
                ":ids": [entry.decision_id],
                ":id": entry.decision_id,
                ":reviewer": entry.actor,
                ":null": None,
                ":false": False,
            },
        )
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def finalize(self, inspection_id: str, decision_id: str) -> bool:
        return self._update_decision(inspection_id, decision_id, "finalized", True)

    def record_delivery(self, inspection_id: str, decision_id: str, at: str) -> None:
        self._update_decision(inspection_id, decision_id, "delivered_at", at, unannounced=True)

    def record_revision(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        old, new = to_inspection_item(before), to_inspection_item(after)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        removed = [*(old.keys() - new.keys()), *(() if after.second_review else ("review_queue", "priority"))]
        sets = [f"#{name} = :{name}" for name in changed]
        sets += ["#review_queue = :resolved", "#priority = :priority"] if after.second_review else []
        sets += ["#unarchived = :yes"]
        removes = " REMOVE " + ", ".join(f"#{name}" for name in removed) if removed else ""
        change = conditional_update(
            self._table,
            before.id,
            expression=f"SET {', '.join(sets)}{removes}",
            condition="#state = :was_closed AND #owner = :was_owner"
            " AND (attribute_not_exists(#second_review) OR #second_review = :was_second_review)",
            names=_names(*changed, *removed, *_REVISION_ATTRIBUTES),
            values={
                ":was_closed": InspectionState.CLOSED,
                ":was_owner": before.owner,
                ":was_second_review": before.second_review,
                ":yes": "yes",
                **(
                    {":resolved": ReviewQueue.RESOLVED, ":priority": after.second_review.at}
                    if after.second_review
                    else {}
                ),
            },
        )
        change["ExpressionAttributeValues"] |= {f":{name}": value for name, value in changed.items()}
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        changes = {"state": InspectionState.CLOSED, "closed_at": at, "unarchived": "yes"}
        with suppress(Conflict):  # It is already closed.
            self._change(inspection_id, owner, changes, {"closed_at": ""})

    def transfer_ownership(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        try:
            state = InspectionState.INSPECTING if before.state in UNJUDGED_STATES else before.state
            changes = {"owner": owner, "attempt": attempt, "attempted_at": at, "state": state}
            self._change(before.id, before.owner, changes, {"state": before.state})
        except (OwnershipLost, Conflict):
            return False
        return True

    def _update_decision(
        self, inspection_id: str, decision_id: str, field: str, value: Any, *, unannounced: bool = False
    ) -> bool:
        """Set a field of a decision. Return False if the row no longer has this decision.

        With `unannounced`, also return False if the verdict is announced.
        """
        condition, names = "#decision.#id = :id", _names("decision", "id", field)
        values = {":id": decision_id, ":value": value}
        if unannounced:
            condition += " AND #announcement = :none"
            names["#announcement"], values[":none"] = "announcement", ""
        change = conditional_update(
            self._table,
            inspection_id,
            expression=f"SET #decision.#{field} = :value",
            condition=condition,
            names=names,
            values=values,
        )
        answer = try_write(lambda: retry_on_conflict(lambda: self._dynamodb.update_item(**change)))
        return answer is not None

    def _change(
        self,
        inspection_id: str,
        owner: str,
        changes: Mapping[str, Any],
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Set attributes if the row still has this owner and the expected values.

        Raise OwnershipLost if the owner changed, Conflict if another expected value did.
        """
        required = {"owner": owner, **(expected or {})}
        changes = {**changes, **derive_index_keys(changes)}
        names = {f"#{name}": name for name in (*changes, *required)}
        sets = ", ".join(f"#{name} = :{name}" for name in changes)
        conditions = " AND ".join(f"#{name} = :was_{name}" for name in required)
        new = {f":{name}": value for name, value in changes.items()}
        old = {f":was_{name}": value for name, value in required.items()}
        change = conditional_update(
            self._table,
            inspection_id,
            expression=f"SET {sets}",
            condition=conditions,
            names=names,
            values={**new, **old},
        )
        if try_write(lambda: self._dynamodb.update_item(**change)) is None:
            require_owner(self, InspectionId(inspection_id), ExecutionName(owner))
            raise Conflict(f"inspection {inspection_id}: the row changed since it was read")


def _names(*attributes: str) -> dict[str, str]:
    """Return expression attribute names: `#name` for each attribute `name`."""
    return {f"#{name}": name for name in attributes}
