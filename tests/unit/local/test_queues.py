from pathlib import Path

from local.ports import Ports
from local.queues import readdress

KEPT = '{"\\u0000\'http://localhost:%d/000000000000/partcheck-intake\'": {"messages": []}}'


def kept_queues(home: Path, port: int) -> Path:
    file = home / "aws" / "sqs.json"
    file.parent.mkdir()
    file.write_text(KEPT % port)
    return file


def test_kept_queues_move_to_the_new_port(tmp_path: Path) -> None:
    file = kept_queues(tmp_path, 4566)

    readdress(tmp_path, Ports.at(15_000))

    assert file.read_text() == KEPT % 15_000
    assert list(file.parent.iterdir()) == [file]


def test_queues_on_the_same_port_are_left_alone(tmp_path: Path) -> None:
    file = kept_queues(tmp_path, 4566)
    before = file.stat().st_ino

    readdress(tmp_path, Ports.at(4566))

    assert file.stat().st_ino == before


def test_a_first_start_has_no_queues_to_move(tmp_path: Path) -> None:
    readdress(tmp_path, Ports.at(4566))

    assert list(tmp_path.iterdir()) == []
