"""The photos below a folder or an S3 prefix, by one rule for all commands."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
_COMPANIONS = frozenset(
    {
        *("@eadir", "@tmp", "#recycle", "@recycle", "#snapshot", "@recently-snapshot"),
        *("__macosx", "$recycle.bin", "system volume information", "lost+found"),
    }
)


class LeftOut(StrEnum):
    """The reason why a file, a folder or a link is no photo for the product, as printed."""

    COMPANION = "of other programs (._*, @eaDir, __MACOSX …)"
    HIDDEN = "hidden or temporary (.*, ~*)"
    SPECIAL = "no regular file (a pipe, socket or device)"
    LINK = "a link to nothing, back, or to photos that are taken already"
    OTHER = "not .jpg, .jpeg or .png"
    MASK = "a mask (*_mask.*, or a PNG of at most two values)"
    UNLABELLED = "not in a folder named after a label"


@dataclass(slots=True)
class PhotoListing:
    """Photos by their name relative to the root, with slashes, and the counts of everything left out."""

    names: list[str] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)

    def describe_left_out(self) -> str:
        """Return one sentence about everything that was left out. Empty if nothing was."""
        if not self.left_out:
            return ""
        total = self.left_out.total()
        counts = "; ".join(f"{count:,} {reason}" for reason, count in sorted(self.left_out.items()))
        return f"Left out {total:,} {'entry' if total == 1 else 'entries'} in folders: {counts}."


def list_folder(folder: Path) -> PhotoListing:
    """List the photos in a folder, at any depth. Each linked file or folder is taken once.

    No file is opened. A photo whose link leads to nothing is listed, so that it is missed. Raise OSError for
    a folder that cannot be read.
    """
    return _FolderWalk(folder).run()


def list_keys(keys: Iterable[str]) -> PhotoListing:
    """List the photos among the keys below a prefix, which are relative to it."""
    listing = PhotoListing()
    left_out: dict[str, LeftOut] = {}
    for key in sorted(key for key in keys if not key.endswith("/")):
        parts = key.split("/")
        reasons = ((depth, _reason_by_name(part)) for depth, part in enumerate(parts, 1))
        depth, reason = next(((depth, reason) for depth, reason in reasons if reason), (len(parts), None))
        if reason is None and not key.lower().endswith(PHOTO_SUFFIXES):
            reason = LeftOut.OTHER
        if reason is None:
            listing.names.append(key)
        else:
            left_out["/".join(parts[:depth])] = reason
    listing.left_out.update(left_out.values())
    return listing


def _reason_by_name(name: str) -> LeftOut | None:
    if name.startswith("._") or name.casefold() in _COMPANIONS:
        return LeftOut.COMPANION
    if name.startswith((".", "~")):
        return LeftOut.HIDDEN
    stem, _, suffix = name.casefold().rpartition(".")
    return LeftOut.MASK if stem.endswith("_mask") and f".{suffix}" in PHOTO_SUFFIXES else None


class _FolderWalk:
    """A walk that takes the folder's own files first, and follows links to other places after that."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._folders, self._links = [folder], list[Path]()
        self._taken = {_identity(folder.stat())}
        self._photos: list[Path] = []
        self._left_out: Counter[LeftOut] = Counter()

    def run(self) -> PhotoListing:
        while self._folders or self._links:
            if self._folders:
                self._read_folder(self._folders.pop())
            else:
                self._links.sort(reverse=True)
                self._follow(self._links.pop())
        names = [photo.relative_to(self._root).as_posix() for photo in sorted(self._photos)]
        return PhotoListing(names, self._left_out)

    def _read_folder(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if reason := _reason_by_name(entry.name):
                    self._left_out[reason] += 1
                elif entry.is_symlink():
                    self._links.append(Path(entry.path))
                else:
                    self._take(Path(entry.path), entry.stat(follow_symlinks=False))

    def _follow(self, link: Path) -> None:
        try:
            target = link.stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
                raise
            if link.suffix.lower() in PHOTO_SUFFIXES:
                self._photos.append(link)  # A photo that is missing is no photo to pass over.
            else:
                self._left_out[LeftOut.LINK] += 1
            return
        leads_back = link.parent.resolve().is_relative_to(link.resolve())
        if leads_back or _identity(target) in self._taken:
            self._left_out[LeftOut.LINK] += 1
        else:
            self._take(link, target)

    def _take(self, path: Path, status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            if _identity(status) in self._taken:
                self._left_out[LeftOut.LINK] += 1
            else:
                self._folders.append(path)
        elif path.suffix.lower() not in PHOTO_SUFFIXES:
            self._left_out[LeftOut.OTHER] += 1
        elif stat.S_ISREG(status.st_mode):
            self._photos.append(path)
        else:
            self._left_out[LeftOut.SPECIAL] += 1
        self._taken.add(_identity(status))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
