"""Deployment bundles: our sources, and the pinned packages that they need.

pip installs the packages as wheels for the functions' processor, with the hashes of the lock file. Docker and
builds are not needed. Installed packages are cached below `build/`, under a name derived from lock file and
platform, so that the network is needed once. Bundles with packages hold bytecode too, if this machine has the
functions' Python: a function cannot store its own. A bundle without packages holds our sources only: enough
to inspect the template, and for machines that have the packages themselves.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra import pinned_packages
from workflow import state_machine_definition
from workflow.errors import PartcheckError

ROOT = Path(__file__).resolve().parent.parent

PYTHON = "3.13"
LAMBDA_ROOT = "/var/task"  # The directory in which Lambda stores a bundle.
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux2014_aarch64")
FUNCTION_PACKAGES = ("lambdas", "workflow")
MEASURING_PACKAGES = (*FUNCTION_PACKAGES, "vision")
DECODER_REQUIREMENTS = ("numpy", "pillow")
REVIEW_APP_PACKAGES = ("review_app", "vision", "workflow")


def find_build_directory(root: Path) -> Path:
    """Return `build/` of a source tree. An installed package builds in the user's cache directory."""
    if (root / "pyproject.toml").exists():
        return root / "build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "partcheck"


BUILD = find_build_directory(ROOT)


@dataclass(frozen=True, slots=True)
class Bundles:
    """The directories that a deployment uploads."""

    functions: Path
    measuring_functions: Path
    review_app: Path


def build_bundles(with_packages: bool, build: Path = BUILD) -> Bundles:
    """Build all bundles from the current sources."""
    return Bundles(
        functions=build_functions_bundle(with_packages, build),
        measuring_functions=build_measuring_bundle(with_packages, build),
        review_app=build_review_app_bundle(build),
    )


def build_functions_bundle(with_packages: bool, build: Path = BUILD) -> Path:
    """Build a directory that Lambda can run: our sources, and the pinned packages if asked for."""
    requirements = pinned_packages.select_requirements(()) if with_packages else ""
    return _build_lambda_bundle(build, "functions", FUNCTION_PACKAGES, requirements)


def build_measuring_bundle(with_packages: bool, build: Path = BUILD) -> Path:
    """Build the directory of the functions that measure photos: also with the decoder and its packages.

    The other functions do not carry them, because a larger bundle starts more slowly.
    """
    requirements = (
        pinned_packages.select_requirements((), additional=DECODER_REQUIREMENTS) if with_packages else ""
    )
    return _build_lambda_bundle(build, "measuring-functions", MEASURING_PACKAGES, requirements)


def _build_lambda_bundle(build: Path, name: str, packages: Iterable[str], requirements: str) -> Path:
    target = build / (name if requirements else f"{name}-sources")
    _empty(target)
    python = find_functions_python() if requirements else ""
    if requirements:
        shutil.copytree(_install_packages(requirements, build, python), target, dirs_exist_ok=True)
    _copy_sources(packages, target)
    for package in packages:
        _compile(target, package, python)
    return target


def find_functions_python() -> str:
    """Return this machine's interpreter of the functions' version. Empty if there is none."""
    for candidate in filter(None, (sys.executable, shutil.which(f"python{PYTHON}"))):
        command = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if answer.stdout.strip() == PYTHON:
            return candidate
    return ""


def _compile(root: Path, part: str, python: str) -> None:
    """Compile a part of a bundle if there is an interpreter. Python then ignores the sources' times."""
    if not python:
        return
    command = [
        *(python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(root), "-p", LAMBDA_ROOT, str(root / part)),
    ]
    subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (What fails stays a source.)


def build_review_app_bundle(build: Path = BUILD) -> Path:
    """Build a directory that Elastic Beanstalk can run. It installs the pinned packages itself."""
    target = build / "review-app"
    _empty(target)
    _copy_sources(REVIEW_APP_PACKAGES, target)
    requirements = pinned_packages.select_requirements(("web",))
    (target / "requirements.txt").write_text(requirements, encoding="utf-8")
    shutil.copytree(ROOT / "infra" / "review", target, dirs_exist_ok=True)
    return target


def _install_packages(requirements: str, build: Path, python: str) -> Path:
    """Install and compile the packages for Lambda, once per set of pins. Return their directory."""
    parts = (requirements, PYTHON, *PLATFORMS, "compiled" if python else "")
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    installed = build / f"packages-{key[:16]}"
    if not installed.is_dir():
        draft = installed.with_suffix(".draft")
        _empty(draft)
        requirements_file = build / f"{draft.name}.txt"
        requirements_file.write_text(requirements, encoding="utf-8")
        _pip_install(requirements_file, draft)
        requirements_file.unlink()
        _compile(draft, "", python)
        draft.rename(installed)
    return installed


def _pip_install(requirements: Path, target: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--requirement", str(requirements), "--target", str(target)),
        *("--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", PYTHON),
        *(word for platform in PLATFORMS for word in ("--platform", platform)),
    ]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise PartcheckError("pip could not install the functions' packages; see its message above")


def _copy_sources(packages: Iterable[str], target: Path) -> None:
    for package in packages:
        shutil.copytree(
            ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    shutil.copy(state_machine_definition.DEFINITION_FILE, target / "workflow")


def _empty(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
