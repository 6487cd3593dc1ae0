"""The execution pages: list, one execution, comparison, export and commands."""

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from inspect import iscoroutinefunction
from typing import Any

import httpx2
import pytest

from review_app.executions.command_routes import router
from review_app.executions.list_routes import build_list_state_reader
from review_app.review.services import ReviewServices
from review_app.settings import ReviewAppSettings
from tests.fakes import FakeDetector
from tests.recorder import AWS_TOKEN
from tests.web import sample_executions
from tests.web.sample_executions import UNUSUAL
from tests.web.serving import SECRET, visitor
from tests.web.world import World, jpeg
from workflow import timestamps
from workflow.history.archive import ExecutionRecord, from_json, to_json
from workflow.history.logs import LogLine, LogLines
from workflow.history.metrics import FailedExecution
from workflow.inspections.inspection import Inspection, Lease
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict
from workflow.models.model import version_name
from workflow.pipeline.detection import ImageUnreadable
from workflow.recovery.commands import CommandKind
from workflow.review.assignment import ReviewAssigner


@pytest.fixture
def rows(world: World) -> dict[str, Inspection]:
    return sample_executions.add_samples(world)


@pytest.fixture
def engineer(address: str, rows: dict[str, Inspection]) -> Iterator[httpx2.Client]:
    with visitor(address, "eve", "engineer") as client:
        yield client


def names(response: httpx2.Response) -> list[str]:
    """Return the names of the listed photos, from top to bottom."""
    return re.findall(r'<a href="/executions/[0-9a-f]{64}-\d+">([^<]+)</a>', response.text)


def test_nobody_sees_executions_without_signing_in(stranger: httpx2.Client, rows: Any) -> None:
    owner = rows["failed"].owner
    for path in ("/executions", f"/executions/{owner}", "/executions.csv", "/executions.json", "/compare"):
        assert stranger.get(path).status_code == 303


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["cast_def_0_1031.jpeg", "cast_ok_0042.jpeg", "cast_ok_2204.jpeg", "cast_def_0_1031.jpeg"]),
        ("q=1031&verdict=ok", ["cast_def_0_1031.jpeg"]),
        ("q=CAST_OK*", ["cast_ok_0042.jpeg", "cast_ok_2204.jpeg"]),
        ("status=waiting", ["cast_ok_2204.jpeg"]),
        ("status=failed", ["cast_ok_0042.jpeg"]),
        ("by=ann", ["cast_def_0_1031.jpeg"]),
        ("unusual=yes", ["cast_ok_2204.jpeg"]),
        ("q=nowhere", []),
        ("status=nonsense&verdict=<b>&from=yesterday&mark=x", ["*"]),
        ("to=9999-12-31", ["*"]),
    ],
)
def test_the_list_is_what_the_address_asks_for(
    engineer: httpx2.Client, query: str, expected: list[str]
) -> None:
    listed = names(engineer.get(f"/executions?{query}"))

    assert len(listed) == 4 if expected == ["*"] else listed == expected


def test_an_old_failure_is_found_behind_many_that_were_followed_up(
    engineer: httpx2.Client, rows: dict[str, Inspection], world: World
) -> None:
    for second in range(150):
        at = f"2999-01-01T00:{second // 60:02}:{second % 60:02}.000Z"
        world.metrics.add_failure(
            FailedExecution(
                execution=f"{rows['waiting'].id}-99",
                at=at,
                status="FAILED",
                state="Detect labels",
                error="E",
                cause="",
            )
        )

    assert names(engineer.get("/executions?status=failed")) == ["cast_ok_0042.jpeg"]


def test_a_list_is_told_of_who_waits_and_what_fails_far_behind_the_newest(world: World) -> None:
    services = ReviewServices(
        ReviewAppSettings(public_url="http://127.0.0.1:8000", session_secret=SECRET), world.container
    )
    services.assigner = ReviewAssigner(world.container.reviews, cache_seconds=0)
    (first, *_) = world.add_waiting(*(f"part-{number}.png" for number in range(30)))
    read_state = build_list_state_reader(services)
    before = read_state()

    world.metrics.add_failure(
        FailedExecution(
            execution="e-1", at=timestamps.now(), status="FAILED", state="Detect labels", error="E", cause=""
        )
    )
    after = read_state()
    assert after != before

    world.pipeline.decide(world.row(first).image, Verdict.OK, "ann")
    assert read_state() != after


def test_htmx_gets_the_rows_alone(engineer: httpx2.Client) -> None:
    partial = engineer.get("/executions", headers={"HX-Request": "true"})

    assert "HX-Request" in partial.headers["vary"]
    assert "<html" not in partial.text
    assert len(names(partial)) == 4


def test_pages_follow_each_other_by_their_links(engineer: httpx2.Client, world: World) -> None:
    for number in range(60):
        sample_executions.add_inspection(world, f"line 1/bulk_{number:03}.png", 100 + number)
    page, listed = engineer.get("/executions?q=bulk"), []
    while True:
        listed += names(page)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        if older is None:
            break
        page = engineer.get(older[1].replace("&amp;", "&"))

    assert listed == [f"bulk_{number:03}.png" for number in range(60)]


def test_the_list_as_a_file_never_holds_a_formula(engineer: httpx2.Client, world: World) -> None:
    sample_executions.add_inspection(world, "=cmd|' /C calc'!A0.png", 200)

    lines = list(csv.DictReader(io.StringIO(engineer.get("/executions.csv").content.decode("utf-8-sig"))))
    documents = engineer.get("/executions.json?q=1031").json()

    assert lines[-1]["photo"] == "'=cmd|' /C calc'!A0.png"
    assert len(lines) == 5
    assert [document["verdict"] for document in documents] == ["defect", "ok"]


def test_both_exports_say_why_a_photo_is_unusual_and_how_it_was_measured(engineer: httpx2.Client) -> None:
    content = engineer.get("/executions.csv?unusual=yes").content.decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(content))
    (document,) = engineer.get("/executions.json?unusual=yes").json()

    assert line["unusual"] == "; ".join(UNUSUAL)
    assert (line["brightness"], line["sharpness"]) == ("3.0", "1.5")
    assert document["unusual"] == list(UNUSUAL)
    assert document["measures"]["brightness"] == 3.0
    assert "descriptor" not in document["measures"]


def test_the_pages_of_a_photo_say_why_it_is_unusual_and_how_it_was_measured(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    row = rows["waiting"]
    pages = {path: engineer.get(path).text for path in (f"/executions/{row.owner}", f"/inspections/{row.id}")}

    for page in pages.values():
        assert "<strong>Unusual:</strong> darker than every learned photo (mean 3; learned 92 to 140)" in page
        assert "further from the learned photos than any of them (distance 12.1; limit 3.5)" in page
        assert "not recognised" not in page
    assert "brightness 3, contrast 40" in pages[f"/inspections/{row.id}"]


def test_the_pages_of_a_photo_that_was_compared_with_no_reference_say_so(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    row = rows["plain"]
    for path in (f"/executions/{row.owner}", f"/inspections/{row.id}"):
        page = engineer.get(path).text
        assert "Unusual photos are not recognised: the model had no reference." in page
        assert "Unusual:" not in page


def test_a_failed_execution_opens_on_the_failed_step_with_its_cause(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    page = engineer.get(f"/executions/{rows['failed'].owner}").text

    assert "Step: Detect labels" in page
    assert "<strong>ThrottlingException</strong> – Rate exceeded" in page


def test_retries_a_timeout_an_escalation_and_a_redrive_are_shown(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    page = engineer.get(f"/executions/{rows['reviewed'].owner}").text

    assert "Detect labels (4)" in page
    assert "Move to reviewed verdict (2)" in page
    assert re.search(r'aria-label="Ask a reviewer: succeeded, 2 times"', page)
    assert re.search(r'class="edge catch caught".*?Ask a reviewer → Escalate review', page, re.DOTALL)
    assert "7 d" in page


def test_each_step_is_opened_by_its_link_without_javascript(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    path = f"/executions/{rows['reviewed'].owner}"
    links = re.findall(r'href="(/executions/[^"]+\?step=\d+)#step"', engineer.get(path).text)
    opened = {re.search(r"Step: ([^<]+)<", engineer.get(link).text)[1] for link in set(links)}  # type: ignore[index]

    assert {"Claim upload", "Ask a reviewer", "Escalate review", "Close inspection"} <= opened
    page = engineer.get(f"{path}?state=Wait%20for%20the%20model")
    assert "This execution did not enter the state" in page.text


def test_what_a_step_logged_is_one_link_away_and_not_asked_for_before(
    engineer: httpx2.Client, world: World, rows: dict[str, Inspection]
) -> None:
    owner = rows["reviewed"].owner
    number = from_json(engineer.get(f"/executions/{owner}/export.json").content).steps[0].id
    line = LogLine(
        at="2026-01-01T00:00:03.500Z", level="ERROR", message="<b>no</b> photo", text='{"outcome": "a tree"}'
    )
    world.logs.lines[owner, number] = LogLines((line,), truncated=True)

    step_page = engineer.get(f"/executions/{owner}?step={number}").text
    (link,) = re.findall(r'href="([^"]*logs=1)#logs"', step_page)
    page = engineer.get(unescape(link)).text

    assert "a tree" not in step_page
    assert "ERROR &lt;b&gt;no&lt;/b&gt; photo" in page
    assert "{&#34;outcome&#34;: &#34;a tree&#34;}" in page
    assert "log has more" in page
    world.logs.lines.clear()
    assert "they have expired" in engineer.get(unescape(link)).text


def test_a_step_without_work_and_an_opened_export_offer_no_log_lines(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    owner = rows["reviewed"].owner
    content = engineer.get(f"/executions/{owner}/export.json").content
    idle = next(step for step in from_json(content).steps if not step.attempts)

    opened = engineer.post("/executions/open", files={"file": ("a.json", content)})

    assert opened.status_code == 200
    assert "logs=1" not in opened.text
    assert "logs=1" not in engineer.get(f"/executions/{owner}?step={idle.id}").text


def test_no_page_and_no_export_holds_a_token(engineer: httpx2.Client, rows: dict[str, Inspection]) -> None:
    for row in rows.values():
        for path in (f"/executions/{row.owner}", f"/executions/{row.owner}/export.json"):
            assert AWS_TOKEN not in engineer.get(path).text


def test_an_export_is_opened_as_it_was(engineer: httpx2.Client, rows: dict[str, Inspection]) -> None:
    exported = engineer.get(f"/executions/{rows['failed'].owner}/export.json")
    opened = engineer.post("/executions/open", files={"file": ("e.json", exported.content)})

    assert opened.status_code == 200
    assert "Step: Detect labels" in opened.text
    assert json.loads(exported.text)["schema"] == "partcheck-execution-1"


def test_an_execution_that_is_too_large_to_be_drawn_is_refused(engineer: httpx2.Client) -> None:
    states = {f"State {number}": {"Type": "Pass", "Next": f"State {number + 1}"} for number in range(201)}
    definition = {"StartAt": "State 0", "States": states}
    record = ExecutionRecord(
        execution="e-1", status="SUCCEEDED", started_at="2026-01-01T00:00:00Z", definition=definition
    )

    answer = engineer.post("/executions/open", files={"file": ("e.json", to_json(record).encode())})

    assert answer.status_code == 400
    assert "it has 201 states" in answer.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"started,photo",
        b'{"schema": "partcheck-execution-1", "execution": 1}',
        b"\xff",
        b"[" * 60_000,
    ],
)
def test_what_is_no_export_is_refused_in_one_sentence(engineer: httpx2.Client, content: bytes) -> None:
    answer = engineer.post("/executions/open", files={"file": ("e.json", content)})

    assert answer.status_code == 400
    assert "not an exported execution" in answer.text
    assert "the page of one execution" in answer.text


def test_the_list_shows_the_folder_and_an_empty_result_how_names_match(
    engineer: httpx2.Client, world: World
) -> None:
    world.add_waiting("line-1/part.jpg", "line-2/part.jpg")

    listed = engineer.get("/executions?q=part.jpg").text
    assert all(f"{folder}/</span>" in listed for folder in ("line-1", "line-2"))
    assert "or of a word of its folders" in engineer.get("/executions?q=nothing").text


@pytest.mark.parametrize("name", ["x", "f" * 64, f"{'f' * 64}-1", f"{'f' * 64}-0", "../secret"])
def test_an_execution_that_does_not_exist_is_not_found(engineer: httpx2.Client, name: str) -> None:
    assert engineer.get(f"/executions/{name}").status_code == 404


def test_a_forgotten_execution_is_shown_from_its_row(
    engineer: httpx2.Client, world: World, rows: dict[str, Inspection]
) -> None:
    world.archive.records.clear()

    page = engineer.get(f"/executions/{rows['reviewed'].owner}").text

    assert "History unavailable" in page
    assert "a crack at the rim" in page


def test_two_inspections_of_one_name_are_compared(
    engineer: httpx2.Client, rows: dict[str, Inspection]
) -> None:
    page = engineer.get(f"/compare?a={rows['reviewed'].owner}&b={rows['plain'].owner}").text

    assert re.search(r'class="differs"><th scope="row">Verdict.*?>defect<.*?>ok<', page, re.DOTALL)
    assert re.search(r'<tr><th scope="row">Label', page)


@pytest.mark.parametrize("kind", list(CommandKind))
def test_an_engineer_asks_once_with_a_reason(
    engineer: httpx2.Client, world: World, rows: dict[str, Inspection], kind: CommandKind
) -> None:
    form = {"kind": kind.value, "ids": rows["failed"].id, "reason": "a jam", "token": str(uuid.uuid4())}

    answers = [engineer.post("/commands", data=form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    (command,) = world.commands.kept.values()
    assert (command.kind, command.actor, command.reason, command.ids) == (
        kind,
        "eve",
        "a jam",
        (rows["failed"].id,),
    )
    assert world.command_queue.sent == [command.id]
    assert [entry.actor for entry in world.commands.entries] == ["eve"]


def test_everything_that_failed_is_started_again_at_once(
    engineer: httpx2.Client, world: World, rows: dict[str, Inspection]
) -> None:
    answer = engineer.post("/commands/failed", data={"reason": "the network is back"})

    (command,) = world.commands.kept.values()
    assert command.ids == (rows["failed"].id,)
    assert "in progress" in engineer.get(answer.headers["location"]).text


def test_starting_again_honours_the_filters_of_the_list(
    engineer: httpx2.Client, world: World, rows: dict[str, Inspection]
) -> None:
    listed = engineer.get("/executions", params={"status": "failed", "q": "0042"}).text
    assert 'name="q" value="0042"' in listed

    refused = engineer.post("/commands/failed", data={"q": "1031", "reason": "the network is back"})
    assert (refused.status_code, world.commands.kept) == (409, {})
    engineer.post("/commands/failed", data={"q": "0042", "reason": "the network is back"})

    (command,) = world.commands.kept.values()
    assert command.ids == (rows["failed"].id,)


def test_everything_that_a_model_passed_is_contained(
    engineer: httpx2.Client, world: World, rows: Any
) -> None:
    model = version_name(rows["plain"].prediction.model)
    form = {"model": model, "verdict": "ok", "from": "2026-01-01", "to": "2026-12-31", "reason": "lens"}
    answer = engineer.post("/commands/reinspect", data=form)

    assert answer.status_code == 303
    (command,) = world.commands.kept.values()
    assert command.query is not None
    assert (command.query.model, command.query.verdict, command.query.state) == (model, "ok", "closed")
    assert (command.query.since[:10], command.query.until[:10]) == ("2026-01-01", "2027-01-01")


def test_containing_honours_every_filter_or_is_not_offered(
    engineer: httpx2.Client, world: World, rows: Any
) -> None:
    model = version_name(rows["plain"].prediction.model)
    listed = engineer.get(f"/executions?model={model}&q=cast*").text
    assert "Reinspect all of these" in listed
    assert "Decisions and overrides by a person do not change" in listed

    for more in ({"by": "ann"}, {"status": "waiting"}, {"status": "failed"}):
        assert "all of these" not in engineer.get("/executions", params={"model": model, **more}).text
        answer = engineer.post("/commands/reinspect", data={"model": model, "reason": "lens", **more})
        assert answer.status_code == 400
        assert "Not submitted" in answer.text
    engineer.post("/commands/reinspect", data={"model": model, "q": "cast*", "policy": "2", "reason": "lens"})

    (command,) = world.commands.kept.values()
    assert command.query is not None
    assert (command.query.name, command.query.policy) == ("cast*", "2")


def test_what_may_wait_for_a_service_does_not_hold_up_other_pages() -> None:
    assert not [route.path for route in router.routes if iscoroutinefunction(route.endpoint)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/commands", "/commands/failed", "/commands/reinspect", "/commands/x"])
def test_only_engineers_act(address: str, rows: Any, world: World, path: str) -> None:
    with visitor(address, "ann") as reviewer:
        form = {"kind": "stop", "ids": rows["failed"].id, "reason": "why"}
        answer = reviewer.get(path) if path.endswith("/x") else reviewer.post(path, data=form)

        assert answer.status_code == 403
        assert "Redrive" not in reviewer.get(f"/executions/{rows['failed'].owner}").text
    assert not world.commands.kept


@pytest.mark.parametrize("form", [{"reason": ""}, {"reason": "why", "ids": ""}])
def test_a_wish_without_a_reason_or_a_target_is_refused(
    engineer: httpx2.Client, world: World, rows: Any, form: dict[str, str]
) -> None:
    answer = engineer.post("/commands", data={"kind": "stop", "ids": rows["failed"].id, **form})

    assert answer.status_code == 400
    assert "Not submitted" in answer.text
    assert not world.commands.kept


def test_another_site_cannot_act(engineer: httpx2.Client, world: World, rows: Any) -> None:
    form = {"kind": "stop", "ids": rows["failed"].id, "reason": "why"}

    answer = engineer.post("/commands", data=form, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert not world.commands.kept


def test_a_large_export_is_opened_too(engineer: httpx2.Client, rows: dict[str, Inspection]) -> None:
    """Histories of long waits have thousands of events; all other requests are small."""
    document = json.loads(engineer.get(f"/executions/{rows['failed'].owner}/export.json").text)
    document["inspection"]["note"] = "x" * 200_000
    file = {"file": ("e.json", json.dumps(document))}

    assert engineer.post("/executions/open", files=file).status_code == 200
    assert engineer.post("/commands", files=file).status_code == 413


def test_who_is_about_to_judge_a_photo_again_does_not_see_its_history(
    address: str, world: World, rows: dict[str, Inspection]
) -> None:
    plain = rows["plain"]
    prediction = replace(plain.prediction, sampled_for_second_review=True)  # type: ignore[type-var]
    lease = Lease("ann", timestamps.add_seconds(timestamps.now(), 300))
    world.pipeline.inspections.rows[plain.id] = replace(
        plain, prediction=prediction, lease=lease, announcement="{}"
    )

    with visitor(address, "ann") as ann, visitor(address, "bob") as bob:
        paths = (f"/executions/{plain.owner}", f"/compare?a={plain.owner}&b={rows['reviewed'].owner}")
        assert [ann.get(path).status_code for path in paths] == [409, 409]
        assert bob.get(paths[0]).status_code == 200


def test_an_upload_that_was_deleted_is_called_withdrawn_and_not_rejected(
    world: World, engineer: httpx2.Client
) -> None:
    image = world.pipeline.upload(jpeg(7), key="line-1/gone.jpg")
    owner = world.pipeline.start(image)
    world.pipeline.claim(image, owner)
    world.pipeline.objects.delete(image)
    pipeline = replace(world.pipeline, detector=FakeDetector(ImageUnreadable("it is not there")))
    assert pipeline.detect(image, owner) == {"outcome": "vanished"}

    for path in (f"/inspections/{inspection_id(image)}", f"/executions/{owner}"):
        page = engineer.get(path).text
        assert "<dt>Withdrawn</dt>" in page
        assert "deleted before the model saw it" in page
        assert "<dt>Rejected</dt>" not in page
        assert "</svg>withdrawn</span>" in page
    assert "</svg>withdrawn</span>" in engineer.get("/executions").text
    assert '"closed","withdrawn"' in engineer.get("/executions.csv").text
