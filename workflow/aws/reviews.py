"""Review queues on DynamoDB: the inspections, listed by the sparse index `by_review_queue`."""

from collections.abc import Iterator
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.conditional_writes import (
    LEASE_NAMES,
    NO_OTHER_LEASE,
    conditional_update,
    try_write,
    write_with_audit,
)
from workflow.aws.conflict_retry import retry_on_conflict
from workflow.aws.items import from_inspection_item, from_review_item, to_attribute_values
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease, SecondReview
from workflow.review.queue import CLOCK_SKEW_SECONDS, ReviewItem, ReviewQueue, review_queue_of


class DynamoReviewRepository:
    """Implements workflow.review.queue.ReviewRepository."""

    def __init__(self, table: str, audit_table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._audit_table = audit_table
        self._dynamodb = dynamodb or client("dynamodb")

    def list_items(self, queue: ReviewQueue, since: str = "") -> Iterator[ReviewItem]:
        condition, names = "#review_queue = :review_queue", {"#review_queue": "review_queue"}
        values = {":review_queue": queue.value}
        if since:
            condition += " AND #priority >= :since"
            names["#priority"], values[":since"] = "priority", since
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_review_queue",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_attribute_values(values),
        )
        return (from_review_item(item) for page in pages for item in page["Items"])

    def lease(
        self, inspection_id: str, lease: Lease, now: str, *, ends_skip: bool = False
    ) -> Inspection | None:
        skip = "attribute_not_exists(#skipped.#me) OR #skipped.#me <= :current"
        if ends_skip:
            skip = "attribute_exists(#skipped.#me)"  # Otherwise there is no path to remove.
        change = conditional_update(
            self._table,
            inspection_id,
            expression="SET #lease = :lease" + (" REMOVE #skipped.#me" if ends_skip else ""),
            condition=f"{NO_OTHER_LEASE} AND ({skip})"
            " AND (#review_queue = :open OR (#review_queue = :second_review AND"
            " (attribute_not_exists(#decision.#reviewer) OR #decision.#reviewer <> :reviewer)))",
            names={
                **LEASE_NAMES,
                **{
                    "#review_queue": "review_queue",
                    "#decision": "decision",
                    "#skipped": "skipped",
                    "#me": lease.reviewer,
                },
            },
            values={
                ":lease": lease,
                ":open": ReviewQueue.OPEN,
                ":second_review": ReviewQueue.SECOND_REVIEW,
                ":reviewer": lease.reviewer,
                **({} if ends_skip else {":current": now}),
                ":now": timestamps.add_seconds(now, -CLOCK_SKEW_SECONDS),
                ":null": None,
            },
        )
        answer = self._update({**change, "ReturnValues": "ALL_NEW"})
        return from_inspection_item(answer["Attributes"]) if answer else None

    def release_lease(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        names = {"#lease": "lease", "#reviewer": "reviewer"}
        values: dict[str, Any] = {":null": None, ":reviewer": reviewer}
        expression, condition = "SET #lease = :null", "#lease.#reviewer = :reviewer"
        if skipped is not None:
            expression += ", #skipped = :skipped"
            names["#skipped"], values[":skipped"] = "skipped", skipped
        if until:
            condition += " AND #lease.#expires_at <= :until"
            names["#expires_at"], values[":until"] = "expires_at", until
        change = conditional_update(
            self._table, inspection_id, expression=expression, condition=condition, names=names, values=values
        )
        return self._update(change) is not None

    def hold(self, inspection_id: str, hold: Hold, entry: AuditEntry) -> None:
        change = conditional_update(
            self._table,
            inspection_id,
            expression="SET #hold = :hold, #lease = :null, #review_queue = :on_hold",
            condition=f"#review_queue = :open AND {NO_OTHER_LEASE}",
            names={**LEASE_NAMES, "#hold": "hold", "#review_queue": "review_queue"},
            values={
                ":hold": hold,
                ":on_hold": ReviewQueue.ON_HOLD,
                ":open": ReviewQueue.OPEN,
                ":reviewer": hold.reviewer,
                ":now": hold.at,
                ":null": None,
            },
        )
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def release_hold(self, inspection_id: str, entry: AuditEntry) -> None:
        change = conditional_update(
            self._table,
            inspection_id,
            expression="SET #hold = :null, #review_queue = :open",
            condition="#review_queue = :on_hold",
            names={"#hold": "hold", "#review_queue": "review_queue"},
            values={":on_hold": ReviewQueue.ON_HOLD, ":open": ReviewQueue.OPEN, ":null": None},
        )
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def record_second_review(
        self, before: Inspection, second: SecondReview | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        change = conditional_update(
            self._table,
            before.id,
            expression="SET #second_review = :second_review, #lease = :lease, #review_queue = :review_queue,"
            " #priority = :priority,"
            " #undone_ids = list_append(if_not_exists(#undone_ids, :none), :ids)",
            condition=f"#owner = :owner AND #review_queue = :was_review_queue AND {NO_OTHER_LEASE}"
            " AND (attribute_not_exists(#second_review) OR #second_review = :was_second_review)",
            names={
                **LEASE_NAMES,
                **{
                    f"#{name}": name
                    for name in ("second_review", "review_queue", "priority", "undone_ids", "owner")
                },
            },
            values={
                ":second_review": second,
                ":was_second_review": before.second_review,
                ":lease": lease,
                ":review_queue": review_queue_of(second),
                ":was_review_queue": review_queue_of(before.second_review),
                ":priority": second.at if second else before.settled_at,
                ":none": [],
                ":ids": [] if second else [entry.decision_id],
                ":owner": before.owner,
                ":reviewer": entry.actor,
                ":now": entry.at,
                ":null": None,
            },
        )
        write_with_audit(self._dynamodb, change, self._audit_table, entry)

    def _update(self, change: dict[str, Any]) -> dict[str, Any] | None:
        return try_write(lambda: retry_on_conflict(lambda: self._dynamodb.update_item(**change)))
