"""What functions and the review app run: our sources, and the pinned packages they stand on.

Packages are installed by pip alone, as wheels for the functions' own processor, with the hashes of the lock;
no docker, and nothing is built. They are kept below `build/`, under a name that follows from lock and
platform, so that the network is needed once. Without packages a bundle holds our sources only: good for
looking at the template, and for machines that have the packages themselves.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra import pins
from workflow.errors import PartcheckError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PYTHON = "3.13"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux2014_aarch64")


@dataclass(frozen=True, slots=True)
class Bundles:
    """The directories that a deployment uploads."""

    functions: Path
    review_app: Path


def bundles(with_packages: bool, build: Path = BUILD) -> Bundles:
    """Both, made afresh from the sources."""
    return Bundles(functions(with_packages, build), review_app(build))


def functions(with_packages: bool, build: Path = BUILD) -> Path:
    """A directory that Lambda can run: `lambdas`, `workflow`, and the packages if asked for."""
    target = build / ("functions" if with_packages else "functions-sources")
    _emptied(target)
    if with_packages:
        shutil.copytree(_packages(pins.pinned(()), build), target, dirs_exist_ok=True)
    _copy_sources(("lambdas", "workflow"), target)
    return target


def review_app(build: Path = BUILD) -> Path:
    """A directory that Elastic Beanstalk can run: it installs the pinned packages by itself."""
    target = build / "review-app"
    _emptied(target)
    _copy_sources(("review_app", "workflow"), target)
    (target / "requirements.txt").write_text(pins.pinned(("web",)), encoding="utf-8")
    shutil.copytree(ROOT / "infra" / "review", target, dirs_exist_ok=True)
    return target


def _packages(requirements: str, build: Path) -> Path:
    """The packages for Lambda, installed once for each set of pins and platforms."""
    key = hashlib.sha256("\0".join((requirements, PYTHON, *PLATFORMS)).encode()).hexdigest()
    kept = build / f"packages-{key[:16]}"
    if not kept.is_dir():
        draft = kept.with_suffix(".draft")
        _emptied(draft)
        wanted = build / f"{draft.name}.txt"
        wanted.write_text(requirements, encoding="utf-8")
        _pip_install(wanted, draft)
        wanted.unlink()
        draft.rename(kept)
    return kept


def _pip_install(requirements: Path, target: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--requirement", str(requirements), "--target", str(target)),
        *("--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", PYTHON),
        *(word for platform in PLATFORMS for word in ("--platform", platform)),
    ]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise PartcheckError("pip could not install the functions' packages; its message stands above")


def _copy_sources(rooms: Iterable[str], target: Path) -> None:
    for room in rooms:
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _emptied(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
