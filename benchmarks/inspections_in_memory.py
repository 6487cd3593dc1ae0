"""An in-memory DynamoDB with 100,000 inspections: indexes, pages of 1 MB and the latency of reads.

It supports the reads of the search and of the inspection repository, and no scans. A read takes
`ROUND_TRIP_SECONDS`, and `SECONDS_PER_MB` more for each megabyte that it examines, as in the same region.
"""

import re
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from workflow import timestamps
from workflow.aws.items import to_inspection_item
from workflow.history.search import key_suffixes, normalize_name
from workflow.inspections.inspection import Decision, Inspection, InspectionState, Review
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.executions import execution_name

ROUND_TRIP_SECONDS, SECONDS_PER_MB = 0.006, 0.03
MEGABYTE = 1_000_000
ROW_BYTES, PROJECTED_BYTES, NAME_BYTES = 1800, 400, 250
REVIEWERS = ("ann", "bob", "cyd", "dan", "eve")
MODELS = ("pq.2026-09", "pq.2026-10", "pq.2026-11")
SECONDS_APART = 26
WAITING, RUNNING = 40, 12
INDEX_KEYS = {
    "by_state": "state",
    "by_verdict": "filed_as",
    "by_reviewer": "decided_by",
    "by_model": "model",
    "by_policy": "policy_version",
    "by_name": "name",
}


@dataclass(kw_only=True)
class InspectionDataset:
    """The rows by number, oldest first, and the indexes over them."""

    count: int
    started_at: str
    ids: list[str] = field(default_factory=list)
    claimed_at: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    indexes: dict[str, dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    names: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))

    def fill(self) -> "InspectionDataset":
        """Create all rows and index entries, and return the dataset."""
        for number in range(self.count):
            id_ = sha256(str(number).encode()).hexdigest()
            self.ids.append(id_)
            self.claimed_at.append(timestamps.add_seconds(self.started_at, number * SECONDS_APART))
            self.numbers[id_] = number
            for attribute, key in self.attributes(number).items():
                if attribute != "search_text" and key:
                    self.indexes[attribute][key].append(number)
            for text in key_suffixes(self.key(number)):
                self.names[text[:2].ljust(2)].append((f"{text}\0{self.at(number)}\0{id_}", number))
        for entries in self.names.values():
            entries.sort()
        return self

    def name(self, number: int) -> str:
        """Return the file name of a photo."""
        return f"cast_{'def' if number % 5 == 0 else 'ok'}_0_{number:06}.jpeg"

    def key(self, number: int) -> str:
        """Return the key of a photo, with its folder."""
        return f"line {number % 4}/{self.name(number)}"

    def at(self, number: int) -> str:
        """Return the time of a row's claim."""
        return self.claimed_at[number]

    def attributes(self, number: int) -> dict[str, str]:
        """Return the indexed attributes of a row."""
        is_open = number >= self.count - WAITING - RUNNING
        is_reviewed = number % 7 == 0
        state = InspectionState.CLOSED
        if is_open:
            state = InspectionState.WAITING if number < self.count - RUNNING else InspectionState.INSPECTING
        verdict = "rejected" if number % 500 == 3 else "defect" if number % 5 == 0 else "ok"
        return {
            "name": self.name(number),
            "search_text": normalize_name(self.key(number)),
            "state": state.value,
            "filed_as": "" if state is InspectionState.INSPECTING else "unclear" if is_open else verdict,
            "decided_by": REVIEWERS[number // 7 % 5] if is_reviewed and not is_open else "",
            "model": MODELS[number * 3 // self.count],
            "policy_version": str(1 + number * 4 // self.count),
        }

    def row(self, number: int) -> Inspection:
        """Return a row."""
        attributes, id_, at = self.attributes(number), self.ids[number], self.at(number)
        image = Image("inbound", self.key(number), f"v{number}")
        scores = (Score("def_front", 0.91), Score("ok_front", 0.09))
        arn = f"arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/{attributes['model']}/1"
        prediction = Prediction(
            verdict=Verdict.DEFECT,
            label="def_front",
            confidence=0.91,
            threshold=0.8,
            scores=scores,
            model=arn,
            policy_version=attributes["policy_version"],
        )
        reviewer, verdict = attributes["decided_by"], attributes["filed_as"]
        is_closed = attributes["state"] == "closed"
        return Inspection(
            id=id_,
            image=image,
            owner=execution_name(id_, 1),
            attempt=1,
            state=InspectionState(attributes["state"]),
            uploaded_at=at,
            claimed_at=at,
            attempted_at=at,
            location=image,
            verdict=Verdict(verdict) if verdict else None,
            prediction=prediction if verdict else None,
            review=Review(opened_at=at, round=1, deadline=at) if reviewer or verdict == "unclear" else None,
            decision=Decision(id=f"d{number}", verdict=Verdict(verdict), reviewer=reviewer, decided_at=at)
            if reviewer
            else None,
            settled_at=timestamps.add_seconds(at, 3) if is_closed else "",
            closed_at=timestamps.add_seconds(at, 4) if is_closed else "",
        )


class InMemoryDynamoDBClient:
    """The read operations of boto3's DynamoDB client."""

    def __init__(self, dataset: InspectionDataset) -> None:
        self._dataset = dataset
        self.reads: Counter[str] = Counter()

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._wait("get", ROW_BYTES)
        number = self._dataset.numbers.get(request["Key"].get("id", {}).get("S", ""))
        return {} if number is None else {"Item": to_inspection_item(self._dataset.row(number))}

    def put_item(self, **_request: Any) -> None:
        """Discard an audit entry. Each sign-in writes one."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, keys),) = request["RequestItems"].items()
        numbers = [self._dataset.numbers[key["id"]["S"]] for key in keys["Keys"]]
        self._wait("batch", ROW_BYTES * len(numbers))
        return {"Responses": {table: [to_inspection_item(self._dataset.row(number)) for number in numbers]}}

    def query(self, **request: Any) -> dict[str, Any]:
        values = {name: value.get("S", "") for name, value in request["ExpressionAttributeValues"].items()}
        if request["KeyConditionExpression"].startswith("initials"):
            return self._query_names(request, values)
        if "IndexName" not in request or request["IndexName"] not in INDEX_KEYS:
            self._wait("query", 0)
            return {"Items": [], "Count": 0}
        return self._query_index(request, values)

    def get_paginator(self, _operation: str) -> "InMemoryDynamoDBClient":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        size = request.pop("PaginationConfig", {}).get("PageSize")
        request |= {"Limit": size} if size else {}
        while True:
            response = self.query(**request)
            yield response
            if "LastEvaluatedKey" not in response:
                return
            request["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def _query_names(self, request: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        entries, part = self._dataset.names[values[":initials"]], values[":part"]
        first, last = bisect_left(entries, (part, -1)), bisect_left(entries, (part + "\U0010ffff", -1))
        page = entries[first : min(last, first + request["Limit"])]
        self._wait("name-index", NAME_BYTES * len(page))
        items = [self._key_item(number) for _, number in page]
        return {"Items": items, **({"LastEvaluatedKey": {}} if last - first > len(page) else {})}

    def _query_index(self, request: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        attribute = INDEX_KEYS[request["IndexName"]]
        key = next(values[name] for name in (":key", ":value", ":state") if name in values)
        numbers = self._dataset.indexes[attribute].get(key, [])
        since, until = values.get(":since", "0"), values.get(":until", "9")
        first = bisect_left(numbers, since, key=self._dataset.at)
        last = bisect_left(numbers, until + "~", key=self._dataset.at)
        forward = request.get("ScanIndexForward", True)
        if "ExclusiveStartKey" in request:
            cursor = self._dataset.numbers[request["ExclusiveStartKey"]["id"]["S"]]
            if forward:
                first = bisect_left(numbers, cursor + 1)
            else:
                last = bisect_left(numbers, cursor)
        size = PROJECTED_BYTES if attribute not in ("state", "name") else ROW_BYTES
        limit = min(request.get("Limit", MEGABYTE), MEGABYTE // size)
        examined = numbers[first:last][:limit] if forward else numbers[first:last][::-1][:limit]
        self._wait("index", size * len(examined))
        matching = [number for number in examined if self._matches_filter(request, values, number)]
        if request.get("Select") == "COUNT":
            return {"Count": len(matching), "ScannedCount": len(examined)}
        is_projected = "ProjectionExpression" in request
        items = [
            self._key_item(number) if is_projected else to_inspection_item(self._dataset.row(number))
            for number in matching
        ]
        more = (
            {"LastEvaluatedKey": self._key_item(examined[-1])}
            if examined and len(examined) < last - first
            else {}
        )
        return {"Items": items, "Count": len(items), **more}

    def _matches_filter(self, request: dict[str, Any], values: dict[str, str], number: int) -> bool:
        expression = request.get("FilterExpression", "")
        attributes = self._dataset.attributes(number) if expression else {}
        for name, value in re.findall(r"#(\w+) = (:\w+)", expression):
            if attributes[name] != values[value]:
                return False
        return "contains" not in expression or values[":part"] in attributes["search_text"]

    def _key_item(self, number: int) -> dict[str, Any]:
        return {"id": {"S": self._dataset.ids[number]}, "claimed_at": {"S": self._dataset.at(number)}}

    def _wait(self, kind: str, size: int) -> None:
        self.reads[kind] += 1
        time.sleep(ROUND_TRIP_SECONDS + SECONDS_PER_MB * size / MEGABYTE)
