"""Batched requests to DynamoDB, whose unprocessed items are sent again with backoff."""

import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from workflow.aws.items import from_inspection_item, to_attribute_values
from workflow.errors import PartcheckError
from workflow.inspections.inspection import Inspection

MAX_KEYS_PER_BATCH = 100
MAX_BATCH_RETRIES = 8  # At most nine seconds of waiting.


def load_inspections(dynamodb: Any, table: str, ids: Iterable[str]) -> dict[str, Inspection]:
    """Return the rows with these ids. A read may lag by moments."""
    rows: dict[str, Inspection] = {}

    def read(keys: list[Any]) -> list[Any]:
        answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})
        rows.update({row.id: row for row in map(from_inspection_item, answer["Responses"][table])})
        return list(answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", []))

    process_in_batches([to_attribute_values({"id": row_id}) for row_id in ids], MAX_KEYS_PER_BATCH, read)
    return rows


def process_in_batches(items: list[Any], size: int, process: Callable[[list[Any]], list[Any]]) -> None:
    """Process items in batches. Repeat the unprocessed items, which `process` returns, with backoff.

    Raise PartcheckError if nothing is processed in the first attempt and MAX_BATCH_RETRIES more.
    """
    retries = 0
    while items:
        batch, items = items[:size], items[size:]
        unprocessed = process(batch)
        items += unprocessed
        retries = retries + 1 if len(unprocessed) == len(batch) else 0
        if retries > MAX_BATCH_RETRIES:
            raise PartcheckError(f"DynamoDB left {len(items)} items unprocessed: try again in a minute")
        if unprocessed:
            time.sleep(random.uniform(0, min(2.0, 0.05 * 2**retries)))  # noqa: S311
