"""A reviewer's answer finds its place: the decision on an open photo, or the second look at a settled one."""

import uuid
from dataclasses import dataclass

from review_app.audit import stage as stage_of
from review_app.ports import Ports
from workflow import timestamps
from workflow.errors import NotFound
from workflow.inspections.inspection import AuditEntry, Inspection
from workflow.inspections.undo_window import held_for
from workflow.inspections.verdict import Verdict
from workflow.review import decisions, second_review


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said of one photo; `decision_id` is chosen by the browser, so that repeating is safe."""

    inspection_id: str
    decision_id: str
    verdict: Verdict
    defect_class: str
    comment: str


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was kept, how far it got, and for how many seconds it can still be taken back."""

    id: str
    name: str
    decision_id: str
    verdict: Verdict
    defect_class: str
    stage: str
    until: int


def row_of(ports: Ports, inspection_id: str) -> Inspection:
    """The row; NotFound if there is none."""
    row = ports.ledger.get(inspection_id)
    if row is None:
        raise NotFound("There is no such inspection.")
    return row


def give(ports: Ports, answer: Answer, who: str, undo_seconds: int) -> Given:
    """Keep an answer for good."""
    row = row_of(ports, answer.inspection_id)
    decision_id = answer.decision_id or str(uuid.uuid4())
    said = (row.id, answer.verdict, who, answer.comment)
    if second_review.due(row) or (row.second is not None and row.second.id == decision_id):
        second_review.answer(
            ports.ledger, ports.reviews, *said, answer_id=decision_id, defect_class=answer.defect_class
        )
        left = undo_seconds
    else:
        made = decisions.decide(
            ports.ledger,
            ports.decisions,
            *said,
            decision_id=decision_id,
            defect_class=answer.defect_class,
            undo_seconds=undo_seconds,
        )
        left = held_for(made, timestamps.now())
    return Given(row.id, row.image.name, decision_id, answer.verdict, answer.defect_class, "held", left)


def take_back(ports: Ports, inspection_id: str, decision_id: str, who: str) -> Inspection:
    """Undo an answer of one's own."""
    row = row_of(ports, inspection_id)
    if row.second is not None and row.second.id == decision_id:
        return second_review.take_back(ports.ledger, ports.reviews, row.id, decision_id, who)
    return decisions.undo(ports.ledger, row.id, decision_id, who)


def given(ports: Ports, entry: AuditEntry, undo_seconds: int) -> Given:
    """How far the answer that an audit entry tells of got. A second look has no further way to go."""
    row = row_of(ports, entry.inspection_id)
    stage, until = "applied", 0
    if entry.action == "second look":
        age = timestamps.seconds_between(entry.at, timestamps.now())
        until = max(0, round(undo_seconds - age))
        stage = "held" if until else stage
    elif row.decision is not None and row.decision.id == entry.decision_id:
        stage = stage_of(row)
        until = held_for(row.decision, timestamps.now())
    return Given(
        row.id,
        row.image.name or row.image.key,
        entry.decision_id,
        Verdict(entry.after),
        entry.defect_class,
        stage,
        until,
    )
