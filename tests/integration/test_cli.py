"""The command line against a real environment: inspect, show, decide, verify."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.context import open_environment
from cli.main import main
from cli.sample_model import train_and_promote_sample_model
from local.environment import LocalEnvironment
from local.ports import Ports
from local.sample_parts import generate_parts

PARTCHECK = [sys.executable, "-m", "cli.main"]
ROOT = Path(__file__).parents[2]
PATIENCE = 120

Run = Callable[..., Result]


@pytest.fixture
def run(environment: LocalEnvironment) -> Run:
    """`partcheck` beside the environment of this process."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            main,
            arguments,
            obj=lambda _home: open_environment(environment.outputs, environment.sdk_environment),
        )

    return run


@pytest.fixture
def photos(environment: LocalEnvironment, tmp_path: Path) -> Path:
    """New photos, and a model to judge them."""
    if environment.current_model_arn() is None:
        train_and_promote_sample_model(
            open_environment(environment.outputs, environment.sdk_environment), generate_parts(60, seed=1)
        )
    folder = tmp_path / "new parts"
    folder.mkdir()
    for part in generate_parts(3, seed=2):
        (folder / part.name).write_bytes(part.content)
    (folder / "weiß +%2F 'ß' 🔩.jpg").write_bytes(b"not a photo")
    return folder


def await_fact(run: Run, image: str, wanted: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        told: dict[str, object] = json.loads(run("execution", "show", image, "--json").stdout)
        if wanted(told):
            return told
        time.sleep(0.5)
    raise AssertionError(f"{image} is still {told['inspection']}")


def test_photos_are_inspected_shown_and_accounted_for(run: Run, photos: Path) -> None:
    result = run("inspect", "--json", "--timeout", str(PATIENCE), str(photos))

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1, "one of the files is no photo"
    assert [one["verdict"] for one in told].count("rejected") == 1
    assert {one["verdict"] for one in told} <= {"ok", "defect", "unclear", "rejected"}
    rejected = next(one for one in told if one["verdict"] == "rejected")
    assert rejected["key"] == "new parts/weiß +%2F 'ß' 🔩.jpg"

    shown = await_fact(run, rejected["id"], lambda told: told["execution"]["status"] == "SUCCEEDED")  # type: ignore[index]
    names = [step["name"] for step in shown["steps"]]  # type: ignore[attr-defined]
    assert names == [
        *(
            "Claim upload",
            "Is the upload readable?",
            "Move to rejected",
            "Announce verdict",
            "Close inspection",
        ),
    ]
    assert "Announce verdict  (task, succeeded)" in run("execution", "show", rejected["key"]).stdout
    assert rejected["id"][:12] in run("execution", "list").stdout
    verified = run("verify")
    assert verified.exit_code == 0, verified.output


def test_an_unclear_photo_is_decided_at_the_terminal(
    run: Run, environment: LocalEnvironment, photos: Path
) -> None:
    from workflow.aws.clients import client

    ssm = client("ssm")
    before = ssm.get_parameter(Name=environment.outputs.policy_parameter)["Parameter"]["Value"]
    document = json.loads(before)
    for rule in document["labels"].values():
        rule["threshold"] = 1.0
    ssm.put_parameter(
        Name=environment.outputs.policy_parameter, Value=json.dumps(document), Type="String", Overwrite=True
    )
    photo = sorted(photos.glob("*.jpeg"))[0]
    try:
        time.sleep(6)  # The functions remember the policy for five seconds.
        result = run("inspect", "--json", "--timeout", str(PATIENCE), str(photo))
    finally:
        ssm.put_parameter(
            Name=environment.outputs.policy_parameter, Value=before, Type="String", Overwrite=True
        )

    told = json.loads(result.stdout)
    assert (result.exit_code, told["verdict"]) == (0, "unclear")
    assert told["id"] in run("review", "list", "--json").stdout
    waiting = run("execution", "show", told["id"])
    assert "Ask a reviewer  (task, waiting for a reviewer since 20" in waiting.stdout
    assert "[task token]" in run("execution", "show", told["id"], "--full").stdout

    assert run("review", "decide", told["id"], "ok", "--reviewer", "ann").exit_code == 0
    undone = run("review", "undo", told["id"], "--reviewer", "ann")
    assert undone.exit_code == 0, undone.output
    decided = run("review", "decide", told["id"], "defect", "--reason", "a crack", "--reviewer", "ann")
    assert decided.exit_code == 0, decided.output

    filed = await_fact(run, told["id"], lambda told: told["inspection"]["state"] == "closed")  # type: ignore[index]
    assert filed["inspection"]["verdict"] == "defect"  # type: ignore[index]
    trail = [(entry["actor"], entry["action"]) for entry in filed["audit_trail"]]  # type: ignore[attr-defined]
    assert trail == [("ann", "decide"), ("ann", "undo"), ("ann", "decide")]
    assert told["id"] not in run("review", "list", "--json").stdout
    again = run("review", "decide", told["id"], "ok")
    assert again.exit_code == 1
    assert "ann decided defect" in again.stderr
    corrected = run("review", "override", told["id"], "ok", "--reason", "a reflection", "--reviewer", "eve")
    assert corrected.exit_code == 0, corrected.output
    revised = await_fact(
        run,
        told["id"],
        lambda told: (told["inspection"]["revision"], told["inspection"]["state"]) == (2, "closed"),  # type: ignore[index]
    )
    assert revised["inspection"]["verdict"] == "ok"  # type: ignore[index]
    assert revised["inspection"]["location"]["key"].startswith(f"ok/{told['id'][:16]}-2/")  # type: ignore[index]
    assert run("verify").exit_code == 0


def test_another_process_finds_the_line_by_its_directory(environment: LocalEnvironment) -> None:
    done = subprocess.run(
        [*PARTCHECK, "--state-dir", str(environment.state_dir), "execution", "list", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 0, done.stderr
    for text in done.stdout.splitlines():
        assert json.loads(text)["id"]


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The variables of a process with a state directory of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "PARTCHECK_STATE_DIR": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}


def test_up_stays_until_it_is_told_to_stop(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    port = str(Ports.find_free().aws)
    with subprocess.Popen(
        [*PARTCHECK, "--port", port, "up"],
        cwd=tmp_path,
        env=elsewhere,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stderr is not None
        assert up.stdout is not None
        told = ""
        while "The environment is running" not in told and up.poll() is None:
            told += up.stderr.readline()
        second = subprocess.run(
            [*PARTCHECK, "--port", port, "up"],
            env=elsewhere,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        up.send_signal(signal.SIGINT)
        out, rest = up.communicate(timeout=PATIENCE)

    assert up.returncode == 0, told + rest
    assert "No model is trained yet" in out
    assert "model train FOLDER" in out
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}" in out
    assert second.returncode == 2
    assert second.stderr.startswith("Error: An environment already runs")
    assert second.stderr.count("\n") == 1
