"""The running models: loaded once, used from many threads, removed when stopped."""

import os
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING

from custom_labels.errors import ServiceError

if TYPE_CHECKING:
    from vision.calibration import FloatArray
    from vision.classifier import PhotoClassifier

LOAD_TIMEOUT_SECONDS = 20


class RunningModels:
    """Running models by ARN; scores as many photos at once as there are processors."""

    def __init__(self) -> None:
        self._models: dict[str, Future[PhotoClassifier]] = {}
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    def expect(self, arn: str) -> None:
        """Announce a model that ran before a restart: requests wait for it and are not rejected."""
        self._models.setdefault(arn, Future())

    def load(self, arn: str, path: Path) -> None:
        """Load a model. Raise OSError, ValueError, KeyError or BadZipFile for a damaged file."""
        from vision.classifier import load_classifier

        future = self._models.setdefault(arn, Future())
        if not future.done():
            future.set_result(load_classifier(path))

    def unload(self, arn: str) -> None:
        future = self._models.pop(arn, None)
        if future is not None:
            future.cancel()

    def get_model(self, arn: str) -> "PhotoClassifier":
        """Return a running model. Raise ServiceError if it does not run."""
        future = self._models.get(arn)
        if future is None:
            raise ServiceError("ResourceNotReadyException", f"The model {arn} is not running")
        try:
            return future.result(LOAD_TIMEOUT_SECONDS)
        except (CancelledError, TimeoutError) as error:
            raise ServiceError("ResourceNotReadyException", f"The model {arn} is not running") from error

    def score_photo(self, model: "PhotoClassifier", data: bytes) -> "FloatArray":
        """Return the probability of each label. Raise ServiceError if the photo cannot be scored.

        A decoded photo takes up to 100 MB, so the number of photos in progress is bounded. The number of
        waiting photos is not.
        """
        from vision.photo_decoding import PhotoError, PhotoTooLargeError

        with self._slots:
            try:
                return model.score_photo(data)
            except PhotoTooLargeError as error:
                raise ServiceError("ImageTooLargeException", str(error)) from error
            except PhotoError as error:
                raise ServiceError("InvalidImageFormatException", str(error)) from error
