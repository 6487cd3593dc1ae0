"""The audit trail and the tallies: every entry, once, with what became of it."""

from dataclasses import replace
from time import sleep

from review_app.audit import Wish, entries, lines
from review_app.settings import Settings
from review_app.today import Today
from review_app.workbench import Workbench
from tests.web.serving import SECRET, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import AuditEntry
from workflow.inspections.verdict import Verdict

ANY_DAY = Wish("2020-01-01", timestamps.now()[:10])


def test_an_entry_tells_what_became_of_the_decision(world: World) -> None:
    filed = world.decided("line-1/filed.jpg", Verdict.DEFECT, "bob", defect_class="crack")
    (held,) = world.waiting("line-1/held.jpg")
    sleep(0.002)  # Entries of one millisecond have no order.
    world.line.decide(world.row(held).image, Verdict.OK, "ann", undo_seconds=60)

    newest, oldest = lines(world.ledger, entries(world.ledger, ANY_DAY), 10)

    assert (newest.name, newest.reached, newest.delivered_at) == ("held.jpg", "held", "")
    assert (oldest.name, oldest.reached) == ("filed.jpg", "applied")
    decision = world.row(filed).decision
    assert decision is not None
    assert oldest.delivered_at == decision.sent_at != ""
    assert oldest.took is not None
    assert oldest.took >= 0


def test_what_was_undone_is_marked_and_kept(world: World, address: str) -> None:
    (one,) = world.waiting("line-1/part.jpg")
    with visitor(address, "ann") as ann:
        ann.post(f"/review/{one}/decide", data={"verdict": "ok"})
        decision = world.row(one).decision
        assert decision is not None
        ann.post(f"/review/{one}/undo", data={"decision_id": decision.id})

    found = [line for line in lines(world.ledger, entries(world.ledger, ANY_DAY), 10) if line.row]
    assert [(line.entry.action, line.undone) for line in found] == [("undo", False), ("decide", True)]


def test_a_corrected_verdict_keeps_the_first_decisions_delivery(world: World) -> None:
    from workflow.review import revision

    one = world.decided("line-1/part.jpg", Verdict.OK, "bob")
    revision.correct(world.ledger, world.line.decisions, one, Verdict.DEFECT, "eve", "porosity")

    found = {line.entry.action: line for line in lines(world.ledger, entries(world.ledger, ANY_DAY), 10)}

    assert found["correct"].reached == "released"
    assert found["decide"].reached == "applied"
    assert found["decide"].delivered_at


def test_filters_by_person_action_and_photo(world: World) -> None:
    world.decided("line-1/a.jpg", Verdict.OK, "bob")
    sleep(0.002)  # Entries of one millisecond have no order.
    world.decided("line-1/b.jpg", Verdict.DEFECT, "carl")

    def names(**wish: str) -> list[str]:
        return [one.name for one in lines(world.ledger, entries(world.ledger, replace(ANY_DAY, **wish)), 10)]

    assert names() == ["b.jpg", "a.jpg"]
    assert names(who="bob") == ["a.jpg"]
    assert names(image="b.jpg") == ["b.jpg"]
    assert names(action="undo") == []
    assert names(last_day="2020-01-02") == []


def test_pages_follow_each_other_without_gap_or_overlap(world: World, address: str) -> None:
    for number in (7 * place % 120 for place in range(120)):
        at = f"2026-01-01T10:{number // 60:02}:00.000Z"  # Sixty share a moment.
        world.line.ledger.entries.append(
            AuditEntry(f"{number:064}", at, "ann", "hold", reason=f"entry {number}")
        )
    seen: list[str] = []
    path = "/audit?from=2026-01-01&to=2026-01-02"
    with visitor(address, "eve") as eve:
        while path:
            page = eve.get(path, headers={"HX-Request": "true"}).text
            seen += [part.split("<")[0] for part in page.split('"break">')[1:] if part.startswith("entry ")]
            after = page.split(">Older<")[0] if ">Older<" in page else ""
            path = after.rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if after else ""

    assert seen == [f"entry {number}" for number in reversed(range(120))]


def test_the_tally_counts_each_answer_once_and_takes_back_what_was_undone(world: World) -> None:
    now = "2026-03-01T10:00:00.000Z"
    clock = [now]
    today = Today(world.ledger, lambda: clock[0], keep_seconds=0)

    def add(at: str, action: str, decision: str) -> None:
        entry = AuditEntry("i" * 64, at, "ann", action, decision_id=decision, after="ok")
        world.line.ledger.entries.append(entry)

    add("2026-03-01T09:59:58.000Z", "decide", "1")
    add("2026-03-01T09:59:59.000Z", "decide", "2")
    assert (today.done("ann"), today.done("ann"), today.done("bob")) == (2, 2, 0)
    add("2026-03-01T10:00:01.000Z", "undo", "2")
    clock[0] = "2026-03-01T10:00:02.000Z"
    assert today.done("ann") == 1
    assert [entry.decision_id for entry in today.last("ann", 5)] == ["1"]
    clock[0] = "2026-03-02T00:00:01.000Z"
    assert today.done("ann") == 0


def test_listeners_hear_of_an_answer_that_is_read_after_its_photo_left_the_pile(world: World) -> None:
    bench = Workbench(Settings("http://127.0.0.1:8000", SECRET), world.ports)
    bench.today = Today(world.ledger, keep_seconds=0)
    before = bench.look()
    assert bench.look() == before

    entry = AuditEntry("i" * 64, timestamps.now(), "ann", "decide", decision_id="1", after="ok")
    world.line.ledger.entries.append(entry)

    assert bench.look() != before


def test_the_pace_is_that_of_the_last_minutes(world: World) -> None:
    clock = ["2026-03-01T10:00:00.000Z"]
    today = Today(world.ledger, lambda: clock[0], keep_seconds=0)
    for second in range(0, 60, 2):
        at = f"2026-03-01T09:59:{second:02}.000Z"
        entry = AuditEntry("i" * 64, at, "ann", "decide", decision_id=str(second), after="ok")
        world.line.ledger.entries.append(entry)

    assert today.pace("ann") == 30
    clock[0] = "2026-03-01T10:10:00.000Z"
    assert today.pace("ann") == 0
