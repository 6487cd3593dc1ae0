"""One look at a training set and its test set: AWS's rules, and the leakage guard."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.custom_labels.manifest_rules import Manifest
from local.data_sets import linting, photos
from local.data_sets.leakage import Leakage, leakage, split_by_part
from local.data_sets.linting import Complaint
from local.data_sets.lookalikes import Comparison, Pair, compare
from local.data_sets.photos import LabelledPhoto
from workflow.errors import ConfigurationError

Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. Without photos to look at, `comparison` is None: only equal names were compared."""

    photos: Sequence[LabelledPhoto]
    complaints: Sequence[Complaint]
    comparison: Comparison | None
    leaks: Leakage
    from_manifest: dict[str, str]

    def document(self, limit: float) -> dict[str, Any]:
        """Everything as JSON, with the verdict in a sentence."""
        fatal = any(one.fatal for one in self.complaints)
        refused = fatal or self.leaks.refused(limit) or bool(self.leaks.contradictions)
        return {
            "refused": refused,
            "verdict": self._verdict(refused, limit),
            "photos": len(self.photos),
            "test_photos": self.leaks.tested,
            "leaking_share": self.leaks.share_across,
            "repeated_share": self.leaks.share_within,
            "complaints": [asdict(one) for one in self.complaints],
            "pairs": [
                self._pair(kind, pair)
                for kind, pairs in (
                    ("two labels", self.leaks.contradictions),
                    ("training and test", self.leaks.across),
                    ("within test", self.leaks.within),
                )
                for pair in pairs
            ],
        }

    def _pair(self, kind: str, pair: Pair) -> dict[str, Any]:
        first, second = self.photos[pair.first].name, self.photos[pair.second].name
        return {"kind": kind, "first": first, "second": second, "alike": pair.alike, "exact": pair.exact}

    def _verdict(self, refused: bool, limit: float) -> str:
        looked = "" if self.comparison else " (by name only: --photos names the folder with their copies)"
        if not self.leaks.tested:
            leaks = "There is no test set to compare with."
        else:
            leaks = (
                f"{self.leaks.share_across:.1%} of the test photos show parts of the training set and "
                f"{self.leaks.share_within:.1%} repeat another test photo{looked}; {limit:.1%} is allowed."
            )
        return f"{'Refused' if refused else 'Fine'}: {len(self.complaints)} complaints. {leaks}"


def check(training: Path, testing: Path | None, copies: Path | None, show: Show) -> Check:
    """Look at folders or manifests; photos that a manifest names are compared where copies are given.

    `show` is told how many photos of how many were looked at.
    """
    sets = [_read(one, copies) for one in (training, testing) if one is not None]
    read = all(one.seen for one in sets)
    second = sets[1] if testing is not None else None
    found = [complaint for one in sets for complaint in one.complaints]
    if not found:
        names = (training.name, testing.name if testing else "")
        found = linting.complaints(sets[0].manifest, second.manifest if second else None, read, names)
    listed = [photo for one in sets for photo in one.photos]
    comparison = compare(listed, lambda done: show(done, len(listed))) if read else None
    trained = len(sets[0].photos) if second else len(listed)
    leaks = leakage(comparison or _same_names(listed), listed, trained)
    return Check(listed, found, comparison, leaks, {k: v for one in sets for k, v in one.lines.items()})


def write_split(found: Check, out: Path, share: float) -> dict[str, int]:
    """Write the new division: manifests of manifests, lists of names otherwise; returns their lengths."""
    if found.comparison is None:
        raise ConfigurationError("--split-by-part looks at the photos: name their folder with --photos")
    out.mkdir(parents=True, exist_ok=True)
    suffix = "manifest" if found.from_manifest else "txt"
    written = {}
    sides = split_by_part(found.photos, found.comparison, share)
    for side, places in zip(("train", "test"), sides, strict=True):
        names = [found.photos[place].name for place in places]
        lines = [found.from_manifest.get(name, name) for name in names]
        file = out / f"{side}.{suffix}"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        written[file.name] = len(lines)
    return written


@dataclass(frozen=True, slots=True)
class _Set:
    manifest: Manifest
    photos: Sequence[LabelledPhoto]
    complaints: Sequence[Complaint]
    lines: dict[str, str]
    seen: bool


def _read(place: Path, copies: Path | None) -> _Set:
    if place.is_dir():
        found = photos.from_folder(place)
        return _Set(linting.manifest_of(found), found, [], {}, True)
    manifest, complaints = linting.read_manifest(place)
    listed = photos.from_manifest(manifest.entries, copies)
    lines = {entry.source: entry.text for entry in manifest.usable}
    return _Set(manifest, listed, complaints, lines, copies is not None)


def _same_names(listed: Sequence[LabelledPhoto]) -> Comparison:
    first: dict[str, int] = {}
    pairs = []
    for place, photo in enumerate(listed):
        if photo.name in first:
            pairs.append(Pair(first[photo.name], place, 1.0))
        first.setdefault(photo.name, place)
    return Comparison(len(listed), tuple(pairs), {})
