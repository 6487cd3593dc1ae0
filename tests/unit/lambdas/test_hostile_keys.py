"""Any key passes the whole pipeline unchanged and causes no harm."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas import claim_upload
from tests import hostile_keys
from tests.hostile_keys import DOCUMENT, HostileKey
from tests.proof.simulation import TRAINING, Simulation
from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import FILED, INBOUND
from workflow.csv_export import iter_csv_lines
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.filing import MAX_NAME_BYTES

CORPUS = hostile_keys.corpus()
every_key = pytest.mark.parametrize("case", CORPUS, ids=[ascii(case.about) for case in CORPUS])


def inspect_upload(key: str) -> tuple[Simulation, Image]:
    """Upload a text under a key and run the pipeline with its real adapters, without faults."""
    world = Simulation(seed=1, fault_probability=0)
    world.faults.disabled = True
    stored = world.s3.put_object(INBOUND, key, key.encode())
    image = Image(INBOUND, key, stored["VersionId"])
    detail = {"bucket": {"name": INBOUND}, "object": {"key": key, "version-id": image.version_id}}
    with world.simulated_runtime():
        world.intake.send(json.dumps({"time": "2026-01-01T00:00:00Z", "detail": detail}))
        world.run_until(600)
    return world, image


@every_key
def test_a_key_is_the_same_in_row_execution_and_message(case: HostileKey) -> None:
    world, image = inspect_upload(case.key)

    row = world.inspections.get(inspection_id(image))
    assert row is not None
    assert (row.image, row.state) == (image, InspectionState.CLOSED)
    (execution,) = world.step_functions.executions.values()
    assert json.loads(execution.input)["image"]["key"] == case.key
    (body,) = world.announcements
    assert body.isascii()
    assert body.isprintable()
    assert json.loads(body)["image"]["key"] == case.key


@every_key
def test_the_bytes_are_filed_below_their_verdict_and_nowhere_else(case: HostileKey) -> None:
    world, image = inspect_upload(case.key)

    (filed,) = (version for version in world.s3.contents() if version.bucket != TRAINING)
    verdict, inspection, name = filed.key.split("/", 2)
    assert (filed.bucket, filed.content) == (FILED, case.key.encode())
    assert (verdict, inspection) == ("rejected", inspection_id(image)[:16])
    assert "/" not in name
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert len(filed.key.encode()) <= hostile_keys.MAX_KEY_BYTES


def test_no_two_keys_are_one_photo() -> None:
    assert len({inspection_id(Image(INBOUND, case.key, "v1")) for case in CORPUS}) == len(CORPUS)


@every_key
def test_commands_print_the_key_itself_as_json_and_nothing_dangerous_in_a_table(case: HostileKey) -> None:
    command_line = CommandLine()
    command_line.pipeline.inspected(command_line.pipeline.upload(key=case.key))

    (printed,) = command_line.run("execution", "list", "--json").stdout.splitlines()
    shown = json.loads(command_line.run("execution", "show", f"s3://{INBOUND}/{case.key}", "--json").stdout)
    lines = command_line.run("execution", "list").stdout.splitlines()

    assert json.loads(printed)["key"] == case.key
    assert shown["inspection"]["key"] == case.key
    assert len(lines) == 2, "one photo, one line"
    assert all(line.isprintable() for line in lines)


@every_key
def test_a_spreadsheet_shows_the_key_and_runs_nothing(case: HostileKey) -> None:
    (line,) = iter_csv_lines([(case.key, "after")], bom=False)

    ((cell, after),) = csv.reader(io.StringIO(line, newline=""), strict=True)
    assert cell in (case.key, f"'{case.key}")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert after == "after"


@every_key
def test_a_log_entry_stays_one_line(case: HostileKey, context: Any, log: Callable[[], list[Any]]) -> None:
    command_line = CommandLine()
    image = command_line.pipeline.upload(b"no photo", key=case.key)
    name = command_line.pipeline.start(image)
    event = {"upload": {**_document(image), "execution": name}, "execution": name}

    claim_upload.handler(
        event, context, inspections=command_line.pipeline.inspections, objects=command_line.pipeline.objects
    )

    (entry,) = (one for one in log() if one.get("message") == "claimed")
    assert entry["key"] == case.key


def _document(image: Image) -> dict[str, Any]:
    where = {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}
    return {
        "inspection_id": inspection_id(image),
        "image": where,
        "uploaded_at": "2026-01-01T00:00:00Z",
        "attempt": 1,
    }


def test_the_documentation_shows_these_keys() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert hostile_keys.update_table(text) == text, "renew it: python -m tests.hostile_keys"
