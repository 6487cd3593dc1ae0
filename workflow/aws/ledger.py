"""The ledger on DynamoDB: one item per image version, and a table of what people did."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.conditions import LEASE_NAMES, UNLEASED, audited, patiently, refused, update
from workflow.aws.items import audit_item, index_keys, read_audit_item, read_item, to_item, values
from workflow.errors import Conflict, OwnershipLost
from workflow.inspections.inspection import (
    MOST_OF_A_NAME,
    AuditEntry,
    Decision,
    Inspection,
    Lease,
    Review,
    State,
    known,
    owned,
)
from workflow.inspections.objects import Stored
from workflow.inspections.verdict import Prediction, Verdict
from workflow.review.queue import Pile
from workflow.review.second_review import due

_UNANSWERED: Mapping[str, Any] = {"prediction": None, "rejection": {}}


class DynamoLedger:
    """Implements workflow.inspections.inspection.Ledger; `audit_table` is needed only where people decide."""

    def __init__(self, table: str, audit_table: str = "", dynamodb: Any = None) -> None:
        self._table = table
        self._audit_table = audit_table
        self._dynamodb = dynamodb or client("dynamodb")

    def claim(self, new: Inspection) -> Inspection | None:
        item = to_item(new)
        names = [name for name in item if name != "id"]
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": item["id"]},
                UpdateExpression="SET " + ", ".join(f"#{n} = if_not_exists(#{n}, :{n})" for n in names),
                ConditionExpression="attribute_not_exists(#id) OR #owner = :owner",
                ExpressionAttributeNames={"#id": "id", **{f"#{n}": n for n in names}},
                ExpressionAttributeValues={f":{n}": item[n] for n in names},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if refused(error):
                return None
            raise
        return read_item(answer["Attributes"])

    def get(self, inspection_id: str) -> Inspection | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=values({"id": inspection_id}), ConsistentRead=True
        )
        item = answer.get("Item", {})  # The model's power manager keeps items of its own in this table.
        return read_item(item) if "image" in item else None

    def record_upload(
        self,
        inspection_id: str,
        owner: str,
        stored: Stored,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
    ) -> None:
        facts = {"size": stored.size, "etag": stored.etag, "sha256": sha256}
        changes = {**facts, "photo": photo, "rejection": rejection}
        self._change(inspection_id, owner, changes, {"photo": {}, "rejection": {}})

    def record_rejection(self, inspection_id: str, owner: str, rejection: dict[str, str]) -> None:
        self._change(inspection_id, owner, {"rejection": rejection}, _UNANSWERED)

    def record_prediction(self, inspection_id: str, owner: str, prediction: Prediction) -> None:
        self._change(inspection_id, owner, {"prediction": prediction}, _UNANSWERED)

    def record_filing(
        self, before: Inspection, verdict: Verdict, place: Stored, announcement: str, at: str
    ) -> None:
        changes = {
            "verdict": verdict,
            "location": place.image,
            "leftover": before.leftover if place.image == before.location else before.location,
            "etag": place.etag,
            "announcement": announcement,
            "settled_at": at if announcement else "",
        }
        if announcement and due(replace(before, announcement=announcement)):
            changes |= {"pile": Pile.SECOND, "rank": at}
        self._change(
            before.id,
            before.owner,
            changes,
            {"location": before.location, "announcement": before.announcement},
        )

    def record_review(self, inspection_id: str, owner: str, review: Review, rank: str) -> Inspection:
        change = update(
            self._table,
            inspection_id,
            "SET #state = :waiting, #review = :review, #rank = :rank, #pile = if_not_exists(#pile, :open)",
            "#owner = :owner AND #decision = :null AND (#review = :null OR #review.#round <= :round)",
            _names("state", "review", "rank", "pile", "owner", "decision", "round"),
            {
                ":waiting": State.WAITING,
                ":review": review,
                ":rank": rank,
                ":open": Pile.OPEN,
                ":owner": owner,
                ":null": None,
                ":round": review.round,
            },
        )
        try:
            self._dynamodb.update_item(**change)
        except ClientError as error:
            if not refused(error):
                raise
            return owned(self, inspection_id, owner)  # A decision stands in it, or a later round.
        return known(self, inspection_id)

    def decide(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        change = update(
            self._table,
            inspection_id,
            "SET #decision = :decision, #decided_by = :who, #lease = :null REMOVE #pile, #rank",
            "#state = :waiting AND #decision = :null AND #pile = :open"
            f" AND {UNLEASED} AND NOT contains(#undone, :id)",
            {**LEASE_NAMES, **_names("decision", "decided_by", "state", "pile", "rank", "undone")},
            {
                ":decision": decision,
                ":waiting": State.WAITING,
                ":open": Pile.OPEN,
                ":null": None,
                ":id": decision.id,
                ":who": decision.reviewer,
                ":now": decision.decided_at,
            },
        )
        audited(self._dynamodb, change, self._audit_table, entry)

    def undo(self, before: Inspection, lease: Lease, rank: str, entry: AuditEntry) -> None:
        change = update(
            self._table,
            before.id,
            "SET #decision = :null, #lease = :lease, #pile = :open, #rank = :rank,"
            " #undone = list_append(if_not_exists(#undone, :none), :ids) REMOVE #decided_by",
            "#decision.#id = :id AND #decision.#reviewer = :who"
            " AND (attribute_not_exists(#decision.#sealed) OR #decision.#sealed = :false)",
            _names(
                *("decision", "decided_by", "lease", "pile", "rank", "undone"), *("id", "reviewer", "sealed")
            ),
            {
                ":lease": lease,
                ":open": Pile.OPEN,
                ":rank": rank,
                ":none": [],
                ":ids": [entry.decision_id],
                ":id": entry.decision_id,
                ":who": entry.who,
                ":null": None,
                ":false": False,
            },
        )
        audited(self._dynamodb, change, self._audit_table, entry)

    def seal(self, inspection_id: str, decision_id: str) -> bool:
        return self._mark(inspection_id, decision_id, "sealed", True, "")

    def record_sent(self, inspection_id: str, decision_id: str, at: str) -> None:
        self._mark(inspection_id, decision_id, "sent_at", at, " AND #announcement = :nothing")

    def revise(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        old, new = to_item(before), to_item(after)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        gone = [*(old.keys() - new.keys()), *(() if after.second else ("pile", "rank"))]
        sets = [f"#{name} = :{name}" for name in changed]
        sets += ["#pile = :seen", "#rank = :rank"] if after.second else []
        removes = " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
        change = update(
            self._table,
            before.id,
            f"SET {', '.join(sets)}{removes}",
            "#state = :was_closed AND #owner = :was_owner"
            " AND (attribute_not_exists(#second) OR #second = :was_second)",
            _names(*changed, *gone, "state", "owner", "second", "pile", "rank"),
            {
                ":was_closed": State.CLOSED,
                ":was_owner": before.owner,
                ":was_second": before.second,
                **({":seen": Pile.SEEN, ":rank": after.second.at} if after.second else {}),
            },
        )
        change["ExpressionAttributeValues"] |= {f":{name}": value for name, value in changed.items()}
        audited(self._dynamodb, change, self._audit_table, entry)

    def note(self, entry: AuditEntry) -> None:
        self._dynamodb.put_item(TableName=self._audit_table, Item=audit_item(entry))

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        changes = {"state": State.CLOSED, "closed_at": at, "unkept": "yes"}
        with suppress(Conflict):  # It is closed already.
            self._change(inspection_id, owner, changes, {"closed_at": ""})

    def hand_over(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        try:
            changes = {"owner": owner, "attempt": attempt, "attempted_at": at}
            self._change(before.id, before.owner, changes, {"state": before.state})
        except (OwnershipLost, Conflict):
            return False
        return True

    def in_state(self, state: State) -> Iterator[Inspection]:
        return self._query("by_state", "state", state)

    def oldest(self, state: State) -> Inspection | None:
        return next(self._query("by_state", "state", state, page=1), None)

    def count_recent(self, state: State, since: str, limit: int) -> int:
        return sum(int(answer["Count"]) for answer in self._first(state, since, limit, Select="COUNT"))

    def decided(self, limit: int) -> Iterator[Inspection]:
        filtered = "attribute_exists(decision.decided_at)"
        for answer in self._first(State.WAITING, "0", limit, FilterExpression=filtered):
            yield from map(read_item, answer["Items"])

    def _first(self, state: State, since: str, limit: int, **how: Any) -> Iterator[dict[str, Any]]:
        """Answers about so many rows of a state, oldest first."""
        seen, start = 0, dict[str, Any]()
        while seen < limit:  # A page ends at a megabyte of rows, however many are wanted.
            answer = self._dynamodb.query(
                TableName=self._table,
                IndexName="by_state",
                KeyConditionExpression="#state = :state AND #claimed_at >= :since",
                ExpressionAttributeNames={"#state": "state", "#claimed_at": "claimed_at"},
                ExpressionAttributeValues=values({":state": state, ":since": since}),
                Limit=limit - seen,
                **how,
                **start,
            )
            yield answer
            seen += int(answer["ScannedCount"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def newest(self, limit: int) -> list[Inspection]:
        found: list[Inspection] = []
        oldest = min((row.claimed_at for state in State if (row := self.oldest(state))), default="")
        day = timestamps.now()[:10]
        while oldest and oldest[:10] <= day and len(found) < limit:
            wanted = limit - len(found)
            found += islice(self._query("by_day", "day", day, forward=False, page=wanted), wanted)
            day = timestamps.later(f"{day}T00:00:00Z", -1)[:10]
        return found

    def by_name(self, name: str, limit: int = MOST_OF_A_NAME) -> list[Inspection]:
        return list(islice(self._query("by_name", "name", name, forward=False, page=limit), limit))

    def audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._audit_table,
            KeyConditionExpression="inspection_id = :id",
            ExpressionAttributeValues=values({":id": inspection_id}),
            ConsistentRead=True,
        )
        return [read_audit_item(item) for page in pages for item in page["Items"]]

    def audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        names, plain = {"#day": "day"}, {":day": day}
        if since:
            names["#at"], plain[":since"] = "at", since
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._audit_table,
            IndexName="by_day",
            KeyConditionExpression="#day = :day" + (" AND #at >= :since" if since else ""),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values(plain),
            ScanIndexForward=not newest_first,
        )
        return (read_audit_item(item) for page in pages for item in page["Items"])

    def _query(
        self, index: str, key: str, value: str, forward: bool = True, page: int = 1000
    ) -> Iterator[Inspection]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues=values({":value": value}),
            ScanIndexForward=forward,
            PaginationConfig={"PageSize": page},
        )
        for answer in pages:
            for item in answer["Items"]:
                yield read_item(item)

    def _mark(self, inspection_id: str, decision_id: str, part: str, value: Any, also: str) -> bool:
        """Set a part of a decision, if it still stands."""
        names, plain = _names("decision", "id", part), {":id": decision_id, ":value": value}
        if also:
            names["#announcement"], plain[":nothing"] = "announcement", ""
        change = update(
            *(self._table, inspection_id, f"SET #decision.#{part} = :value"),
            *(f"#decision.#id = :id{also}", names, plain),
        )
        try:
            patiently(lambda: self._dynamodb.update_item(**change))
        except ClientError as error:
            if refused(error):
                return False
            raise
        return True

    def _change(
        self,
        inspection_id: str,
        owner: str,
        changes: Mapping[str, Any],
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Set attributes if this owner still owns the row and it still holds what is expected of it."""
        required = {"owner": owner, **(expected or {})}
        changes = {**changes, **index_keys(changes)}
        names = {f"#{name}": name for name in (*changes, *required)}
        sets = ", ".join(f"#{name} = :{name}" for name in changes)
        conditions = " AND ".join(f"#{name} = :was_{name}" for name in required)
        new = {f":{name}": value for name, value in changes.items()}
        old = {f":was_{name}": value for name, value in required.items()}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=values({"id": inspection_id}),
                UpdateExpression=f"SET {sets}",
                ConditionExpression=conditions,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values({**new, **old}),
            )
        except ClientError as error:
            if not refused(error):
                raise
            owned(self, inspection_id, owner)
            raise Conflict(f"inspection {inspection_id}: the row changed since it was read") from error


def _names(*attributes: str) -> dict[str, str]:
    return {f"#{name}": name for name in attributes}
