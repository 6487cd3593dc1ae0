"""The cameras page: what an engineer sees of each camera, and that reviewers do not see it."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.web.sample_cameras import add_cameras
from tests.web.serving import running, visitor
from tests.web.world import World


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[World, str]]:
    world = World.new()
    add_cameras(world)
    with running(world) as address:
        yield world, address


def test_an_engineer_sees_light_alarms_and_master_parts(site: tuple[World, str]) -> None:
    with visitor(site[1], "eve", "engineer") as eve:
        text = " ".join(eve.get("/cameras").text.split())

    assert "&lt;line 1&gt;" in text
    assert "frozen camera" in text
    assert "brightness of the last 20 photos, mean 109.5" in text
    assert "learned 92.0 to 140.0" in text
    assert "learned range unknown" in text
    assert "1 of 20" in text
    assert "learning: 0 of 200 confirmed photos" in text
    assert "no master parts" in text
    assert "master part good is overdue: it was never judged" in text
    assert "rule off: no noise" in text


def test_the_menu_shows_the_page_to_engineers_only(site: tuple[World, str]) -> None:
    with visitor(site[1], "eve", "engineer") as eve, visitor(site[1], "ann") as ann:
        assert 'href="/cameras"' in eve.get("/review").text
        assert 'href="/cameras"' not in ann.get("/review").text
        assert ann.get("/cameras").status_code == 403


def test_without_a_camera_the_page_says_so() -> None:
    with running(World.new()) as address, visitor(address, "eve", "engineer") as eve:
        response: httpx2.Response = eve.get("/cameras")

    assert "No camera has taken a photo yet." in response.text
