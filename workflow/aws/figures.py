"""What was kept of inspections, on DynamoDB: names to be found by, counts by the hour, failures."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.items import values
from workflow.aws.search import DynamoSearch
from workflow.history.metrics import Failure, Hour
from workflow.inspections.inspection import Inspection

BATCH = 500
HOURS, FAILURES = "hours", "failures"


class DynamoFigures:
    """Implements workflow.history.metrics.Figures; a book holds one month."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def hours(self, since: str, until: str) -> list[Hour]:
        found = [
            Hour(
                f"{month}-{item['page']['S']}:00:00.000Z",
                {name: int(count["N"]) for name, count in item.items() if "N" in count},
            )
            for month in months(since, until)
            for item in self._pages(f"{HOURS}#{month}")
        ]
        return [hour for hour in found if since[:13] <= hour.at[:13] and hour.at < until]

    def failures(self, since: str, limit: int = 1000) -> list[Failure]:
        newest_first = (
            Failure(**{name: item[name]["S"] for name in Failure.__dataclass_fields__})
            for month in reversed(months(since, timestamps.now()))
            for item in self._pages(f"{FAILURES}#{month}", since, forward=False, size=limit)
        )
        return list(islice(newest_first, limit))

    def _pages(
        self, book: str, since: str = "0", forward: bool = True, size: int = 1000
    ) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="book = :book AND #page >= :since",
            ExpressionAttributeNames={"#page": "page"},
            ExpressionAttributeValues=values({":book": book, ":since": since}),
            ScanIndexForward=forward,
            PaginationConfig={"PageSize": size},
        )
        return (item for page in pages for item in page["Items"])


class DynamoBooks:
    """Implements workflow.history.archiver.Books."""

    def __init__(self, ledger_table: str, names_table: str, figures_table: str, dynamodb: Any = None) -> None:
        self._ledger, self._figures = ledger_table, figures_table
        self._dynamodb = dynamodb or client("dynamodb")
        self._search = DynamoSearch(ledger_table, names_table, self._dynamodb)

    def unkept(self) -> Iterator[str]:
        answer = self._dynamodb.query(
            TableName=self._ledger,
            IndexName="unkept",
            KeyConditionExpression="unkept = :yes",
            ExpressionAttributeValues=values({":yes": "yes"}),
            ProjectionExpression="id",
            Limit=BATCH,
        )
        return (item["id"]["S"] for item in answer["Items"])

    def add_name(self, row: Inspection) -> None:
        self._search.add_name(row)

    def kept(self, row: Inspection, counts: Mapping[str, int]) -> bool:
        mark = {
            "TableName": self._ledger,
            "Key": values({"id": row.id}),
            "UpdateExpression": "REMOVE unkept",
            "ConditionExpression": "unkept = :yes AND #state = :state AND closed_at = :closed_at",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values(
                {":yes": "yes", ":state": row.state, ":closed_at": row.closed_at}
            ),
        }
        updates = [mark, self._adding(row.closed_at, counts)] if counts else [mark]
        # The same token for the same closing: a retry after a lost answer counts nothing twice.
        token = hashlib.sha256(f"{row.id} {row.state} {row.closed_at}".encode()).hexdigest()[:36]
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[{"Update": update} for update in updates], ClientRequestToken=token
            )
        except ClientError as error:
            if any(
                one.get("Code") == "ConditionalCheckFailed"
                for one in error.response.get("CancellationReasons", ())
            ):
                return False
            raise
        return True

    def knows_failure(self, execution: str) -> bool:
        """Months are not in an execution's name, so each failure has a note that only says so."""
        key = values({"book": FAILURES, "page": execution})
        return "Item" in self._dynamodb.get_item(TableName=self._figures, Key=key)

    def add_failure(self, failure: Failure) -> None:
        book = f"{FAILURES}#{failure.at[:7]}"
        plain = {name: getattr(failure, name) for name in Failure.__dataclass_fields__}
        page = f"{failure.at} {failure.execution}"
        items = [
            {"book": book, "page": page, **plain},
            {"book": FAILURES, "page": failure.execution},
        ]
        self._dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": self._figures, "Item": values(item)}} for item in items]
        )

    def _adding(self, at: str, counts: Mapping[str, int]) -> dict[str, Any]:
        names = {f"#n{place}": name for place, name in enumerate(counts)}
        amounts = {f":n{place}": count for place, count in enumerate(counts.values())}
        return {
            "TableName": self._figures,
            "Key": values({"book": f"{HOURS}#{at[:7]}", "page": at[8:13]}),
            "UpdateExpression": "ADD " + ", ".join(f"#n{place} :n{place}" for place in range(len(counts))),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values(amounts),
        }


def months(since: str, until: str) -> list[str]:
    """Every month that a span of time touches, such as 2026-11."""
    year, month = int(since[:4]), int(since[5:7])
    found = []
    while (text := f"{year:04}-{month:02}") <= until[:7]:
        found.append(text)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found
