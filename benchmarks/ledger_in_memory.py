"""A DynamoDB of 100,000 inspections in memory: indexes, pages of 1 MB, and the time that a read takes there.

It understands the reads of the search and the ledger. Nothing in it can scan. A read takes `ROUND_TRIP`
seconds, and `PER_MB` more for each megabyte that it looks at, as DynamoDB's reads do from the same region.
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
from workflow.aws.items import to_item
from workflow.history.search import beginnings
from workflow.inspections.inspection import Decision, Inspection, Review, State
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.intake import execution_name

ROUND_TRIP, PER_MB = 0.006, 0.03
MEGABYTE = 1_000_000
ROW_BYTES, SLIM_BYTES, NAME_BYTES = 1800, 400, 250
REVIEWERS = ("ann", "bob", "cyd", "dan", "eve")
MODELS = ("pq.2026-09", "pq.2026-10", "pq.2026-11")
SECONDS_APART = 26
WAITING, RUNNING = 40, 12
KEYS = {
    "by_state": "state",
    "by_verdict": "filed_as",
    "by_decider": "decided_by",
    "by_model": "model",
    "by_policy": "policy_version",
    "by_name": "name",
}


def _lists() -> dict[str, list[int]]:
    return defaultdict(list)


@dataclass
class Books:
    """The rows by number, oldest first, with what the indexes hold of them."""

    count: int
    begun: str
    ids: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    indexes: dict[str, dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    names: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))

    def fill(self) -> "Books":
        for number in range(self.count):
            one = sha256(str(number).encode()).hexdigest()
            self.ids.append(one)
            self.moments.append(timestamps.later(self.begun, number * SECONDS_APART))
            self.numbers[one] = number
            for attribute, key in self.facts(number).items():
                if attribute != "text" and key:
                    self.indexes[attribute][key].append(number)
            for text in beginnings(self.name(number)):
                self.names[text[:2].ljust(2)].append((f"{text}\0{self.at(number)}\0{one}", number))
        for some in self.names.values():
            some.sort()
        return self

    def name(self, number: int) -> str:
        return f"cast_{'def' if number % 5 == 0 else 'ok'}_0_{number:06}.jpeg"

    def at(self, number: int) -> str:
        return self.moments[number]

    def facts(self, number: int) -> dict[str, str]:
        """The attributes of a row that indexes are made of."""
        row_is_open = number >= self.count - WAITING - RUNNING
        asked = number % 7 == 0
        state = State.CLOSED
        if row_is_open:
            state = State.WAITING if number < self.count - RUNNING else State.INSPECTING
        verdict = "rejected" if number % 500 == 3 else "defect" if number % 5 == 0 else "ok"
        return {
            "name": self.name(number),
            "text": self.name(number),
            "state": state.value,
            "filed_as": "" if state is State.INSPECTING else "unclear" if row_is_open else verdict,
            "decided_by": REVIEWERS[number // 7 % 5] if asked and not row_is_open else "",
            "model": MODELS[number * 3 // self.count],
            "policy_version": str(1 + number * 4 // self.count),
        }

    def row(self, number: int) -> Inspection:
        facts, one, at = self.facts(number), self.ids[number], self.at(number)
        image = Image("inbound", f"line {number % 4}/{self.name(number)}", f"v{number}")
        scores = (Score("def_front", 0.91), Score("ok_front", 0.09))
        arn = f"arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/{facts['model']}/1"
        said = Prediction(Verdict.DEFECT, "def_front", 0.91, 0.8, scores, arn, facts["policy_version"])
        by, verdict = facts["decided_by"], facts["filed_as"]
        closed = facts["state"] == "closed"
        return Inspection(
            *(one, image, execution_name(one, 1), 1, State(facts["state"]), at, at, at, image),
            verdict=Verdict(verdict) if verdict else None,
            prediction=said if verdict else None,
            review=Review(at, 1, at) if by or verdict == "unclear" else None,
            decision=Decision(f"d{number}", Verdict(verdict), by, at) if by else None,
            settled_at=timestamps.later(at, 3) if closed else "",
            closed_at=timestamps.later(at, 4) if closed else "",
        )


class Client:
    """The part of boto3's DynamoDB client that reads."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.reads: Counter[str] = Counter()

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._spend("get", ROW_BYTES)
        number = self._books.numbers.get(request["Key"].get("id", {}).get("S", ""))
        return {} if number is None else {"Item": to_item(self._books.row(number))}

    def put_item(self, **_request: Any) -> None:
        """Who signs in is noted in the audit trail, which nobody reads here."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        numbers = [self._books.numbers[key["id"]["S"]] for key in wanted["Keys"]]
        self._spend("batch", ROW_BYTES * len(numbers))
        return {"Responses": {table: [to_item(self._books.row(number)) for number in numbers]}}

    def query(self, **request: Any) -> dict[str, Any]:
        given = {name: value.get("S", "") for name, value in request["ExpressionAttributeValues"].items()}
        if request["KeyConditionExpression"].startswith("beginning"):
            return self._named(request, given)
        if "IndexName" not in request or request["IndexName"] not in KEYS:
            self._spend("query", 0)
            return {"Items": [], "Count": 0}
        return self._indexed(request, given)

    def get_paginator(self, _operation: str) -> "Client":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        size = request.pop("PaginationConfig", {}).get("PageSize")
        request |= {"Limit": size} if size else {}
        while True:
            answer = self.query(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _named(self, request: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
        entries, part = self._books.names[given[":initials"]], given[":part"]
        first, last = bisect_left(entries, (part, -1)), bisect_left(entries, (part + "\U0010ffff", -1))
        some = entries[first : min(last, first + request["Limit"])]
        self._spend("names", NAME_BYTES * len(some))
        items = [self._place(number) for _, number in some]
        return {"Items": items, **({"LastEvaluatedKey": {}} if last - first > len(some) else {})}

    def _indexed(self, request: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
        attribute = KEYS[request["IndexName"]]
        key = next(given[name] for name in (":key", ":value", ":state") if name in given)
        numbers = self._books.indexes[attribute].get(key, [])
        since, until = given.get(":since", "0"), given.get(":until", "9")
        first = bisect_left(numbers, since, key=self._books.at)
        last = bisect_left(numbers, until + "~", key=self._books.at)
        forward = request.get("ScanIndexForward", True)
        if "ExclusiveStartKey" in request:
            mark = self._books.numbers[request["ExclusiveStartKey"]["id"]["S"]]
            if forward:
                first = bisect_left(numbers, mark + 1)
            else:
                last = bisect_left(numbers, mark)
        size = SLIM_BYTES if attribute not in ("state", "name") else ROW_BYTES
        limit = min(request.get("Limit", MEGABYTE), MEGABYTE // size)
        seen = numbers[first:last][:limit] if forward else numbers[first:last][::-1][:limit]
        self._spend("index", size * len(seen))
        wanted = [number for number in seen if self._passes(request, given, number)]
        if request.get("Select") == "COUNT":
            return {"Count": len(wanted), "ScannedCount": len(seen)}
        whole = "ProjectionExpression" not in request
        items = [to_item(self._books.row(one)) if whole else self._place(one) for one in wanted]
        more = {"LastEvaluatedKey": self._place(seen[-1])} if seen and len(seen) < last - first else {}
        return {"Items": items, "Count": len(items), **more}

    def _passes(self, request: dict[str, Any], given: dict[str, str], number: int) -> bool:
        expression = request.get("FilterExpression", "")
        facts = self._books.facts(number) if expression else {}
        for name, value in re.findall(r"#(\w+) = (:\w+)", expression):
            if facts[name] != given[value]:
                return False
        if "contains" in expression:
            return given[":part"] in facts["text"]
        return "begins_with" not in expression or facts["text"].startswith(given[":part"])

    def _place(self, number: int) -> dict[str, Any]:
        return {"id": {"S": self._books.ids[number]}, "claimed_at": {"S": self._books.at(number)}}

    def _spend(self, kind: str, size: int) -> None:
        self.reads[kind] += 1
        time.sleep(ROUND_TRIP + PER_MB * size / MEGABYTE)
