"""Every figure of the dashboard is compared with a count of the rows and with the list that it links to."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.fakes import InMemoryArchiveIndex, InMemoryExecutionArchive, InMemoryHistorySource
from tests.web.serving import running, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.history.archiver import Archiver, archive_executions
from workflow.inspections.inspection import Inspection, InspectionState, Review
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline.start import new_inspection

TILE = re.compile(
    r'<li class="card"><a href="([^"]+)"><span class="figure">([^<]*)</span><span>([^<]*)</span>'
)
THRESHOLD = 0.985


def prediction(confidence: float, note: str = "") -> Prediction:
    return Prediction(
        verdict=Verdict.OK, label="ok", confidence=confidence, threshold=THRESHOLD, note=note, scores=()
    )


def add(world: World, number: int, state: InspectionState, **how: Any) -> Inspection:
    """Add a row as it is in some state; rows of the last day, and a few that are older than the period."""
    at = timestamps.add_seconds(timestamps.now(), -60 * number)
    image = Image("inbound", f"part-{number}.png", "v1")
    row = replace(new_inspection(image, f"{number:064x}-1", 1, at), claimed_at=at, state=state)
    if state is InspectionState.CLOSED:
        how = {"closed_at": timestamps.add_seconds(at, 5), "settled_at": timestamps.add_seconds(at, 4), **how}
    if state is InspectionState.WAITING:
        how = {"verdict": Verdict.UNCLEAR, "review": Review(opened_at=at, round=1, deadline=""), **how}
    world.pipeline.inspections.rows[row.id] = replace(row, **how)
    return world.row(row.id)


def archive(world: World) -> None:
    archive_executions(
        Archiver(
            inspections=world.pipeline.inspections,
            index=world.metrics,
            archive=InMemoryExecutionArchive(),
            history_source=InMemoryHistorySource(),
            failure_source=InMemoryHistorySource(),
        ),
        lambda: True,
    )


def fill(world: World) -> None:
    """Add inspections in every state: open, waiting, undone, held, rejected, withdrawn and revised ones."""
    closed, waiting = InspectionState.CLOSED, InspectionState.WAITING
    scores = [0.97 + number / 2000 for number in range(60)]
    review = Review(opened_at=timestamps.now(), round=1, deadline="")
    for number, score in enumerate(scores):
        asked = score < THRESHOLD
        if asked and number % 3 == 0:
            add(world, number, waiting, prediction=prediction(score), undone_ids=("undone",))
        else:
            verdict = Verdict.DEFECT if number % 4 == 0 else Verdict.OK
            opened = review if asked else None
            add(world, number, closed, verdict=verdict, prediction=prediction(score), review=opened)
    for number in range(60, 66):
        add(world, number, closed, verdict=Verdict.REJECTED, rejection={"code": "not-an-image"})
    add(world, 66, closed, settled_at="")  # Withdrawn.
    add(world, 67, InspectionState.INSPECTING)
    add(world, 68, waiting, prediction=prediction(0.9999, "the labels contradict"))
    add(world, 60 * 24 * 30, closed, verdict=Verdict.OK, prediction=prediction(0.99))  # Before the period.
    archive(world)
    for number in (50, 51, 52):  # Judged again by another model, after they were counted.
        row = next(
            row for row in world.pipeline.inspections.rows.values() if f"part-{number}." in row.image.key
        )
        closed_at = timestamps.now()
        world.pipeline.inspections.rows[row.id] = replace(
            row, revision=2, verdict=Verdict.DEFECT, prediction=prediction(0.9861), closed_at=closed_at
        )
    archive(world)


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[World, httpx2.Client]]:
    world = World.new()
    object.__setattr__(world, "metrics", InMemoryArchiveIndex(world.pipeline.inspections))
    fill(world)
    with running(world) as address, visitor(address, "eve", "engineer") as eve:
        yield world, eve


def period(world: World) -> list[Inspection]:
    since = timestamps.add_seconds(timestamps.now(), -7 * 86400)[:10]
    return [row for row in world.pipeline.inspections.rows.values() if row.claimed_at >= since]


def test_every_tile_equals_the_list_that_it_links_to(site: tuple[World, httpx2.Client]) -> None:
    world, eve = site
    tiles = {label: (link, figure) for link, figure, label in TILE.findall(eve.get("/dashboard?days=7").text)}
    rows = period(world)
    asked = [row for row in rows if row.review]
    judged = [row for row in rows if row.review or row.prediction]
    share = f"{100 * len(asked) / len(judged):.1f} %"
    expected = {
        "inspections closed": sum(row.state is InspectionState.CLOSED for row in rows),
        f"reviewer asked, of {len(judged)} judged, {share}": len(asked),
        "failed and open, of the last 30 days": 0,
    }
    waiting = next(label for label in tiles if label.startswith("waiting for review"))
    expected[waiting] = sum(row.state is InspectionState.WAITING for row in rows)

    for label, count in expected.items():
        link, figure = tiles[label]
        listed = eve.get(html.unescape(link).replace("/executions?", "/executions.json?")).text
        assert (int(figure), len(json.loads(listed))) == (count, count), label


def test_verdicts_add_up_to_the_closed_inspections_and_equal_their_lists(
    site: tuple[World, httpx2.Client],
) -> None:
    world, eve = site
    text = eve.get("/dashboard?days=7").text
    closed = [row for row in period(world) if row.state is InspectionState.CLOSED]
    for verdict in (Verdict.OK, Verdict.DEFECT, Verdict.REJECTED):
        count = sum(row.verdict is verdict for row in closed)
        assert f"{count} {verdict}" in " ".join(text.split())
        (link,) = set(re.findall(rf'href="/executions(\?status=closed&amp;verdict={verdict}&[^"]+)"', text))
        assert len(json.loads(eve.get(f"/executions.json{html.unescape(link)}").text)) == count
    assert "1 withdrawn" in " ".join(text.split())


@pytest.mark.parametrize("threshold", ["0.985", "0.9851", "0.9862", "0.99", "0.98", "0.972", "1", "0"])
def test_the_replay_equals_a_count_of_the_rows(site: tuple[World, httpx2.Client], threshold: str) -> None:
    world, eve = site
    text = eve.get(f"/dashboard?days=7&at={threshold}").text
    predictions = [row.prediction for row in period(world) if row.prediction and not row.prediction.note]
    before = sum(answer.confidence < answer.threshold for answer in predictions)
    after = sum(answer.confidence < float(threshold) for answer in predictions)

    shown = " ".join(re.sub("<[^>]+>", " ", text[text.index("<output>") : text.index("</output>")]).split())
    assert shown == f"at {threshold}: {after - before:+d} reviews"
    assert f'value="{threshold}"' in text
    assert 'step="any"' in text
