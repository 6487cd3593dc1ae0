"""Amazon Resource Names in Rekognition's format."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

ACCOUNT_NUMBER = "000000000000"

_PROJECT_ARN = re.compile(
    r"(?P<prefix>arn:aws:rekognition:[a-z\d-]+:\d{12}:project/(?P<name>[^/]+))/(?P<timestamp>\d+)"
)


@dataclass(frozen=True, slots=True)
class ArnFactory:
    """Creates ARNs that are unique even when two resources are created within one millisecond."""

    region: str
    exists: Callable[[str], bool]

    def create_project_arn(self, name: str) -> str:
        return self._with_timestamp(f"arn:aws:rekognition:{self.region}:{ACCOUNT_NUMBER}:project/{name}")

    def create_version_arn(self, project_arn: str, name: str) -> str:
        return self._with_timestamp(f"{_prefix(project_arn)}/version/{name}")

    def create_dataset_arn(self, project_arn: str, kind: str) -> str:
        return self._with_timestamp(f"{_prefix(project_arn)}/dataset/{kind.lower()}")

    def _with_timestamp(self, prefix: str) -> str:
        timestamp = time.time_ns() // 1_000_000
        while self.exists(f"{prefix}/{timestamp}"):
            timestamp += 1
        return f"{prefix}/{timestamp}"


def _prefix(project_arn: str) -> str:
    match = _PROJECT_ARN.fullmatch(project_arn)
    if match is None:
        raise ValueError(f"{project_arn!r} is not a project's ARN")
    return match["prefix"]
