import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

import pytest

from cli.context import open_environment
from cli.sample_model import train_and_promote_sample_model
from cli.verify import check_consistency
from local.environment import LocalEnvironment
from local.ports import Ports
from local.sample_parts import generate_parts
from local.settings import find_running_environment
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.errors import ConfigurationError, PartcheckError
from workflow.inspections.inspection import InspectionState

TIMEOUT_SECONDS = 300

pytestmark = pytest.mark.xdist_group("lifecycle")

SCRIPT = """
import sys
from contextlib import suppress
from local.environment import LocalEnvironment
from local.ports import Ports

def report(message):
    print(message, flush=True)

with LocalEnvironment(sys.argv[1], Ports.from_base(int(sys.argv[2])), report) as environment:
    with suppress(KeyboardInterrupt):
        print("up", flush=True)
        environment.wait()
print("stopped", flush=True)
"""


def service_processes(state_dir: Path) -> dict[int, str]:
    """Return the pids and commands of an environment's processes, which share a temporary directory."""
    processes = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={state_dir / 'tmp'}".encode() in (process / "environ").read_bytes().split(b"\0"):
                processes[int(process.name)] = (
                    (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                )
        except OSError:
            continue
    return processes


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class EnvironmentProcess:
    """A local environment in its own process."""

    def __init__(self, state_dir: Path, ports: Ports) -> None:
        command = [sys.executable, "-c", SCRIPT, str(state_dir), str(ports.aws)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, beginning: str) -> None:
        assert self.process.stdout
        for output in self.process.stdout:
            if output.startswith(beginning):
                return
        raise AssertionError(f"the environment ended before it printed {beginning!r}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return (tmp_path / "state").resolve()


@pytest.fixture(scope="module")
def shared_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """Run one environment for the tests that leave it intact."""
    with LocalEnvironment(tmp_path_factory.mktemp("shared").resolve(), Ports.find_free()) as environment:
        yield environment


@pytest.fixture
def parent(state_dir: Path) -> Iterator[EnvironmentProcess]:
    parent = EnvironmentProcess(state_dir, Ports.find_free())
    yield parent
    parent.close()
    assert becomes_true(lambda: not service_processes(state_dir))


def test_a_restart_on_other_ports_restores_all_state(state_dir: Path) -> None:
    with LocalEnvironment(state_dir, Ports.find_free()) as environment:
        s3, sqs = client("s3"), client("sqs")
        s3.put_object(Bucket=environment.outputs.filed_bucket, Key="ok/part.jpg", Body=b"first")
        version = s3.put_object(Bucket=environment.outputs.filed_bucket, Key="ok/part.jpg", Body=b"second")[
            "VersionId"
        ]
        s3.put_object(Bucket=environment.outputs.filed_bucket, Key="ok/part.jpg", Body=b"third")
        row = {"id": {"S": "1"}, "state": {"S": "waiting"}, "claimed_at": {"S": "2025"}}
        client("dynamodb").put_item(
            TableName="partcheck-task-tokens", Item={"inspection_id": {"S": "1"}} | row
        )
        sqs.send_message(QueueUrl=environment.outputs.verdict_queue_url, MessageBody="saved")
        arn = train_and_promote_sample_model(
            open_environment(environment.outputs, environment.sdk_environment),
            generate_parts(16, seed=1),
            "first",
        )
        assert environment.current_model_arn() == arn
        s3.put_object(Bucket=environment.outputs.inbound_bucket, Key="notes.jpg", Body=b"no photo")
        inspections = DynamoInspectionRepository(environment.outputs.inspections_table)
        assert becomes_true(lambda: any(inspections.list_by_state(InspectionState.CLOSED)))

    with LocalEnvironment(state_dir, Ports.find_free()) as environment:
        s3, sqs = client("s3"), client("sqs")
        stored = s3.get_object(Bucket=environment.outputs.filed_bucket, Key="ok/part.jpg", VersionId=version)
        assert stored["Body"].read() == b"second"
        response = client("dynamodb").get_item(
            TableName="partcheck-task-tokens", Key={"inspection_id": {"S": "1"}}
        )
        assert response["Item"]["state"] == {"S": "waiting"}
        messages = sqs.receive_message(QueueUrl=environment.outputs.verdict_queue_url).get("Messages", [])
        assert "saved" in [message["Body"] for message in messages]
        assert s3.list_objects_v2(Bucket=environment.outputs.history_bucket)["KeyCount"] == 1
        assert environment.current_model_arn() == arn
        photo = next(generate_parts(1, seed=2)).content
        response = client("rekognition").detect_custom_labels(
            ProjectVersionArn=arn, Image={"Bytes": photo}, MinConfidence=0
        )
        assert {label["Name"] for label in response["CustomLabels"]} == {"ok", "defect"}

    assert service_processes(state_dir) == {}
    assert not (state_dir / "tmp").exists()


def test_services_listen_on_the_loopback_address_only(shared_environment: LocalEnvironment) -> None:
    pids = service_processes(shared_environment.state_dir)

    assert len(pids) >= 4
    assert listening_addresses(pids) == {f"127.0.0.1:{port}" for port in astuple(shared_environment.ports)}


def listening_addresses(pids: dict[int, str]) -> set[str]:
    """Return the addresses at which processes listen, from the kernel's tables."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").rstrip("]"))
            except OSError:
                continue
    addresses = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                octets = ".".join(str(octet) for octet in reversed(bytes.fromhex(address)))
                addresses.add(f"{octets}:{int(port, 16)}")
    return addresses


def test_a_second_environment_is_refused_and_leaves_the_first_intact(
    shared_environment: LocalEnvironment, tmp_path: Path
) -> None:
    for state_dir, ports in (
        (shared_environment.state_dir, Ports.find_free()),
        (tmp_path / "other", shared_environment.ports),
    ):
        with pytest.raises(
            ConfigurationError,
            match=f"already runs on ports {shared_environment.ports} .process {os.getpid()}",
        ):
            LocalEnvironment(state_dir, ports).__enter__()
    shared_environment.raise_if_failed()
    client("s3").list_buckets()


def test_every_killed_service_is_started_again_and_work_goes_on(state_dir: Path) -> None:
    messages: list[str] = []
    with LocalEnvironment(state_dir, Ports.find_free(), messages.append) as environment:
        inspections = DynamoInspectionRepository(environment.outputs.inspections_table)
        for name in ("step-functions", "custom-labels", "review-app", "aws"):
            upload_and_kill(environment, name)
            assert becomes_true(
                lambda name=name: any(f"The {name} process ended (SIGKILL)" in text for text in messages)
            )
            closed = len(list(inspections.list_by_state(InspectionState.CLOSED)))
            client("s3").put_object(
                Bucket=environment.outputs.inbound_bucket, Key=f"after-{name}.jpg", Body=b"no photo"
            )
            assert becomes_true(
                lambda closed=closed: len(list(inspections.list_by_state(InspectionState.CLOSED))) > closed
            )
        assert len([text for text in messages if "was started again" in text]) == 4


def upload_and_kill(environment: LocalEnvironment, name: str) -> None:
    """Kill a service, and the workers' parent with its workers still running."""
    client("s3").put_object(
        Bucket=environment.outputs.inbound_bucket, Key=f"before-{name}.jpg", Body=b"no photo"
    )
    os.kill(environment.service(name).pid, signal.SIGKILL)


def test_photos_inspected_before_the_local_aws_is_killed_are_all_accounted_for(state_dir: Path) -> None:
    count = 12
    messages: list[str] = []
    with LocalEnvironment(state_dir, Ports.find_free(), messages.append) as environment:
        inspections = DynamoInspectionRepository(environment.outputs.inspections_table)
        for number in range(count):
            client("s3").put_object(
                Bucket=environment.outputs.inbound_bucket,
                Key=f"{number}.jpg",
                Body=f"no photo {number}".encode(),
            )
        assert becomes_true(lambda: len(list(inspections.list_by_state(InspectionState.CLOSED))) == count)

        os.kill(environment.service("aws").pid, signal.SIGKILL)

        assert becomes_true(lambda: any("The aws process ended" in text for text in messages))
        report = check_consistency(open_environment(environment.outputs, environment.sdk_environment))
        assert (report.is_clean, report.balance.uploads, report.balance.rejected) == (True, count, count)
        rows = {row.id: row for row in inspections.list_by_state(InspectionState.CLOSED)}
        announced = receive_all(environment.outputs.verdict_queue_url)
        assert {json.loads(body)["inspection_id"]: body for body in announced} == {
            row.id: row.announcement for row in rows.values()
        }


def receive_all(queue: str) -> list[str]:
    bodies: list[str] = []
    while received := client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in received]
    return bodies


def test_a_killed_environment_leaves_no_process_and_loses_nothing(
    state_dir: Path, parent: EnvironmentProcess
) -> None:
    parent.wait_for("up")
    running = find_running_environment(state_dir)
    assert running is not None
    assert running.pid == parent.process.pid
    assert len(service_processes(state_dir)) >= 3

    parent.process.kill()
    parent.process.wait()

    assert becomes_true(lambda: not service_processes(state_dir))
    assert find_running_environment(state_dir) is None
    assert (state_dir / "aws" / "sqs.json").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
def test_a_signal_stops_the_environment_cleanly(
    number: signal.Signals, state_dir: Path, parent: EnvironmentProcess
) -> None:
    parent.wait_for("up")

    parent.process.send_signal(number)

    parent.wait_for("stopped")
    assert parent.process.wait(TIMEOUT_SECONDS) == 0
    assert service_processes(state_dir) == {}
    assert not (state_dir / "environment.json").exists()


@pytest.mark.parametrize("moment", ["Starting", "Creating"])
def test_ctrl_c_during_the_start_leaves_nothing_behind(
    moment: str, state_dir: Path, parent: EnvironmentProcess
) -> None:
    parent.wait_for(moment)

    parent.process.send_signal(signal.SIGINT)

    assert parent.process.wait(TIMEOUT_SECONDS) != 0
    assert service_processes(state_dir) == {}
    assert not (state_dir / "environment.json").exists()


def test_a_service_that_keeps_dying_ends_the_environment_with_its_log(state_dir: Path) -> None:
    def run_until_failure() -> None:
        with (
            LocalEnvironment(state_dir, Ports.find_free()) as environment,
            ThreadPoolExecutor(1) as pool,
        ):
            pool.submit(keep_killing, environment, "custom-labels")
            environment.wait()

    with pytest.raises(PartcheckError, match=r"custom-labels process exited .*custom-labels\.log"):
        run_until_failure()


def keep_killing(environment: LocalEnvironment, name: str) -> None:
    while not environment.has_failed:
        with suppress(ProcessLookupError):
            os.kill(environment.service(name).pid, signal.SIGKILL)
        time.sleep(0.05)


def test_a_state_directory_of_an_older_version_is_refused_before_anything_starts(
    state_dir: Path,
) -> None:
    (state_dir / "aws").mkdir(parents=True)
    (state_dir / "lock").touch()

    with pytest.raises(ConfigurationError, match=r"Another version of partcheck wrote .*format 1"):
        LocalEnvironment(state_dir, Ports.find_free()).__enter__()

    assert not (state_dir / "logs").exists()
