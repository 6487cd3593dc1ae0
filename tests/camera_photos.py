"""Photos as a camera's history holds them, and cameras on the rules of DynamoDB."""

from typing import Any

from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from workflow import timestamps
from workflow.aws.cameras import DynamoCameraRepository
from workflow.cameras.camera import CameraPhoto
from workflow.tables import CAMERAS

BEGIN = "2026-03-02T08:00:00.000Z"


def camera_photo(number: int, frame: str = "", **facts: Any) -> CameraPhoto:
    """Build the photo with this number, a second after the one before; each shows a frame of its own."""
    defaults = {
        "camera": "line 1",
        "inspection_id": f"{number:064x}",
        "key": f"line 1/{number}.jpg",
        "claimed_at": timestamps.add_seconds(BEGIN, number),
        "frame_hash": frame or f"{number:08x}",
        "brightness": 120.0,
        "contrast": 40.0,
        "sharpness": 2.0,
        "basis": "model 1",
    }
    return CameraPhoto(**{**defaults, **facts})


def in_memory_cameras() -> DynamoCameraRepository:
    """Return a repository of cameras without AWS."""
    return DynamoCameraRepository(CAMERAS.name, InMemoryDynamoDB([InMemoryTable(CAMERAS)]))
