"""The queue of reviews on DynamoDB: the ledger's rows once more, listed by the sparse index of piles."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.conditions import LEASE_NAMES, UNLEASED, audited, patiently, refused, update
from workflow.aws.items import read_item, read_waiting, values
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease, SecondLook
from workflow.review.queue import GRACE_SECONDS, Pile, Waiting, pile_of


class DynamoReviews:
    """Implements workflow.review.decisions.queue.Reviews."""

    def __init__(self, table: str, audit_table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._audit_table = audit_table
        self._dynamodb = dynamodb or client("dynamodb")

    def listed(self, pile: Pile, since: str = "") -> Iterator[Waiting]:
        condition, names, plain = "#pile = :pile", {"#pile": "pile"}, {":pile": pile.value}
        if since:
            condition, names["#rank"], plain[":since"] = f"{condition} AND #rank >= :since", "rank", since
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_pile",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values(plain),
        )
        return (read_waiting(item) for page in pages for item in page["Items"])

    def lease(self, inspection_id: str, lease: Lease, now: str) -> Inspection | None:
        change = update(
            self._table,
            inspection_id,
            "SET #lease = :lease",
            f"{UNLEASED} AND (attribute_not_exists(#skipped.#me) OR #skipped.#me <= :moment)"
            " AND (#pile = :open OR (#pile = :second AND"
            " (attribute_not_exists(#decision.#reviewer) OR #decision.#reviewer <> :who)))",
            {
                **LEASE_NAMES,
                **{"#pile": "pile", "#decision": "decision", "#skipped": "skipped", "#me": lease.reviewer},
            },
            {
                ":lease": lease,
                ":open": Pile.OPEN,
                ":second": Pile.SECOND,
                ":who": lease.reviewer,
                ":moment": now,
                ":now": timestamps.later(now, -GRACE_SECONDS),
                ":null": None,
            },
        )
        answer = self._try({**change, "ReturnValues": "ALL_NEW"})
        return read_item(answer["Attributes"]) if answer else None

    def free(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        names = {"#lease": "lease", "#reviewer": "reviewer"}
        plain: dict[str, Any] = {":null": None, ":who": reviewer}
        sets, condition = "SET #lease = :null", "#lease.#reviewer = :who"
        if skipped is not None:
            sets, names["#skipped"], plain[":skipped"] = f"{sets}, #skipped = :skipped", "skipped", skipped
        if until:
            condition = f"{condition} AND #lease.#until <= :until"
            names["#until"], plain[":until"] = "until", until
        change = update(self._table, inspection_id, sets, condition, names, plain)
        return self._try(change) is not None

    def hold(self, inspection_id: str, hold: Hold, entry: AuditEntry) -> None:
        change = update(
            self._table,
            inspection_id,
            "SET #hold = :hold, #lease = :null, #pile = :held",
            f"#pile = :open AND {UNLEASED}",
            {**LEASE_NAMES, "#hold": "hold", "#pile": "pile"},
            {
                ":hold": hold,
                ":held": Pile.HELD,
                ":open": Pile.OPEN,
                ":who": hold.by,
                ":now": hold.at,
                ":null": None,
            },
        )
        audited(self._dynamodb, change, self._audit_table, entry)

    def unhold(self, inspection_id: str, entry: AuditEntry) -> None:
        change = update(
            self._table,
            inspection_id,
            "SET #hold = :null, #pile = :open",
            "#pile = :held",
            {"#hold": "hold", "#pile": "pile"},
            {":held": Pile.HELD, ":open": Pile.OPEN, ":null": None},
        )
        audited(self._dynamodb, change, self._audit_table, entry)

    def record_second(
        self, before: Inspection, second: SecondLook | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        change = update(
            self._table,
            before.id,
            "SET #second = :second, #lease = :lease, #pile = :pile, #rank = :rank,"
            " #undone = list_append(if_not_exists(#undone, :none), :ids)",
            f"#owner = :owner AND #pile = :was_pile AND {UNLEASED}"
            " AND (attribute_not_exists(#second) OR #second = :was_second)",
            {
                **LEASE_NAMES,
                **{f"#{name}": name for name in ("second", "pile", "rank", "undone", "owner")},
            },
            {
                ":second": second,
                ":was_second": before.second,
                ":lease": lease,
                ":pile": pile_of(second),
                ":was_pile": pile_of(before.second),
                ":rank": second.at if second else before.settled_at,
                ":none": [],
                ":ids": [] if second else [entry.decision_id],
                ":owner": before.owner,
                ":who": entry.who,
                ":now": entry.at,
                ":null": None,
            },
        )
        audited(self._dynamodb, change, self._audit_table, entry)

    def _try(self, change: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = patiently(lambda: self._dynamodb.update_item(**change))
        except ClientError as error:
            if refused(error):
                return None
            raise
        return answer
