from pathlib import Path

from local.ports import Ports
from local.queues import update_saved_queue_urls

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
