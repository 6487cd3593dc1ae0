"""The audit trail and the reviewer tally."""

import itertools
from dataclasses import replace

import pytest

from review_app.audit import trail
from review_app.audit.trail import AuditFilters, describe_entries, find_entries, find_photos
from review_app.review.reviewer_tally import ReviewerTally
from review_app.review.services import ReviewServices
from review_app.settings import ReviewAppSettings
from tests.web.serving import SECRET, fetch_photo, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import AuditAction, AuditEntry
from workflow.inspections.verdict import Verdict

AUDIT = ("/audit", "image")
ALL_DAYS = AuditFilters(first_day="2020-01-01", last_day=timestamps.add_seconds(timestamps.now(), 86400)[:10])


@pytest.fixture(autouse=True)
def ticking_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each reading of the time be later than the last one; equal timestamps have no order."""
    start, ticks = timestamps.now(), itertools.count()
    monkeypatch.setattr(timestamps, "now", lambda: timestamps.add_seconds(start, next(ticks) / 1000))


def test_an_entry_tells_what_became_of_the_decision(world: World) -> None:
    filed = world.add_decided("line-1/filed.jpg", Verdict.DEFECT, "bob", defect_class="crack")
    (held,) = world.add_waiting("line-1/held.jpg")
    world.pipeline.decide(world.row(held).image, Verdict.OK, "ann", undo_seconds=60)

    newest, oldest = describe_entries(world.inspections, find_entries(world.inspections, None, ALL_DAYS), 10)

    assert (newest.photo_name, newest.status, newest.delivered_at) == ("held.jpg", "undoable", "")
    assert (oldest.photo_name, oldest.status) == ("filed.jpg", "applied")
    decision = world.row(filed).decision
    assert decision is not None
    assert oldest.delivered_at == decision.delivered_at != ""
    assert oldest.seconds is not None
    assert oldest.seconds >= 0


def test_what_was_undone_is_marked_and_kept(world: World, address: str) -> None:
    (inspection,) = world.add_waiting("line-1/part.jpg")
    with visitor(address, "ann") as ann:
        fetch_photo(ann, inspection)
        ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"})
        decision = world.row(inspection).decision
        assert decision is not None
        ann.post(f"/review/{inspection}/undo", data={"decision_id": decision.id})

    entries = [
        item
        for item in describe_entries(world.inspections, find_entries(world.inspections, None, ALL_DAYS), 10)
        if item.row
    ]
    assert [(item.entry.action, item.undone) for item in entries] == [("undo", False), ("decide", True)]


def test_a_corrected_verdict_keeps_the_first_decisions_delivery(world: World) -> None:
    from workflow.review import revision

    inspection = world.add_decided("line-1/part.jpg", Verdict.OK, "bob")
    revision.override(
        world.inspections,
        world.pipeline.decisions,
        inspection,
        verdict=Verdict.DEFECT,
        reviewer="eve",
        reason="porosity",
    )

    items = {
        str(line.entry.action): line
        for line in describe_entries(world.inspections, find_entries(world.inspections, None, ALL_DAYS), 10)
    }

    assert items["override"].status == "final"
    assert items["decide"].status == "applied"
    assert items["decide"].delivered_at


def test_filters_by_person_action_and_photo(world: World) -> None:
    world.add_decided("line-1/a.jpg", Verdict.OK, "bob")
    world.add_decided("line-1/b.jpg", Verdict.DEFECT, "carl")

    def names(**changes: str) -> list[str]:
        filters = replace(ALL_DAYS, **changes)
        photos, has_more = find_photos(world.container.history.search, filters)
        assert not has_more
        entries = find_entries(world.inspections, photos, filters)
        return [item.photo_name for item in describe_entries(world.inspections, entries, 10)]

    assert names() == ["b.jpg", "a.jpg"]
    assert names(actor="bob") == ["a.jpg"]
    assert names(image="b.jpg") == ["b.jpg"]
    assert names(image="B") == ["b.jpg"]
    assert names(image="line-1/*") == ["b.jpg", "a.jpg"]
    assert names(image="line-2") == []
    assert names(action="undo") == []
    assert names(last_day="2020-01-02") == []


def test_a_name_of_very_many_photos_shows_the_newest_and_says_so(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "PHOTO_PAGE_SIZE", 1)
    for number in range(6):
        world.add_decided(f"line-1/part_{number}.jpg", Verdict.OK, "bob")

    with visitor(address, "eve") as eve:
        page = eve.get("/audit?image=part").text

    assert "4 entries shown, of the newest 4 photos that match" in page
    assert "part_5.jpg" in page
    assert "part_1.jpg" not in page


def test_both_lists_search_names_alike_and_say_how(world: World, address: str) -> None:
    world.add_decided("Halle 2/Nachtschicht/Flügelrad.jpg", Verdict.OK, "bob")
    world.add_decided("line-1/Flügelrad.jpg", Verdict.OK, "bob")

    with visitor(address, "eve") as eve:

        def lists(text: str) -> list[str]:
            return [eve.get(path, params={name: text}).text for path, name in (("/executions", "q"), AUDIT)]

        for text in ("flugelrad", "FLÜGEL", "halle", "halle 2/nacht", "Halle*", "nachtschicht"):
            for page in lists(text):
                assert "Flügelrad.jpg</a> <span" in page, text
                assert "Halle 2/Nachtschicht/</span>" in page, text
                assert ("line-1/</span>" in page) is (text.lower()[0] == "f"), text
        for page in lists("lugel"):
            assert "A name matches from the beginning of one of its words" in page


def test_pages_follow_each_other_without_gap_or_overlap(world: World, address: str) -> None:
    for number in (7 * place % 120 for place in range(120)):
        at = f"2026-01-01T10:{number // 60:02}:00.000Z"  # Sixty entries share a timestamp.
        world.pipeline.inspections.append_audit_entry(
            AuditEntry(
                inspection_id=f"{number:064}",
                at=at,
                actor="ann",
                action=AuditAction.HOLD,
                reason=f"entry {number}",
            )
        )
    reasons: list[str] = []
    path = "/audit?from=2026-01-01&to=2026-01-02"
    with visitor(address, "eve") as eve:
        while path:
            page = eve.get(path, headers={"HX-Request": "true"}).text
            reasons += [
                part.split("<")[0] for part in page.split('"break">')[1:] if part.startswith("entry ")
            ]
            after = page.split(">Older<")[0] if ">Older<" in page else ""
            path = after.rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if after else ""

    assert reasons == [f"entry {number}" for number in reversed(range(120))]


def test_the_tally_counts_each_answer_once_and_takes_back_what_was_undone(world: World) -> None:
    now = "2026-03-01T10:00:00.000Z"
    clock = [now]
    tally = ReviewerTally(world.inspections, lambda: clock[0], cache_seconds=0)

    def add(at: str, action: AuditAction, decision: str) -> None:
        entry = AuditEntry(
            inspection_id="i" * 64, at=at, actor="ann", action=action, decision_id=decision, after="ok"
        )
        world.pipeline.inspections.append_audit_entry(entry)

    add("2026-03-01T09:59:58.000Z", AuditAction.DECIDE, "1")
    add("2026-03-01T09:59:59.000Z", AuditAction.DECIDE, "2")
    assert (tally.answer_count("ann"), tally.answer_count("ann"), tally.answer_count("bob")) == (2, 2, 0)
    add("2026-03-01T10:00:01.000Z", AuditAction.UNDO, "2")
    clock[0] = "2026-03-01T10:00:02.000Z"
    assert tally.answer_count("ann") == 1
    assert [entry.decision_id for entry in tally.recent_answers("ann", 5)] == ["1"]
    clock[0] = "2026-03-02T00:00:01.000Z"
    assert tally.answer_count("ann") == 0


def test_listeners_hear_of_an_answer_that_is_read_after_its_photo_left_the_pile(world: World) -> None:
    services = ReviewServices(
        ReviewAppSettings(public_url="http://127.0.0.1:8000", session_secret=SECRET), world.container
    )
    services.tally = ReviewerTally(world.inspections, cache_seconds=0)
    before = services.read_state()
    assert services.read_state() == before

    entry = AuditEntry(
        inspection_id="i" * 64,
        at=timestamps.now(),
        actor="ann",
        action=AuditAction.DECIDE,
        decision_id="1",
        after="ok",
    )
    world.pipeline.inspections.append_audit_entry(entry)

    assert services.read_state() != before


def test_the_pace_is_that_of_the_last_minutes(world: World) -> None:
    clock = ["2026-03-01T10:00:00.000Z"]
    tally = ReviewerTally(world.inspections, lambda: clock[0], cache_seconds=0)
    for second in range(0, 60, 2):
        at = f"2026-03-01T09:59:{second:02}.000Z"
        entry = AuditEntry(
            inspection_id="i" * 64,
            at=at,
            actor="ann",
            action=AuditAction.DECIDE,
            decision_id=str(second),
            after="ok",
        )
        world.pipeline.inspections.append_audit_entry(entry)

    assert tally.answers_per_minute("ann") == 30
    clock[0] = "2026-03-01T10:10:00.000Z"
    assert tally.answers_per_minute("ann") == 0
