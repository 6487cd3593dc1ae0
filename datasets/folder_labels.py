"""Labels of photos: the first folder below the root names the label, in a folder and below an S3 prefix."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from datasets.photo_listing import LeftOut, PhotoListing
from workflow.errors import ConfigurationError
from workflow.inspections.default_label_rules import is_ok_label, may_mean_sound


def label_of(name: str) -> str:
    """Return the label of a photo by its name relative to the root. Empty for a photo beside the folders."""
    label, slash, _ = name.partition("/")
    return label if slash else ""


def select_labelled(listing: PhotoListing, root: str) -> list[str]:
    """Return the names of the photos that have a label, and count the others as left out.

    Raise ConfigurationError if there are no photos, a name is not UTF-8, or the labels cannot be trained on.
    """
    names = [name for name in listing.names if label_of(name)]
    listing.left_out += Counter({LeftOut.UNLABELLED: len(listing.names) - len(names)})
    if not names:
        raise ConfigurationError(
            f"{root} has no labelled photos: put .jpg, .jpeg or .png files into one folder for each label, "
            f"such as {root}/ok/ and {root}/scratch/"
        )
    if broken := [name for name in names if not is_utf8(name)]:
        raise ConfigurationError(
            f"{root}/{broken[0]}: its name is not valid UTF-8, as {len(broken):,} of {len(names):,} names: "
            "rename the file or its folder"
        )
    check_labels({label_of(name) for name in names})
    return names


def describe_labels(labels: Iterable[str], root: str) -> str:
    """Return one sentence that names the labels with their counts."""
    counts = sorted(Counter(labels).items())
    found = ", ".join(f"{count:,} {label}" for label, count in counts)
    return f"Labels by the first folder below {root}: {found}."


def check_labels(labels: Iterable[str]) -> None:
    """Raise ConfigurationError if there are fewer than two labels, or all mean ok, or all mean a defect."""
    names = sorted(labels)
    if len(names) < 2:
        only = f"only {names[0]!r}" if names else "none"
        raise ConfigurationError(f"training needs photos of at least two labels, and there is {only}")
    ok_labels = [name for name in names if is_ok_label(name)]
    if not ok_labels or len(ok_labels) == len(names):
        kind, missing = ("sound parts", "defects") if ok_labels else ("defects", "sound parts")
        remedy = "add a folder of defects, such as scratch"
        if not ok_labels:
            likely = next((name for name in names if may_mean_sound(name)), "")
            remedy = (
                f"if {likely} holds them, rename it to ok_{likely}"
                if likely
                else "add a folder of them, named ok"
            )
        raise ConfigurationError(
            f"training needs sound parts and defects, but {', '.join(names)} are all {kind} by their names, "
            f"and a label of {missing} is missing (those of sound parts begin with ok or good): {remedy}"
        )


def find_similar(labels: Iterable[str]) -> list[list[str]]:
    """Return the groups of labels that look alike: they differ in spaces, case or composition only."""
    groups = defaultdict(list)
    for label in sorted(set(labels)):
        groups[_appearance(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def is_utf8(name: str) -> bool:
    """Return True if a file's name is valid UTF-8, as keys and manifests require."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _appearance(label: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    visible = "".join(
        " " if character.isspace() else character
        for character in folded
        if character.isspace() or unicodedata.category(character) not in ("Cf", "Cc")
    )
    return " ".join(visible.split())
