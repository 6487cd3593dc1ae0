"""Nobody who was told `saved` is overruled, and a decision arrives whatever dies on the way."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryLedger, MemoryTokens
from tests.unit.line import UNSURE, Line
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import AuditEntry, Decision, Inspection, Review, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery import delivery
from workflow.review import decisions

TOKEN = "AQDEAAAAKgAAAAMA-secret"


@pytest.fixture
def line() -> Line:
    return Line(detector=FakeDetector(UNSURE))


def deliver(line: Line, tokens: MemoryTokens, image: Image) -> str:
    """Deliver with another token table than the line's."""
    return delivery.deliver(line.ledger, tokens, line.executions, line.decisions, inspection_id(image))


def unclear(line: Line) -> tuple[Image, str]:
    """A photo that lies in unclear, right before a person is asked."""
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.detect(image, owner)
    line.move(image, owner, "unclear")
    return image, owner


def test_asking_opens_the_review_and_keeps_the_token(line: Line) -> None:
    image, owner = unclear(line)

    line.ask(image, owner, TOKEN)

    row = line.row(image)
    assert (row.state, row.decision) == (State.WAITING, None)
    assert row.review is not None
    assert (row.review.round, row.review.escalated) == (1, False)
    assert row.review.deadline > row.review.opened_at
    assert line.tokens.of(row.id) == [TOKEN]
    assert line.decisions.sent == []


def test_asking_again_keeps_the_first_opening_and_every_token(line: Line) -> None:
    image, owner = unclear(line)
    line.ask(image, owner, "old")
    opened = line.row(image).review

    line.ask(image, owner, TOKEN)

    again = line.row(image).review
    assert opened is not None
    assert again is not None
    assert (again.opened_at, again.round) == (opened.opened_at, 1)
    assert again.deadline >= opened.deadline
    assert line.tokens.of(line.row(image).id) == [TOKEN, "old"]


def test_who_lost_the_ownership_does_not_replace_the_token(line: Line) -> None:
    image, owner = unclear(line)
    line.ask(image, owner, TOKEN)

    with pytest.raises(OwnershipLost):
        line.ask(image, "somebody else", "stale")
    assert line.tokens.of(line.row(image).id) == [TOKEN]


def test_a_decision_that_stands_is_delivered_when_asked_again(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image)
    line.decide(image, Verdict.OK)
    line.decisions.sent.clear()
    line.executions.live_tokens = {TOKEN}

    line.ask(image, owner, TOKEN)

    assert line.decisions.sent == [decisions.delivery(line.row(image).id)]
    assert line.deliver(image) == "delivered"
    assert line.executions.answers[-1][0] == TOKEN


def test_a_person_who_decides_between_token_and_row_is_heard() -> None:
    """The token is kept before the row is read; the other order would lose the decision's delivery."""
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image, "dead by now")
    line.executions.live_tokens = {TOKEN}

    class Meanwhile(MemoryTokens):
        def put(self, inspection: str, token: str, attempt: int) -> None:
            super().put(inspection, token, attempt)
            line.decide(image, Verdict.DEFECT)
            deliver(line, self, image)

    decisions.ask(line.ledger, Meanwhile(), line.decisions, line.row(image).id, owner, TOKEN, 60)

    assert [token for token, _ in line.executions.answers] == [TOKEN]


def test_nobody_who_decides_while_the_question_is_put_waits_for_the_timeout() -> None:
    """At whichever of its calls `ask` is overtaken by the decision, the newest token is answered."""
    for overtaken in range(3):
        line = Line(detector=FakeDetector(UNSURE))
        image = line.upload()
        owner = line.waiting(image, "dead by now")
        line.executions.live_tokens = {TOKEN}
        calls: list[str] = []

        def decide_at(
            name: str, calls: list[str] = calls, line: Line = line, image: Image = image, at: int = overtaken
        ) -> None:
            calls.append(name)
            if len(calls) == at + 1:
                line.decide(image, Verdict.DEFECT)
                line.deliver(image)

        class Tokens(MemoryTokens):
            def put(
                self, inspection: str, token: str, attempt: int, tell: Any = decide_at, line: Line = line
            ) -> None:
                line.tokens.put(inspection, token, attempt)
                tell("put")

        class Ledger(MemoryLedger):
            def get(self, inspection: str, tell: Any = decide_at, line: Line = line) -> Inspection | None:
                tell("get")
                return line.ledger.get(inspection)

            def record_review(
                self,
                inspection: str,
                owner: str,
                opened: Review,
                rank: str,
                tell: Any = decide_at,
                line: Line = line,
            ) -> Inspection:
                tell("record_review")
                return line.ledger.record_review(inspection, owner, opened, rank)

        decisions.ask(Ledger(), Tokens(), line.decisions, line.row(image).id, owner, TOKEN, 60)
        if line.decisions.sent:
            line.deliver(image)

        assert calls == ["get", "put", "record_review"]
        assert [token for token, _ in line.executions.answers] == [TOKEN]


def test_escalating_starts_the_next_round_and_tells_a_supervisor(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image)

    answer = line.escalate(image, owner)

    row = line.row(image)
    assert answer == {"decided": False, "round": 2}
    assert row.review is not None
    assert (row.review.round, row.review.escalated) == (2, True)
    assert json.loads(line.escalations.sent[0]) == {
        "inspection_id": row.id,
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "waiting_since": row.review.opened_at,
        "round": 2,
    }


def test_an_escalated_review_keeps_its_round_when_it_is_asked_again(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image)
    line.escalate(image, owner)

    line.ask(image, owner, TOKEN)

    asked = line.row(image).review
    assert asked is not None
    assert (asked.round, asked.escalated) == (2, True)


def test_a_decision_that_came_before_the_timeout_wins(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image)
    line.decide(image, Verdict.DEFECT)
    before = line.row(image)

    assert line.escalate(image, owner) == {"decided": True}
    assert before.decision is not None
    assert line.row(image) == replace(before, decision=replace(before.decision, sealed=True))
    assert line.escalations.sent == []


def test_a_decision_between_the_look_and_the_escalation_wins(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image)

    class Meanwhile(MemoryLedger):
        def get(self, inspection: str) -> Inspection | None:
            row = line.ledger.get(inspection)
            line.decide(image, Verdict.OK)
            return row

    racing = Meanwhile()
    racing.rows = line.ledger.rows

    answer = decisions.escalate(racing, line.escalations, line.row(image).id, owner)

    assert answer == {"decided": True}
    assert line.row(image).decision is not None
    assert line.escalations.sent == []


def test_a_review_that_nobody_opened_cannot_be_overdue(line: Line) -> None:
    image, owner = unclear(line)

    with pytest.raises(Conflict, match="no review is open"):
        line.escalate(image, owner)


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_a_decision_is_kept_with_its_audit_entry_and_its_delivery_is_asked_for(
    line: Line, verdict: Verdict
) -> None:
    image = line.upload()
    line.waiting(image)

    decision = line.decide(image, verdict, "ann", "a crack")

    row = line.row(image)
    at = decision.decided_at
    assert row.decision == decision == Decision(decision.id, verdict, "ann", at, "a crack", release_at=at)
    assert line.ledger.audit_trail(row.id) == [
        AuditEntry(row.id, decision.decided_at, "ann", "decide", "unclear", verdict, "a crack", decision.id)
    ]
    assert line.decisions.sent == [json.dumps({"inspection_id": row.id})]


@pytest.mark.parametrize("verdict", [Verdict.UNCLEAR, Verdict.REJECTED])
def test_a_person_decides_ok_or_defect(line: Line, verdict: Verdict) -> None:
    image = line.upload()
    line.waiting(image)

    with pytest.raises(ValueError, match="ok or defect"):
        line.decide(image, verdict)


def test_a_reason_that_no_message_could_carry_is_refused(line: Line) -> None:
    image = line.upload()
    line.waiting(image)

    with pytest.raises(ValueError, match="at most 2,000 characters, not 2,001"):
        line.decide(image, Verdict.OK, reason="x" * 2001)
    assert line.decide(image, Verdict.OK, reason="x" * 2000)


def test_the_second_decision_is_refused_and_told_who_was_first(line: Line) -> None:
    image = line.upload()
    line.waiting(image)
    first = line.decide(image, Verdict.OK, "ann")

    with pytest.raises(Conflict, match=f"ann decided ok at {first.decided_at}"):
        line.decide(image, Verdict.DEFECT, "bob")
    assert line.row(image).decision == first
    assert [(entry.who, entry.action) for entry in line.ledger.entries] == [
        ("ann", "decide"),
        ("bob", "conflict"),
    ]


def test_of_two_people_at_once_one_is_told_who_was_faster(line: Line) -> None:
    image = line.upload()
    line.waiting(image)

    class Meanwhile(MemoryLedger):
        def decide(self, inspection: str, decision: Decision, entry: AuditEntry) -> None:
            if not self.entries:
                self.entries.append(entry)
                line.decide(image, Verdict.OK, "ann")
            line.ledger.decide(inspection, decision, entry)

    racing = Meanwhile()
    racing.rows = line.ledger.rows

    with pytest.raises(Conflict, match="ann decided ok"):
        decisions.decide(racing, line.decisions, line.row(image).id, Verdict.DEFECT, "bob")
    assert [entry.who for entry in line.ledger.entries] == ["ann"]
    assert [(entry.who, entry.action, entry.before) for entry in racing.entries[1:]] == [
        ("bob", "conflict", "ok")
    ]


def test_a_photo_that_does_not_wait_cannot_be_decided(line: Line) -> None:
    image, _ = unclear(line)

    with pytest.raises(Conflict, match=r"does not wait for a decision \(it is inspecting\)"):
        line.decide(image, Verdict.OK)
    with pytest.raises(NotFound):
        line.decide(Image("b", "unknown", "v"), Verdict.OK)


def test_a_delivered_decision_names_itself_and_no_token_remains(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)
    decision = line.decide(image, Verdict.DEFECT)

    assert line.deliver(image) == "delivered"
    assert line.executions.answers == [(TOKEN, {"decision_id": decision.id, "verdict": "defect"})]
    assert line.tokens.tokens == {}


def test_a_decision_delivered_twice_is_answered_once(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)
    line.decide(image, Verdict.OK)

    assert [line.deliver(image), line.deliver(image)] == ["delivered", "the execution goes on by itself"]
    assert len(line.executions.answers) == 1


def test_without_a_decision_nothing_is_delivered(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)

    assert line.deliver(image) == "nothing to deliver"
    assert line.deliver(Image("b", "unknown", "v")) == "nothing to deliver"
    assert line.tokens.of(inspection_id(image)) == [TOKEN]


def test_a_decision_without_a_token_waits_for_the_next_question(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)
    line.decide(image, Verdict.OK)
    line.tokens.tokens.clear()

    assert line.deliver(image) == "the execution goes on by itself"


def test_a_dead_token_is_forgotten(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)
    line.decide(image, Verdict.OK)
    line.executions.live_tokens.clear()

    assert line.deliver(image) == "the execution goes on by itself"
    assert line.tokens.tokens == {}


def test_dead_tokens_are_no_obstacle_for_the_one_that_is_alive(line: Line) -> None:
    image = line.upload()
    line.waiting(image, TOKEN)
    line.decide(image, Verdict.OK)
    line.tokens.tokens[line.row(image).id] = ["dead", TOKEN, "dead too"]

    assert line.deliver(image) == "delivered"
    assert line.executions.answers[-1][0] == TOKEN
    assert line.tokens.of(line.row(image).id) == ["dead"]


def test_who_asks_late_with_a_dead_token_keeps_nobody_from_being_answered(line: Line) -> None:
    """A worker slept after its caller gave it up; the retry asked meanwhile with a token of its own."""
    image = line.upload()
    owner = line.waiting(image, TOKEN)
    line.ask(image, owner, "of the one that slept")

    line.decide(image, Verdict.OK)

    assert line.deliver(image) == "delivered"
    assert line.executions.answers[-1][0] == TOKEN


def test_a_token_of_an_attempt_that_was_given_up_is_never_answered() -> None:
    tokens = MemoryTokens()
    tokens.put("i1", "of attempt 1", 1)
    tokens.put("i1", "of attempt 2", 2)
    tokens.put("i1", "late, of attempt 1", 1)
    tokens.put("i1", "of attempt 2, once more", 2)

    assert tokens.of("i1") == ["of attempt 2, once more", "of attempt 2"]


def test_no_message_holds_a_token(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image, TOKEN)
    line.escalate(image, owner)
    line.decide(image, Verdict.OK)

    assert TOKEN not in "".join(line.decisions.sent + line.escalations.sent)


def test_an_escalation_whose_answer_was_lost_counts_its_round_once(line: Line) -> None:
    image = line.upload()
    owner = line.waiting(image, TOKEN)

    first = decisions.escalate(line.ledger, line.escalations, line.row(image).id, owner)
    again = decisions.escalate(line.ledger, line.escalations, line.row(image).id, owner)

    assert first == again == {"decided": False, "round": 2}
