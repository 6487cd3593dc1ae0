"""Validate a training set and its test set: AWS's rules and the leakage guard."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from custom_labels.manifest_rules import Manifest
from datasets import labelled_photos, manifest_checks
from datasets.labelled_photos import LabelledPhoto, Report
from datasets.leakage import LeakageReport, measure_leakage, split_by_part
from datasets.manifest_checks import DatasetProblem
from datasets.near_duplicates import DuplicatePair, DuplicateReport, find_near_duplicates
from workflow.errors import ConfigurationError

CompareProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetValidation:
    """The result of a validation.

    `duplicates` is None if the photos could not be read: then only equal names were compared.
    `manifest_lines` holds the manifest line of each photo by its name, if there is a manifest.
    """

    photos: Sequence[LabelledPhoto]
    problems: Sequence[DatasetProblem]
    duplicates: DuplicateReport | None
    leakage: LeakageReport
    manifest_lines: dict[str, str]

    def to_dict(self, limit: float) -> dict[str, Any]:
        """Return everything as JSON, with a summary sentence; `limit` is the allowed share of leaks."""
        has_fatal = any(problem.fatal for problem in self.problems)
        refused = has_fatal or self.leakage.exceeds(limit) or bool(self.leakage.contradictions)
        return {
            "refused": refused,
            "verdict": self._summarize(refused, limit),
            "photos": len(self.photos),
            "test_photos": self.leakage.test_photos,
            "leaking_share": self.leakage.leaking_share,
            "repeated_share": self.leakage.repeated_share,
            "errors": [asdict(problem) for problem in self.problems],
            "pairs": [
                self._pair_to_dict(kind, pair)
                for kind, pairs in (
                    ("two labels", self.leakage.contradictions),
                    ("training and test", self.leakage.across),
                    ("within test", self.leakage.within),
                )
                for pair in pairs
            ],
        }

    def _pair_to_dict(self, kind: str, pair: DuplicatePair) -> dict[str, Any]:
        return {
            "kind": kind,
            "first": self.photos[pair.first].name,
            "second": self.photos[pair.second].name,
            "similarity": pair.similarity,
            "exact": pair.is_exact,
        }

    def _summarize(self, refused: bool, limit: float) -> str:
        by_name = "" if self.duplicates else " (by name only: --photos names the folder with their copies)"
        if not self.leakage.test_photos:
            leaks = "There is no test set to compare with."
        else:
            leaks = (
                f"{self.leakage.leaking_share:.1%} of the test photos show parts of the training set and "
                f"{self.leakage.repeated_share:.1%} repeat another test photo{by_name}; "
                f"{limit:.1%} is allowed."
            )
        return f"{'Refused' if refused else 'Valid'}: {len(self.problems)} errors. {leaks}"


def validate(
    training: Path,
    testing: Path | None,
    copies: Path | None,
    progress: CompareProgress,
    report: Report = lambda _: None,
) -> DatasetValidation:
    """Validate folders or manifests; the photos of a manifest are compared if `copies` holds local copies.

    `progress` receives the number of photos that were read, and of all photos. `report` receives what was
    found in folders. Raise ConfigurationError if a folder has no photos or a copy is missing.
    """
    sides = [_read_side(path, copies, report) for path in (training, testing) if path is not None]
    images_read = all(side.images_read for side in sides)
    test_side = sides[1] if testing is not None else None
    problems = [problem for side in sides for problem in side.problems]
    if not problems:
        names = (training.name, testing.name if testing else "")
        test_manifest = test_side.manifest if test_side else None
        problems = manifest_checks.find_problems(sides[0].manifest, test_manifest, images_read, names)
    photos = [photo for side in sides for photo in side.photos]
    duplicates = (
        find_near_duplicates(photos, lambda done: progress(done, len(photos))) if images_read else None
    )
    training_count = len(sides[0].photos) if test_side else len(photos)
    return DatasetValidation(
        photos=photos,
        problems=problems,
        duplicates=duplicates,
        leakage=measure_leakage(duplicates or _find_equal_names(photos), photos, training_count),
        manifest_lines={name: line for side in sides for name, line in side.manifest_lines.items()},
    )


def write_split(result: DatasetValidation, folder: Path, share: float) -> dict[str, int]:
    """Write a new split: as manifests if there is a manifest, else as lists of names.

    Return the number of lines of each file. Raise ConfigurationError if the photos were not read.
    """
    if result.duplicates is None:
        raise ConfigurationError("--split-by-part looks at the photos: name their folder with --photos")
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "manifest" if result.manifest_lines else "txt"
    written = {}
    sides = split_by_part(result.photos, result.duplicates, share)
    for side, indices in zip(("train", "test"), sides, strict=True):
        names = [result.photos[index].name for index in indices]
        lines = [result.manifest_lines.get(name, name) for name in names]
        file = folder / f"{side}.{suffix}"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        written[file.name] = len(lines)
    return written


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    manifest: Manifest
    photos: Sequence[LabelledPhoto]
    problems: Sequence[DatasetProblem]
    manifest_lines: dict[str, str]
    images_read: bool


def _read_side(path: Path, copies: Path | None, report: Report) -> _Side:
    if path.is_dir():
        photos = labelled_photos.photos_from_folder(path, report)
        return _Side(
            manifest=manifest_checks.manifest_from_photos(photos),
            photos=photos,
            problems=[],
            manifest_lines={},
            images_read=True,
        )
    manifest, problems = manifest_checks.read_manifest(path)
    return _Side(
        manifest=manifest,
        photos=labelled_photos.photos_from_manifest(manifest.entries, copies),
        problems=problems,
        manifest_lines={entry.source: entry.text for entry in manifest.usable_entries},
        images_read=copies is not None,
    )


def _find_equal_names(photos: Sequence[LabelledPhoto]) -> DuplicateReport:
    first: dict[str, int] = {}
    pairs = []
    for index, photo in enumerate(photos):
        if photo.name in first:
            pairs.append(DuplicatePair(first[photo.name], index, 1.0))
        first.setdefault(photo.name, index)
    return DuplicateReport(len(photos), tuple(pairs), {})
