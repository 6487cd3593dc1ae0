"""Amazon Resource Names in Rekognition's shape."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

ACCOUNT_NUMBER = "000000000000"

_PROJECT = re.compile(
    r"(?P<front>arn:aws:rekognition:[a-z\d-]+:\d{12}:project/(?P<name>[^/]+))/(?P<made>\d+)"
)


@dataclass(frozen=True, slots=True)
class Namer:
    """Makes names that are unique even when two resources are created within one millisecond."""

    region: str
    is_taken: Callable[[str], bool]

    def project(self, name: str) -> str:
        return self._stamped(f"arn:aws:rekognition:{self.region}:{ACCOUNT_NUMBER}:project/{name}")

    def version(self, project_arn: str, name: str) -> str:
        return self._stamped(f"{_front(project_arn)}/version/{name}")

    def dataset(self, project_arn: str, kind: str) -> str:
        return self._stamped(f"{_front(project_arn)}/dataset/{kind.lower()}")

    def _stamped(self, front: str) -> str:
        made = time.time_ns() // 1_000_000
        while self.is_taken(f"{front}/{made}"):
            made += 1
        return f"{front}/{made}"


def _front(project_arn: str) -> str:
    match = _PROJECT.fullmatch(project_arn)
    if match is None:
        raise ValueError(f"{project_arn!r} is not a project's ARN")
    return match["front"]
