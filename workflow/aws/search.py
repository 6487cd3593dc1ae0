"""Finding inspections by DynamoDB's indexes: bounded reads, whatever is asked, and never a scan."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from workflow.aws.clients import client
from workflow.aws.items import read_item, values
from workflow.history.search import Mark, Page, Query, Way, beginnings, page_of, photo_name
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.verdict import Verdict
from workflow.tables import NAMES

MANY = 500
READS = 12
MOST_KEYS = 100
MOST_PUTS = 25
COMMON = (Verdict.OK, Verdict.DEFECT)
INITIALS = 2
FRESH = "unkept"
KEYS = {
    FRESH: "unkept",
    "by_state": "state",
    "by_verdict": "filed_as",
    "by_decider": "decided_by",
    "by_model": "model",
    "by_policy": "policy_version",
}

Place = tuple[str, str]  # When a row was claimed, and its id; without an id, where reading stopped.


@dataclass(slots=True)
class _Budget:
    """How many reads one page may still cost."""

    reads: int

    def spent(self) -> bool:
        """Whether nothing is left; otherwise one read less is."""
        self.reads -= 1
        return self.reads < 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """One query for a page, with what each of its reads needs."""

    query: Query
    mark: Mark | None
    size: int
    budget: _Budget

    @property
    def newest_first(self) -> bool:
        return self.mark is None or self.mark.way is Way.OLDER

    @property
    def span(self) -> tuple[str, str]:
        """The first and the last moment at which a row may have been claimed."""
        since, until = self.query.since or "0", self.query.until or "9"
        if self.mark is None:
            return since, until
        return (since, min(until, self.mark.at)) if self.newest_first else (max(since, self.mark.at), until)

    def beyond(self, place: Place) -> bool:
        """Whether a row lies on the mark's other side."""
        if self.mark is None:
            return True
        here = (self.mark.at, self.mark.id)
        return place < here if self.newest_first else place > here


class DynamoSearch:
    """Implements workflow.history.search.Search."""

    def __init__(self, ledger_table: str, names_table: str, dynamodb: Any = None, reads: int = READS) -> None:
        self._ledger, self._names, self._reads = ledger_table, names_table, reads
        self._dynamodb = dynamodb or client("dynamodb")

    def page(self, query: Query, mark: Mark | None = None, size: int = 25) -> Page:
        asked = _Asked(query, mark, size, _Budget(self._reads))
        named = self._named(query)
        if named:
            streams = [iter(sorted(named, reverse=asked.newest_first)), self._walk(asked, FRESH, "yes")]
        else:
            streams = [self._walk(asked, index, key) for index, key in _indexes(query)]
        return page_of(self._rows(asked, _merged(asked, streams)), mark, size)

    def add_name(self, row: Inspection) -> None:
        """Let a row be found by its photo's name; adding it again changes nothing."""
        self._write([{"PutRequest": {"Item": values(item)}} for item in _name_items(row)])

    def remove_name(self, row: Inspection) -> None:
        """Let a row be found by its photo's name no more."""
        keys = [{name: item[name] for name in NAMES.key} for item in _name_items(row)]
        self._write([{"DeleteRequest": {"Key": values(key)}} for key in keys])

    def _write(self, wishes: list[dict[str, Any]]) -> None:
        while wishes:
            some, wishes = wishes[:MOST_PUTS], wishes[MOST_PUTS:]
            answer = self._dynamodb.batch_write_item(RequestItems={self._names: some})
            wishes += answer.get("UnprocessedItems", {}).get(self._names, [])

    def _named(self, query: Query) -> list[Place]:
        """Where the rows are whose names have a part at a word's beginning; none if there are too many."""
        word = query.part if query.from_the_start else query.word
        if len(word) < INITIALS:
            return []
        answer = self._dynamodb.query(
            TableName=self._names,
            KeyConditionExpression="beginning = :initials AND begins_with(#text, :part)",
            ExpressionAttributeNames={"#text": "text"},
            ExpressionAttributeValues=values({":initials": word[:INITIALS], ":part": word}),
            Limit=MANY,
        )
        if "LastEvaluatedKey" in answer:
            return []
        return list({(item["claimed_at"]["S"], item["id"]["S"]) for item in answer["Items"]})

    def _walk(self, asked: _Asked, index: str, key: str) -> Iterator[Place]:
        """Places of one key of an index in the order of time; one without an id where the budget ends."""
        since, until = asked.span
        request = _request(asked, index, {":key": key, ":since": since, ":until": until})
        reached = until if asked.newest_first else since
        while since <= until:
            if asked.budget.spent():
                yield reached, ""
                return
            answer = self._dynamodb.query(TableName=self._ledger, **request)
            for item in answer["Items"]:
                yield item["claimed_at"]["S"], item["id"]["S"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            reached = answer["LastEvaluatedKey"]["claimed_at"]["S"]

    def _rows(self, asked: _Asked, places: Iterator[Place]) -> Iterator[Inspection | Mark]:
        """The rows at these places as they are now, as far as they still answer."""
        while some := list(islice(places, min(asked.size + 1, MOST_KEYS))):
            rows = self._read([one for _, one in some if one])
            for at, one in some:
                if not one:
                    yield _stopped(asked, at)
                elif one in rows and asked.query.answers(rows[one]):
                    yield rows[one]

    def _read(self, ids: list[str]) -> dict[str, Inspection]:
        keys: list[Any] = [values({"id": one}) for one in ids]
        rows: dict[str, Inspection] = {}
        while keys:
            answer = self._dynamodb.batch_get_item(RequestItems={self._ledger: {"Keys": keys}})
            rows |= {row.id: row for row in map(read_item, answer["Responses"][self._ledger])}
            keys = answer.get("UnprocessedKeys", {}).get(self._ledger, {}).get("Keys", [])
        return rows


def _indexes(query: Query) -> list[tuple[str, str]]:
    """The index that leaves the fewest rows to look at, with its key; the whole ledger by its states."""
    choices = [
        ("by_decider", query.decided_by),
        ("by_state", query.state or ""),
        ("by_verdict", query.verdict or "" if query.verdict not in COMMON else ""),
        ("by_policy", query.policy),
        ("by_model", query.model),
        ("by_verdict", query.verdict or ""),
    ]
    if query.state is State.CLOSED and any(key for index, key in choices if index != "by_state"):
        choices.pop(1)
    best = next(((index, key) for index, key in choices if key), None)
    return [best] if best else [("by_state", state) for state in State]


def _request(asked: _Asked, index: str, bounds: Mapping[str, str]) -> dict[str, Any]:
    key, query = KEYS[index], asked.query
    equal = {
        "filed_as": query.verdict,
        "decided_by": query.decided_by,
        "model": query.model,
        "policy_version": query.policy,
        "state": query.state,
    }
    filters = {name: str(value) for name, value in equal.items() if value and name != key and index != FRESH}
    conditions = [f"#{name} = :{name}" for name in filters]
    if query.part:
        conditions.append("begins_with(#text, :part)" if query.from_the_start else "contains(#text, :part)")
    request: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": "#key = :key AND claimed_at BETWEEN :since AND :until",
        "ProjectionExpression": "id, claimed_at",
        "ExpressionAttributeNames": {"#key": key, **{f"#{name}": name for name in filters}},
        "ExpressionAttributeValues": values({**bounds, **{f":{n}": v for n, v in filters.items()}}),
        "ScanIndexForward": not asked.newest_first,
    }
    if conditions:
        request["FilterExpression"] = " AND ".join(conditions)
    else:
        request["Limit"] = asked.size + 1
    if query.part:
        request["ExpressionAttributeNames"]["#text"] = "text"
        request["ExpressionAttributeValues"] |= values({":part": query.part})
    return request


def _merged(asked: _Asked, streams: list[Iterator[Place]]) -> Iterator[Place]:
    """All places in one order, each once, beyond the mark; the first one without an id is the last."""
    merged = heapq.merge(*streams, key=lambda place: place[0], reverse=asked.newest_first)
    for at, group in groupby(merged, key=lambda place: place[0]):
        together = sorted(set(group), reverse=asked.newest_first)
        if any(not one for _, one in together):
            yield at, ""
            return
        yield from (place for place in together if asked.beyond(place))


def _stopped(asked: _Asked, at: str) -> Mark:
    """Where the next page begins, the rows of that very moment included."""
    return Mark(at, "~") if asked.newest_first else Mark(at, "", Way.NEWER)


def _name_items(row: Inspection) -> Iterator[dict[str, str]]:
    for text in beginnings(photo_name(row)):
        place = {"id": row.id, "claimed_at": row.claimed_at}
        padded = text[:INITIALS].ljust(INITIALS)
        yield {"beginning": padded, "text": f"{text}\0{row.claimed_at}\0{row.id}", **place}
