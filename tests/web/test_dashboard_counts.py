"""Every figure of the dashboard is compared with a count of the rows and with the list that it links to."""

import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from review_app.dashboard.dashboard_view import build_dashboard
from tests.fakes import InMemoryArchiveIndex, InMemoryExecutionArchive, InMemoryHistorySource
from tests.web.serving import running, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.history.archiver import Archiver, archive_executions
from workflow.history.metrics import FailedExecution
from workflow.inspections.inspection import Decision, Inspection, InspectionState, Review, SecondReview
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


def second_review_of(number: int, first: Verdict) -> SecondReview:
    """Return a second review, of which every third differs from the first answer."""
    other = Verdict.OK if first is Verdict.DEFECT else Verdict.DEFECT
    return SecondReview(
        id=f"s{number}",
        verdict=other if number % 3 == 0 else first,
        reviewer="dora",
        at=timestamps.add_seconds(timestamps.now(), -number),
        first_verdict=first,
        first_decided_by="model",
    )


def fail(world: World, number: int, state: str, error: str, attempt: int = 1) -> None:
    """Store a failed execution of an inspection of `fill`."""
    row = next(row for row in world.pipeline.inspections.rows.values() if f"part-{number}." in row.image.key)
    execution = f"{row.id}-{attempt}"
    world.metrics.add_failure(
        FailedExecution(
            execution=execution,
            at=timestamps.now(),
            status="FAILED",
            state=state,
            error=error,
            cause="",
        )
    )
    if row.state is InspectionState.INSPECTING:
        world.pipeline.inspections.rows[row.id] = replace(row, owner=execution)


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
            how: dict[str, Any] = {"verdict": verdict, "prediction": prediction(score)}
            if asked:
                reviewer = ("ann", "bob", "carl")[number % 5 // 2]
                at = timestamps.add_seconds(timestamps.now(), -number)
                decision = Decision(id=f"d{number}", verdict=verdict, reviewer=reviewer, decided_at=at)
                how |= {"review": review, "decision": decision}
            if number % 5 == 1:
                how["second_review"] = second_review_of(number, verdict)
            settled_at = timestamps.add_seconds(timestamps.now(), -60 * number + 3 * number**2)
            add(world, number, closed, settled_at=settled_at, **how)
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
    fail(world, 67, "Detect labels", "Throttling")
    for number, attempt in ((3, 1), (3, 2), (10, 1)):  # Two attempts at one inspection failed alike.
        fail(world, number, "Move to ok", "Conflict & more", attempt)
    fail(world, 10, "", "States.Timeout", 2)


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
        "failed and open, of the last 30 days": 1,
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
    judged = sum(row.verdict is not None for row in closed)
    assert f"Percentages are of the {judged} with a verdict" in " ".join(text.split())
    for verdict in (Verdict.OK, Verdict.DEFECT, Verdict.REJECTED):
        count = sum(row.verdict is verdict for row in closed)
        assert f"{count} {verdict}" in " ".join(text.split())
        assert f"{verdict} {count} ({100 * count / judged:.1f} %)" in text
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


def shown(text: str) -> str:
    """Return the text of a page without its tags, with single spaces."""
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", text)).split())


def count_list(eve: httpx2.Client, link: str) -> int:
    """Return the number of inspections in the list that a link of the page opens."""
    answer = eve.get(html.unescape(link).replace("/executions?", "/executions.json?"))
    return len(json.loads(answer.text))


def test_the_median_and_p95_equal_those_of_the_rows_within_a_tenth(site: tuple[World, httpx2.Client]) -> None:
    world, eve = site
    closed = [row for row in period(world) if row.state is InspectionState.CLOSED and row.settled_at]
    durations = sorted(
        max(
            1.0,
            timestamps.seconds_between(
                row.uploaded_at if row.revision == 1 else row.attempted_at, row.settled_at
            ),
        )
        for row in closed
    )
    view = build_dashboard(world.container, 7, timestamps.now())

    for value, share in ((view.median_duration, 0.5), (view.p95_duration, 0.95)):
        exact = durations[math.ceil(share * len(durations)) - 1]
        assert value is not None
        assert exact <= value <= exact * 1.1 + 1e-9
    assert view.timed == len(durations)
    assert f"of {len(durations)} closed" in shown(eve.get("/dashboard?days=7").text)


def test_the_throughput_equals_the_closed_inspections_and_their_lists(
    site: tuple[World, httpx2.Client],
) -> None:
    world, eve = site
    closed = [row for row in period(world) if row.state is InspectionState.CLOSED]
    daily = build_dashboard(world.container, 7, timestamps.now()).throughput
    assert daily.total == len(closed)
    for item in daily.items:
        assert item.count == count_list(eve, f"/executions?{item.link}")
    hourly = build_dashboard(world.container, 1, timestamps.now())
    assert hourly.throughput.total == sum(row.claimed_at >= hourly.since for row in closed)
    assert [item.link for item in hourly.throughput.items] == [""] * len(hourly.throughput.items)


def test_the_scores_equal_the_labelled_photos_of_each_column(site: tuple[World, httpx2.Client]) -> None:
    world, _ = site
    confidences = [row.prediction.confidence for row in period(world) if row.prediction]
    scores = build_dashboard(world.container, 7, timestamps.now()).scores
    assert scores.total == len(confidences)
    for number, item in enumerate(scores.items):
        assert item.count == sum(int(confidence * 20) == number for confidence in confidences), item.label


def test_the_reviewers_equal_their_closed_inspections_and_lists(site: tuple[World, httpx2.Client]) -> None:
    world, eve = site
    decided = [
        row.decision.reviewer for row in period(world) if row.decision and row.state is InspectionState.CLOSED
    ]
    text = eve.get("/dashboard?days=7").text
    links = {name: link for link, name in re.findall(r'href="(/executions[^"]+by=(\w+)&[^"]+)"', text)}
    assert set(links) == set(decided) > {"ann"}
    for name, link in links.items():
        assert f"{name} {decided.count(name)}" in shown(text)
        assert count_list(eve, link) == decided.count(name)


def test_the_agreement_equals_the_second_reviews_that_it_links_to(site: tuple[World, httpx2.Client]) -> None:
    world, eve = site
    seconds = [row.second_review for row in period(world) if row.second_review]
    agreed = sum(second.agrees for second in seconds)
    tiles = [tile for tile in TILE.findall(eve.get("/dashboard?days=7").text) if "agreement" in tile[2]]
    ((link, figure, label),) = tiles
    page = eve.get(html.unescape(link)).text

    assert figure == f"{100 * agreed / len(seconds):.1f} %"
    assert f"of {len(seconds)} second reviews" in label
    assert f"{len(seconds)} second reviews since" in shown(page)
    assert f"{agreed} agree with the first answer, {len(seconds) - agreed} differ." in shown(page)
    assert page.count("/inspections/") == len(seconds)
    assert 0 < agreed < len(seconds)


def test_each_failure_bar_equals_the_list_that_it_links_to(site: tuple[World, httpx2.Client]) -> None:
    _, eve = site
    text = eve.get("/dashboard?days=7").text
    bars = re.findall(
        r'<a href="(/executions\?failure=[^"]+)">\s*<span class="break">([^<]+)</span><strong>(\d+)<', text
    )

    assert {(html.unescape(label), int(count)) for _, label, count in bars} == {
        ("Detect labels: Throttling", 1),
        ("Move to ok: Conflict & more", 2),
        ("Execution: States.Timeout", 1),
    }
    for link, label, count in bars:
        assert count_list(eve, link) == int(count), label
        assert f'value="{label}"' in eve.get(html.unescape(link)).text
