import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import pytest

from local.line import Line
from local.ports import Ports
from local.sample_parts import sample_parts
from local.settings import running_line
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.errors import ConfigurationError, PartcheckError
from workflow.inspections.inspection import State

PATIENCE = 90

pytestmark = pytest.mark.xdist_group("lifecycle")

UP = """
import sys
from contextlib import suppress
from local.line import Line
from local.ports import Ports

with Line(sys.argv[1], Ports.at(int(sys.argv[2])), lambda said: print(said, flush=True)) as line:
    with suppress(KeyboardInterrupt):
        print("up", flush=True)
        line.wait()
print("stopped", flush=True)
"""


def children(home: Path) -> dict[int, str]:
    """The services and functions of a line, known by the directory for their temporary files."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={home / 'tmp'}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class Parent:
    """A line in a process of its own."""

    def __init__(self, home: Path, ports: Ports) -> None:
        command = [sys.executable, "-c", UP, str(home), str(ports.aws)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, beginning: str) -> None:
        assert self.process.stdout
        for said in self.process.stdout:
            if said.startswith(beginning):
                return
        raise AssertionError(f"the line ended before it said {beginning!r}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return (tmp_path / "home").resolve()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One line for the tests that leave it as whole as they found it."""
    with Line(tmp_path_factory.mktemp("whole").resolve(), Ports.free()) as line:
        yield line


@pytest.fixture
def parent(home: Path) -> Iterator[Parent]:
    parent = Parent(home, Ports.free())
    yield parent
    parent.close()
    assert eventually(lambda: not children(home))


def test_a_stop_and_a_start_on_other_ports_bring_everything_back(home: Path) -> None:
    with Line(home, Ports.free()) as line:
        s3, sqs = client("s3"), client("sqs")
        s3.put_object(Bucket=line.site.filed_bucket, Key="ok/part.jpg", Body=b"first")
        version = s3.put_object(Bucket=line.site.filed_bucket, Key="ok/part.jpg", Body=b"second")["VersionId"]
        s3.put_object(Bucket=line.site.filed_bucket, Key="ok/part.jpg", Body=b"third")
        row = {"id": {"S": "1"}, "state": {"S": "waiting"}, "claimed_at": {"S": "2025"}}
        client("dynamodb").put_item(TableName="partcheck-tokens", Item={"inspection_id": {"S": "1"}} | row)
        sqs.send_message(QueueUrl=line.site.verdict_queue_url, MessageBody="kept")
        arn = line.train(sample_parts(16, seed=1), "first")
        assert line.model_arn() == arn
        s3.put_object(Bucket=line.site.inbound_bucket, Key="notes.jpg", Body=b"no photo")
        ledger = DynamoLedger(line.site.ledger_table)
        assert eventually(lambda: any(ledger.in_state(State.CLOSED)))

    with Line(home, Ports.free()) as line:
        s3, sqs = client("s3"), client("sqs")
        kept = s3.get_object(Bucket=line.site.filed_bucket, Key="ok/part.jpg", VersionId=version)
        assert kept["Body"].read() == b"second"
        found = client("dynamodb").get_item(TableName="partcheck-tokens", Key={"inspection_id": {"S": "1"}})
        assert found["Item"]["state"] == {"S": "waiting"}
        messages = sqs.receive_message(QueueUrl=line.site.verdict_queue_url).get("Messages", [])
        assert "kept" in [message["Body"] for message in messages]
        assert s3.list_objects_v2(Bucket=line.site.history_bucket)["KeyCount"] == 1
        assert line.model_arn() == arn
        photo = next(sample_parts(1, seed=2)).content
        answer = client("rekognition").detect_custom_labels(
            ProjectVersionArn=arn, Image={"Bytes": photo}, MinConfidence=0
        )
        assert {label["Name"] for label in answer["CustomLabels"]} == {"ok", "defect"}

    assert children(home) == {}
    assert not (home / "tmp").exists()


def test_only_this_machine_can_reach_the_services(whole: Line) -> None:
    pids = children(whole.home)

    assert len(pids) >= 4
    assert listening(pids) == {f"127.0.0.1:{port}" for port in astuple(whole.ports)}


def listening(pids: dict[int, str]) -> set[str]:
    """The addresses at which processes accept connections, from the kernel's own tables."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").rstrip("]"))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            facts = row.split()
            if facts[3] == "0A" and facts[9] in inodes:
                address, port = facts[1].split(":")
                octets = ".".join(str(octet) for octet in reversed(bytes.fromhex(address)))
                found.add(f"{octets}:{int(port, 16)}")
    return found


def test_a_second_line_is_refused_and_leaves_the_first_alone(whole: Line, tmp_path: Path) -> None:
    for home, ports in ((whole.home, Ports.free()), (tmp_path / "other", whole.ports)):
        with pytest.raises(
            ConfigurationError, match=f"already runs on ports {whole.ports} .process {os.getpid()}"
        ):
            Line(home, ports).__enter__()
    whole.check()
    client("s3").list_buckets()


def test_services_that_die_are_started_again_and_executions_go_on(whole: Line) -> None:
    for name in ("step-functions", "custom-labels", "review-app"):
        os.kill(whole.child(name).pid, signal.SIGKILL)
        assert eventually(lambda name=name: whole.child(name).ended)
        whole.mend()
    for name in ("step-functions", "custom-labels", "review-app"):
        whole.child(name).wait_until_ready()
    client("s3").put_object(Bucket=whole.site.inbound_bucket, Key="after.jpg", Body=b"no photo")
    ledger = DynamoLedger(whole.site.ledger_table)
    assert eventually(lambda: any(ledger.in_state(State.CLOSED)))
    whole.check()


def test_a_killed_line_leaves_no_process_and_no_loss(home: Path, parent: Parent) -> None:
    parent.wait_for("up")
    running = running_line(home)
    assert running is not None
    assert running.pid == parent.process.pid
    assert len(children(home)) >= 3

    parent.process.kill()
    parent.process.wait()

    assert eventually(lambda: not children(home))
    assert running_line(home) is None
    assert (home / "aws" / "sqs.json").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
def test_a_signal_stops_the_line_cleanly(number: signal.Signals, home: Path, parent: Parent) -> None:
    parent.wait_for("up")

    parent.process.send_signal(number)

    parent.wait_for("stopped")
    assert parent.process.wait(PATIENCE) == 0
    assert children(home) == {}
    assert not (home / "line.json").exists()


@pytest.mark.parametrize("moment", ["Starting", "Creating"])
def test_ctrl_c_during_the_start_leaves_nothing_behind(moment: str, home: Path, parent: Parent) -> None:
    parent.wait_for(moment)

    parent.process.send_signal(signal.SIGINT)

    assert parent.process.wait(PATIENCE) != 0
    assert children(home) == {}
    assert not (home / "line.json").exists()


def test_an_aws_that_dies_ends_the_wait_and_its_log_is_named(home: Path) -> None:
    with Line(home, Ports.free()) as line:
        os.kill(line.child("aws").pid, signal.SIGKILL)

        with pytest.raises(PartcheckError, match=r"aws process ended .*aws\.log"):
            line.wait()
