"""Cameras on DynamoDB: settings, photos of the last weeks, and suspects, each in a partition of its own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.conditional_writes import try_write
from workflow.aws.items import from_attribute_values, to_attribute_values
from workflow.cameras.camera import Camera, CameraPhoto, Suspect, camera_from_dict
from workflow.cameras.confirmed_photos import list_days

CAMERAS, SUSPECTS, FIRST = "cameras", "suspects", "first"
PHOTO_DAYS = 30
MAX_TRIES = 10
_FIRST_WORD = frozenset({"observed_at", "same_frame_as", "suspect", "frame_first_seen"})
_PHOTO_FIELDS = frozenset(item.name for item in fields(CameraPhoto))


class DynamoCameraRepository:
    """Implements workflow.cameras.camera.CameraRepository.

    The entries of a camera's photos sort by the time of the claim. An item for each frame names the first
    photo that showed it, so that the neighbours of a photo are read only if its frame came before. The index
    `by_day` sorts the photos of all cameras by the time at which they were observed; photos of master parts
    are not in it.
    """

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table, self._dynamodb = table, dynamodb or client("dynamodb")

    def get_camera(self, name: str) -> Camera:
        return self._load(name)[0]

    def list_cameras(self) -> list[Camera]:
        items = self._query("series = :series", {":series": CAMERAS}, ConsistentRead=True)
        return [camera_from_dict(json.loads(item["camera"])) for item in items]

    def change_camera(self, name: str, change: Callable[[Camera], Camera]) -> Camera:
        for _ in range(MAX_TRIES):
            before, version = self._load(name)
            after = change(before)
            if after == before or self._save(after, version):
                return after
        raise RuntimeError(f"camera {name}: other writers changed it {MAX_TRIES} times in a row")

    def add_photo(self, photo: CameraPhoto) -> CameraPhoto:
        plain = {name: value for name, value in asdict(photo).items() if name not in _FIRST_WORD}
        plain["expires_at"] = timestamps.expiry(PHOTO_DAYS)
        now = timestamps.now()
        days = {} if photo.is_master else {"day": now[:10]}
        first = {"observed_at": now, "same_frame_as": "", "suspect": "", **days}
        sets = [f"#{name} = :{name}" for name in plain]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        values = {f":{name}": value for name, value in {**plain, **first}.items()}
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=_photo_key(photo),
            UpdateExpression="SET " + ", ".join(sets),
            ExpressionAttributeNames={f"#{name}": name for name in (*plain, *first)},
            ExpressionAttributeValues=to_attribute_values(values),
            ReturnValues="ALL_NEW",
        )
        stored = _to_photo(from_attribute_values(answer["Attributes"]))
        return replace(stored, frame_first_seen=self._add_frame(photo, plain["expires_at"]))

    def _add_frame(self, photo: CameraPhoto, expires_at: int) -> str:
        """Store that a camera's photo shows a frame. Return the inspection whose photo showed it first.

        The photo is stored before this: of two photos with one frame, the one that is not the first finds
        the other.
        """
        values = {":first": photo.inspection_id, ":expires_at": expires_at}
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=to_attribute_values(
                {"series": f"frame {photo.frame_hash} of {_series(photo.camera)}", "entry": FIRST}
            ),
            UpdateExpression="SET first_photo = if_not_exists(first_photo, :first), expires_at = :expires_at",
            ExpressionAttributeValues=to_attribute_values(values),
            ReturnValues="ALL_NEW",
        )
        return str(answer["Attributes"]["first_photo"]["S"])

    def list_equal_neighbours(self, photo: CameraPhoto, limit: int) -> list[CameraPhoto]:
        values = {":series": _series(photo.camera), ":entry": _entry(photo), ":hash": photo.frame_hash}
        answers = [
            self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression=f"series = :series AND entry {sign} :entry",
                FilterExpression="frame_hash = :hash",  # DynamoDB applies the limit before it.
                ExpressionAttributeValues=to_attribute_values(values),
                ConsistentRead=True,
                ScanIndexForward=forward,
                Limit=limit,
            )
            for sign, forward in (("<", False), (">", True))
        ]
        return [_to_photo(from_attribute_values(item)) for answer in answers for item in answer["Items"]]

    def list_photos(self, camera: str, since: str, until: str) -> Iterator[CameraPhoto]:
        values = {":series": _series(camera), ":since": since, ":until": f"{until}~"}
        condition = "series = :series AND entry BETWEEN :since AND :until"
        return map(_to_photo, self._query(condition, values, ConsistentRead=True))

    def list_observed(self, since: str, until: str) -> Iterator[CameraPhoto]:
        for day in list_days(since, until):
            condition = "#day = :day AND observed_at BETWEEN :since AND :until"
            values, names = {":day": day, ":since": since, ":until": until}, {"#day": "day"}
            yield from map(
                _to_photo, self._query(condition, values, IndexName="by_day", ExpressionAttributeNames=names)
            )

    def mark_repeated(self, photo: CameraPhoto, same_frame_as: str) -> None:
        self._mark(photo, "same_frame_as", same_frame_as)

    def add_suspect(self, photo: CameraPhoto, suspect: Suspect) -> None:
        item = {"series": SUSPECTS, "entry": suspect.inspection_id, **asdict(suspect)}
        self._dynamodb.put_item(TableName=self._table, Item=to_attribute_values(item))
        self._mark(photo, "suspect", suspect.reason)

    def list_suspects(self) -> Iterator[Suspect]:
        for item in self._query("series = :series", {":series": SUSPECTS}, ConsistentRead=True):
            yield Suspect(**{name: item[name] for name in ("inspection_id", "reason", "actor")})

    def remove_suspect(self, inspection_id: str) -> None:
        key = to_attribute_values({"series": SUSPECTS, "entry": inspection_id})
        self._dynamodb.delete_item(TableName=self._table, Key=key)

    def _load(self, name: str) -> tuple[Camera, int]:
        """Return a camera's settings and the number of changes so far."""
        key = to_attribute_values({"series": CAMERAS, "entry": name})
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return Camera(name=name), 0
        item = from_attribute_values(answer["Item"])
        return camera_from_dict(json.loads(item["camera"])), item["changes"]

    def _save(self, camera: Camera, changes: int) -> bool:
        item = {"series": CAMERAS, "entry": camera.name, "camera": json.dumps(asdict(camera))}
        answer = try_write(
            lambda: self._dynamodb.put_item(
                TableName=self._table,
                Item=to_attribute_values({**item, "changes": changes + 1}),
                ConditionExpression="attribute_not_exists(series) OR changes = :changes",
                ExpressionAttributeValues=to_attribute_values({":changes": changes}),
            )
        )
        return answer is not None

    def _mark(self, photo: CameraPhoto, name: str, value: str) -> None:
        """Set an attribute of a stored photo, unless it is set already."""
        try_write(
            lambda: self._dynamodb.update_item(
                TableName=self._table,
                Key=_photo_key(photo),
                UpdateExpression="SET #name = :value",
                ConditionExpression="#name = :empty",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues=to_attribute_values({":value": value, ":empty": ""}),
            )
        )

    def _query(self, condition: str, values: dict[str, Any], **request: Any) -> Iterator[dict[str, Any]]:
        return query_items(self._dynamodb, self._table, condition, values, **request)


def query_items(
    dynamodb: Any, table: str, condition: str, values: dict[str, Any], **request: Any
) -> Iterator[dict[str, Any]]:
    """Yield the items of a query as plain values, page by page. `request` holds further parameters."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=to_attribute_values(values),
        **request,
    )
    return (from_attribute_values(item) for page in pages for item in page["Items"])


def _series(camera: str) -> str:
    return f"photos/{camera}"


def _entry(photo: CameraPhoto) -> str:
    return f"{photo.claimed_at}#{photo.inspection_id}"


def _photo_key(photo: CameraPhoto) -> dict[str, Any]:
    return to_attribute_values({"series": _series(photo.camera), "entry": _entry(photo)})


def _to_photo(plain: dict[str, Any]) -> CameraPhoto:
    """Convert a photo's plain item."""
    known = {name: value for name, value in plain.items() if name in _PHOTO_FIELDS}
    return CameraPhoto(**{**known, "unusual": tuple(known["unusual"])})
