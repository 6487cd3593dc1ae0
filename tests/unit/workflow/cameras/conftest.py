"""Cameras on the rules of DynamoDB."""

import pytest

from tests.camera_photos import in_memory_cameras
from workflow.aws.cameras import DynamoCameraRepository


@pytest.fixture
def cameras() -> DynamoCameraRepository:
    return in_memory_cameras()
