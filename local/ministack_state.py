"""Take images of MiniStack's tables, parameters, bucket settings and outgoing messages, and restore them.

The tables' streams name every changed item with its new image, so that no request has to be understood.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from ministack.core.persistence import _json_default, _json_object_hook
from ministack.core.responses import request_scope
from ministack.services import dynamodb, s3, sqs, ssm

from local.durable_store import StoredImage
from local.settings import ACCOUNT, OUTGOING_QUEUES, REGION

ITEM, TABLE, SETTINGS, MESSAGE = "item", "table", "settings", "message"
_TABLE_CALLS = {"CreateTable", "UpdateTable", "DeleteTable", "UpdateTimeToLive"}
_QUEUE_CALLS = {"SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "PurgeQueue"}
_READS = ("Get", "Describe", "List")
S3 = "S3"  # Its calls have no target.
_settings_services = {"s3": s3, "ssm": ssm}


class StateRecorder:
    """The images of the changes since the last look."""

    def __init__(self) -> None:
        self._tables: set[str] = set()
        self._messages: dict[str, set[str]] = defaultdict(set)

    def changes(self, method: str, path: str, target: str) -> list[StoredImage] | None:
        """Return the images that a call changed; None if the service keeps nothing."""
        service, _, action = target.partition(".")
        with request_scope(ACCOUNT, REGION):
            if service.startswith("DynamoDB_"):
                return [*(self._table_images() if action in _TABLE_CALLS else ()), *_item_images()]
            if service == "AmazonSSM":
                return [] if action.startswith(_READS) else [_settings_image("ssm")]
            if service == "AmazonSQS":
                return list(self._message_images()) if action in _QUEUE_CALLS else None
            if target == S3 and method in ("PUT", "DELETE") and "/" not in path.strip("/"):
                return [_settings_image("s3")]
        return None

    def _table_images(self) -> Iterator[StoredImage]:
        tables = dict(dynamodb._tables.items())
        for name in self._tables - tables.keys():
            yield StoredImage(kind=TABLE, owner=name, value=None)
        self._tables = set(tables)
        for name, table in tables.items():
            definition = {
                key: value for key, value in table.items() if key not in ("items", "_index_members")
            }
            yield StoredImage(kind=TABLE, owner=name, value=_dump(definition))

    def _message_images(self) -> Iterator[StoredImage]:
        """Compare the outgoing queues with the messages that are stored."""
        for queue in sqs._queues.values():
            if queue["name"] not in OUTGOING_QUEUES:
                continue
            stored, present = self._messages[queue["name"]], set()
            for message in queue["messages"]:
                present.add(message["id"])
                if message["id"] not in stored:
                    yield _message_image(queue["name"], message["id"], _dump(message))
            for gone in stored - present:
                yield _message_image(queue["name"], gone, None)
            self._messages[queue["name"]] = present

    async def restore(self, images: Iterable[StoredImage]) -> None:
        """Replace MiniStack's state by the images. They win over the files of a clean stop."""
        by_kind: dict[str, list[StoredImage]] = defaultdict(list)
        for image in images:
            by_kind[image.kind].append(image)
        with request_scope(ACCOUNT, REGION):
            for image in by_kind[SETTINGS]:
                _settings_services[image.owner].load_persisted_state(_load(image))
            for image in by_kind[TABLE]:
                empty = {"items": defaultdict(dict), "ItemCount": 0, "TableSizeBytes": 0}
                dynamodb._tables[image.owner] = _load(image) | empty
            self._tables = {image.owner for image in by_kind[TABLE]}
            for image in by_kind[ITEM]:
                if table := dynamodb._tables.get(image.owner):
                    item = _load(image)
                    dynamodb._set_item(table, *_internal_key(table, item), item)
            await self._restore_messages(by_kind[MESSAGE])

    async def _restore_messages(self, images: Iterable[StoredImage]) -> None:
        for name in OUTGOING_QUEUES:
            headers = {"x-amz-target": "AmazonSQS.CreateQueue", "host": ""}
            await sqs.handle_request("POST", "/", headers, json.dumps({"QueueName": name}).encode(), {})
        queues = {queue["name"]: queue for queue in sqs._queues.values()}
        for name in OUTGOING_QUEUES:
            messages = [_load(image) for image in images if image.owner == name]
            queues[name]["messages"] = sorted(messages, key=lambda message: message["sent_at"])
            self._messages[name] = {message["id"] for message in messages}


def _item_images() -> Iterator[StoredImage]:
    """Take the tables' stream records, and empty the streams: MiniStack would keep them for a day."""
    for name, table in dynamodb._tables.items():
        records = dynamodb.stream_live_records(name)
        for record in records:
            change = record["dynamodb"]
            image = change.get("NewImage")
            yield StoredImage(
                kind=ITEM,
                owner=name,
                key=item_key(table, change["Keys"]),
                value=None if image is None else _dump(image),
            )
        if records:
            dynamodb.drop_stream_records(name)


def item_key(table: dict[str, Any], attributes: dict[str, Any]) -> str:
    """Return the text that identifies an item within its table."""
    return json.dumps(_internal_key(table, attributes))


def _internal_key(table: dict[str, Any], attributes: dict[str, Any]) -> tuple[str, str]:
    """Return an item's partition and sort key as MiniStack keeps them."""
    partition = dynamodb._extract_key_val(attributes[table["pk_name"]])
    sort = dynamodb._extract_key_val(attributes[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
    return partition, sort


def _settings_image(service: str) -> StoredImage:
    state = _settings_services[service].get_state()
    return StoredImage(kind=SETTINGS, owner=service, value=_dump(state))


def _message_image(queue: str, message_id: str, value: str | None) -> StoredImage:
    return StoredImage(kind=MESSAGE, owner=queue, key=message_id, value=value)


def _dump(value: object) -> str:
    return json.dumps(value, default=_json_default)


def _load(image: StoredImage) -> Any:
    return json.loads(image.value or "null", object_hook=_json_object_hook)
