"""A photo's measures on DynamoDB: in its row, and the descriptor in an item of its own.

Three indexes repeat all attributes of a row, so a descriptor in the row would be written four times.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from workflow.photos.measures import PhotoMeasures, UnmeasurablePhoto, pack_descriptor, unpack_descriptor


def to_measures_attribute(measures: PhotoMeasures | None) -> dict[str, Any] | None:
    """Return the measures as a row holds them: without the descriptor."""
    if measures is None:
        return None
    names = (field.name for field in fields(measures) if field.name != "descriptor")
    return {name: getattr(measures, name) for name in names}


def from_measures_attribute(plain: Mapping[str, Any]) -> PhotoMeasures:
    """Return the measures of a row; its whole numbers may be floats."""
    whole = {"decoder_version", "bit_depth", "frame_hash"}
    values: dict[str, Any] = {name: value if name in whole else float(value) for name, value in plain.items()}
    return PhotoMeasures(**values, descriptor=())


def to_row_changes(measures: PhotoMeasures | UnmeasurablePhoto) -> dict[str, Any]:
    """Return the row's attributes for a photo's measures, or for the reason why it has none."""
    if isinstance(measures, UnmeasurablePhoto):
        return {"measures": None, "unmeasurable": measures.reason}
    return {"measures": to_measures_attribute(measures), "unmeasurable": ""}


class DynamoDescriptors:
    """The descriptors of photos, by inspection and decoder version, in the inspections table."""

    def __init__(self, table: str, dynamodb: Any) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def put(self, inspection_id: str, measures: PhotoMeasures | UnmeasurablePhoto) -> None:
        """Store the descriptor, if there is one. The same photo has the same descriptor each time."""
        if isinstance(measures, PhotoMeasures):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(inspection_id, measures.decoder_version),
                UpdateExpression="SET #descriptor = :descriptor",
                ExpressionAttributeNames={"#descriptor": "descriptor"},
                ExpressionAttributeValues={":descriptor": {"B": pack_descriptor(measures.descriptor)}},
            )

    def get(self, inspection_id: str, decoder_version: int) -> tuple[float, ...]:
        """Return a descriptor; empty if there is none."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_key(inspection_id, decoder_version), ConsistentRead=True
        )
        return unpack_descriptor(answer["Item"]["descriptor"]["B"]) if "Item" in answer else ()


def _key(inspection_id: str, decoder_version: int) -> dict[str, Any]:
    return {"id": {"S": f"{inspection_id}#descriptor-{decoder_version}"}}
