import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import queues
from local.ports import Ports
from local.queues import update_saved_queue_urls
from local.resources import INBOUND_BUCKET
from tests.fakes import InMemoryObjectStore
from workflow.pipeline.start import iter_uploaded_versions

SAVED = '{"\\u0000\'http://localhost:%d/000000000000/partcheck-intake\'": {"messages": []}}'


def saved_queues(state_dir: Path, port: int) -> Path:
    file = state_dir / "aws" / "sqs.json"
    file.parent.mkdir()
    file.write_text(SAVED % port)
    return file


def test_saved_queues_get_the_new_port(tmp_path: Path) -> None:
    file = saved_queues(tmp_path, 4566)

    update_saved_queue_urls(tmp_path, Ports.from_base(15_000))

    assert file.read_text() == SAVED % 15_000
    assert list(file.parent.iterdir()) == [file]


def test_saved_queues_on_the_same_port_are_left_unchanged(tmp_path: Path) -> None:
    file = saved_queues(tmp_path, 4566)
    before = file.stat().st_ino

    update_saved_queue_urls(tmp_path, Ports.from_base(4566))

    assert file.stat().st_ino == before


def test_a_first_start_has_no_saved_queues(tmp_path: Path) -> None:
    update_saved_queue_urls(tmp_path, Ports.from_base(4566))

    assert list(tmp_path.iterdir()) == []


def test_the_events_of_all_waiting_uploads_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, batches = InMemoryObjectStore(), list[list[Any]]()
    images = [objects.upload(INBOUND_BUCKET, f"{number:02}.png", b"") for number in range(12)]
    objects.upload(INBOUND_BUCKET, "unfinished.part", b"")
    sqs = SimpleNamespace(
        get_queue_url=lambda **_: {"QueueUrl": "intake"},
        send_message_batch=lambda **call: batches.append(call["Entries"]),
    )
    monkeypatch.setattr(queues, "client", lambda _: sqs)
    monkeypatch.setattr(queues, "S3ObjectStore", lambda: objects)

    queues.send_upload_events()

    assert [len(batch) for batch in batches] == [10, 2]
    events = [json.loads(entry["MessageBody"]) for batch in batches for entry in batch]
    found = [version for event in events for version in iter_uploaded_versions(event, objects)]
    assert found == [(image, objects.uploaded_at[image]) for image in images]
