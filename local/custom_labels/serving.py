"""The models that answer: loaded once, called from many threads, forgotten when stopped."""

import os
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING

from local.custom_labels.faults import Fault

if TYPE_CHECKING:
    from local.custom_labels.classifier import Array, Classifier

SECONDS_TO_LOAD = 20


class Serving:
    """Running models by ARN; as many photos are worked on at once as there are processors."""

    def __init__(self) -> None:
        self._models: dict[str, Future[Classifier]] = {}
        self._desk = threading.BoundedSemaphore(os.cpu_count() or 1)

    def announce(self, arn: str) -> None:
        """A model that ran before a restart: who asks now waits for it instead of being turned away."""
        self._models.setdefault(arn, Future())

    def load(self, arn: str, path: Path) -> None:
        from local.custom_labels.classifier import load_classifier

        ready = self._models.setdefault(arn, Future())
        if not ready.done():
            ready.set_result(load_classifier(path))

    def unload(self, arn: str) -> None:
        gone = self._models.pop(arn, None)
        if gone is not None:
            gone.cancel()

    def model(self, arn: str) -> "Classifier":
        future = self._models.get(arn)
        if future is None:
            raise Fault("ResourceNotReadyException", f"The model {arn} is not running")
        try:
            return future.result(SECONDS_TO_LOAD)
        except (CancelledError, TimeoutError) as error:
            raise Fault("ResourceNotReadyException", f"The model {arn} is not running") from error

    def look(self, model: "Classifier", data: bytes) -> "Array":
        """A decoded photo takes up to 100 MB, so the number at work is bounded, not the number waiting."""
        from local.custom_labels.photos import read_photo

        with self._desk:
            return model.look(read_photo(data))
