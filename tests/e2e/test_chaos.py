"""A short storm and a small burst on the real composition; benchmarks/chaos.py and burst.py do it longer."""

from collections.abc import Iterator

import pytest

from benchmarks.burst import burst
from benchmarks.chaos import reckoning, recover, torment
from benchmarks.traffic import Traffic
from local.line import Line
from local.ports import Ports
from local.sample_parts import sample_parts

pytestmark = [pytest.mark.xdist_group("storm"), pytest.mark.timeout(900)]

PATIENCE = 600  # On a machine of its own it takes seconds; what counts here is that it comes to rest.


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Line(tmp_path_factory.mktemp("storm"), Ports.free()) as line:
        line.train(sample_parts(60, seed=1000))
        yield line


def test_whatever_is_killed_or_paused_the_books_balance_and_every_photo_is_told_once(line: Line) -> None:
    traffic = Traffic(line.site)

    chaos = torment(line, traffic, seed=5, minutes=0.3, photos=24, kills=8)
    recover(line, traffic, chaos, PATIENCE)
    traffic.stop()
    told = reckoning(traffic, chaos)

    assert told["wrong"] == []
    assert told["clean"], told
    assert told["kills"]


def test_a_burst_is_worked_off_and_leaves_nothing_behind(line: Line) -> None:
    told = burst(line, uploads=40, seed=5, patience=PATIENCE)

    assert told["wrong"] == []
    assert told["clean"], told
    assert told["photos"] == 40
