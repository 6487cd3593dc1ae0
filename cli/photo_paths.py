"""The photos of the paths that a user names, and the keys that they are uploaded under."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datasets.folder_labels import is_utf8
from datasets.photo_listing import PhotoListing, list_folder
from workflow.inspections.ignored_keys import DESCRIPTION, is_ignored_key

MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class PhotoToUpload:
    """A file and the key that it is uploaded under."""

    path: Path
    key: str

    def find_problem(self) -> str:
        """Return the reason why the photo cannot be uploaded. Empty if it can."""
        if not is_utf8(self.key):
            return "its name is not valid UTF-8"
        if (size := len(self.key.encode())) > MAX_KEY_BYTES:
            return f"its key has {size:,} bytes, but S3 allows {MAX_KEY_BYTES:,}"
        if is_ignored_key(self.key):
            return f"its name is ignored ({DESCRIPTION}), so no inspection would start: rename it"
        if self.path.exists() and not self.path.is_file():
            return "it is no regular file"
        return ""


def find_photos(paths: Iterable[Path]) -> tuple[list[PhotoToUpload], str]:
    """Return the photos of the given paths, and a sentence about everything in folders that is left out."""
    photos: list[PhotoToUpload] = []
    everything = PhotoListing()
    for path in paths:
        if not path.is_dir():
            photos.append(PhotoToUpload(path, path.name))
            continue
        root = Path(os.path.abspath(path)).name  # noqa: PTH100 (resolve() would follow links)
        listing = list_folder(path)
        everything.left_out += listing.left_out
        photos += [PhotoToUpload(path / name, f"{root}/{name}".lstrip("/")) for name in listing.names]
    return photos, everything.describe_left_out()
