"""The wheel in a virtual environment of its own: the commands work without the repository."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from infra import bundle
from local.ports import Ports

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 480

pytestmark = [pytest.mark.xdist_group("installed"), pytest.mark.timeout(3 * TIMEOUT_SECONDS)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it. The packages that it needs come from this environment."""
    directory = tmp_path_factory.mktemp("installed")
    environment = directory / "venv"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", ".", str(ROOT)], directory)
    [wheel] = directory.glob("*.whl")
    venv.create(environment, symlinks=True)
    interpreter = str(environment / "bin" / "python")
    run([*pip, "--python", interpreter, "install", "--no-deps", "--no-index", str(wheel)], directory)
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    (Path(packages) / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment / "bin"


def run(command: list[str], directory: Path, **variables: str) -> str:
    """Run a command in another directory, without variables that lead to the repository or to AWS."""
    foreign = ("AWS_", "PYTHON", "PARTCHECK_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        command,
        cwd=directory,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_installed_command_reads_its_own_files(programs: Path, tmp_path: Path) -> None:
    code = (
        "import cli; from infra.app import CDK_JSON; from infra.pinned_packages import LOCK; "
        "from workflow.state_machine_definition import DEFINITION_FILE; "
        "print(cli.__file__, CDK_JSON, LOCK, DEFINITION_FILE, sep='\\n')"
    )

    files = run([str(programs / "python"), "-c", code], tmp_path).splitlines()

    assert all(Path(file).is_relative_to(programs.parent) and Path(file).exists() for file in files)


def test_the_demo_ends_with_verdicts_and_leaves_nothing_running(programs: Path, tmp_path: Path) -> None:
    state, port = tmp_path / "home", str(Ports.find_free().aws)
    partcheck = [str(programs / "partcheck"), "--state-dir", str(state), "--port", port]

    printed = run([*partcheck, "demo", "--train", "40", "--photos", "4"], tmp_path)

    assert printed.splitlines()[0].split()[:2] == ["photo", "verdict"]
    assert "8 photos: " in printed
    assert "4 photos show a fault of the camera. The photo guard stopped 4." in printed
    assert "right about" in printed
    assert not (state / "demo" / "environment.json").exists()
    assert len(list((state / "demo" / "new-photos").iterdir())) == 4 + 4  # and four camera faults
    up, *others = [
        line.strip() for line in printed.splitlines() if line.startswith("  ") and " --state-dir " in line
    ]
    assert up.endswith(" up")
    assert len(others) == 2
    answers = [run(["sh", "-c", command], tmp_path) for command in others]
    assert "Every photo is accounted for." in answers[-1]


def test_synthesis_bundles_the_same_files_as_in_the_repository(programs: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    settings = ["-c", "domain=review.example.com", "-c", "hosted_zone_id=Z1"]

    run(
        [str(programs / "python"), "-m", "infra.app", *settings],
        tmp_path,
        CDK_OUTDIR=str(tmp_path / "out"),
        XDG_CACHE_HOME=str(cache),
    )

    template = json.loads((tmp_path / "out" / "Partcheck.template.json").read_text(encoding="utf-8"))
    assert "AWS::StepFunctions::StateMachine" in {row["Type"] for row in template["Resources"].values()}
    bundle.build_bundles(with_packages=False, build=tmp_path / "expected")
    assert read_files(cache / "partcheck") == read_files(tmp_path / "expected")


def read_files(directory: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
