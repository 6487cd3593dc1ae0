from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import InMemoryReferenceRepository
from tests.model_world import InMemoryEventLog, InMemoryReferenceUpdates
from tests.references import MODEL, small_reference
from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Verdict
from workflow.models import reference_update
from workflow.models.promotion import ModelAction
from workflow.models.reference_update import (
    FaultReplay,
    ReferenceProposal,
    ReferenceStore,
    parse_proposal,
    proposal_to_json,
    select_confirmed,
)

NOW = "2026-11-30T09:00:00.000Z"
DEFECT: Any = {"id": "d", "verdict": Verdict.DEFECT, "reviewer": "bob", "decided_at": NOW}
IMAGE = Image("filed", "ok/line-1/a.png", "v1")


def proposal_by(person: str, **changes: object) -> ReferenceProposal:
    values = {
        "model": MODEL,
        "proposed_at": NOW,
        "proposed_by": person,
        "reason": "a new lamp",
        "replaces": small_reference().made_at,
        "confirmed": {"ok": 40, "defect": 3},
        "faults": (FaultReplay(fault="black", tried=30, stopped_before=30, stopped_after=30),),
        "reference": small_reference(made_at=NOW, photos={"ok": 160, "defect": 83}),
    }
    return ReferenceProposal(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def store() -> ReferenceStore:
    store = ReferenceStore(
        references=InMemoryReferenceRepository(),
        updates=InMemoryReferenceUpdates(),
        event_log=InMemoryEventLog(),
        now=lambda: NOW,
        actor="ada",
    )
    store.references.put(small_reference())
    return store


def as_person(store: ReferenceStore, name: str) -> ReferenceStore:
    return replace(store, actor=name)


def events(store: ReferenceStore) -> list[tuple[str, str]]:
    return [(event.actor, event.action) for event in store.event_log.events()]


def row(**changes: object) -> Inspection:
    """An inspection that a person decided and that is filed."""
    values = {
        "id": "a" * 64,
        "image": Image("inbound", "line-1/a.png", "v1"),
        "owner": "a-1",
        "attempt": 1,
        "state": InspectionState.CLOSED,
        "uploaded_at": NOW,
        "claimed_at": NOW,
        "attempted_at": NOW,
        "location": IMAGE,
        "verdict": Verdict.OK,
        "announcement": "{}",
        "prediction": Prediction(
            verdict=Verdict.UNCLEAR, label="ok", confidence=0.99, threshold=0.8, model=MODEL
        ),
        "decision": Decision(id="d", verdict=Verdict.OK, reviewer="bob", decided_at=NOW),
    }
    return Inspection(**{**values, **changes})  # type: ignore[arg-type]


def test_only_photos_that_a_person_decided_are_confirmed() -> None:
    by_person = row()
    cracked = row(decision=Decision(**DEFECT, defect_class="crack"))
    rows = [
        by_person,
        cracked,
        row(id="f" * 64, decision=Decision(**DEFECT)),  # It may be black: there is no third answer.
        row(id="b" * 64, decision=None),
        row(id="c" * 64, announcement=""),
        row(id="d" * 64, prediction=None),
        row(id="e" * 64, prediction=replace(by_person.prediction, model="another")),  # type: ignore[type-var]
    ]

    assert select_confirmed(rows, MODEL) == [by_person, cracked]


def test_a_reference_that_learns_from_its_own_passes_is_a_variant_that_this_rule_rejects() -> None:
    """The wrong variant takes every filed photo, and follows the light down to black."""

    def own_passes(rows: Iterable[Inspection], model: str) -> list[Inspection]:
        return [each for each in rows if each.settled and each.prediction is not None]

    passed_by_the_model = row(decision=None)

    assert own_passes([passed_by_the_model], MODEL) == [passed_by_the_model]
    assert select_confirmed([passed_by_the_model], MODEL) == []


def test_a_second_person_puts_the_proposal_to_use_and_both_are_on_record(store: ReferenceStore) -> None:
    reference_update.propose(store, proposal_by("ada"))
    assert store.references.get(MODEL) == small_reference(), "a proposal alone changes nothing"

    reference_update.approve(as_person(store, "bea"), MODEL)

    assert store.references.get(MODEL) == proposal_by("ada").reference
    assert store.updates.get_proposal(MODEL) is None
    assert events(store) == [("ada", ModelAction.PROPOSE_REFERENCE), ("bea", ModelAction.APPROVE_REFERENCE)]
    approval = store.event_log.events(ModelAction.APPROVE_REFERENCE)[0]
    assert (approval.reason, approval.details["proposed_by"]) == ("a new lamp", "ada")
    assert approval.details["ranges_before"] == dict(small_reference().ranges)


def test_the_person_who_proposed_may_not_approve(store: ReferenceStore) -> None:
    reference_update.propose(store, proposal_by("ada"))

    with pytest.raises(Conflict, match="another person"):
        reference_update.approve(store, MODEL)

    assert store.references.get(MODEL) == small_reference()
    assert events(store) == [("ada", ModelAction.PROPOSE_REFERENCE)]


def test_a_proposal_for_a_reference_that_was_replaced_is_refused(store: ReferenceStore) -> None:
    reference_update.propose(store, proposal_by("ada"))
    other = small_reference(made_at="2026-11-30T08:30:00.000Z")
    store.references.put(other)

    with pytest.raises(Conflict, match="replaced since"):
        reference_update.approve(as_person(store, "bea"), MODEL)

    assert store.references.get(MODEL) == other


def test_nothing_is_approved_without_a_proposal(store: ReferenceStore) -> None:
    with pytest.raises(NotFound, match="no proposal"):
        reference_update.approve(store, MODEL)


def test_nothing_is_proposed_without_a_reference(store: ReferenceStore) -> None:
    with pytest.raises(NotFound, match="has no reference"):
        reference_update.propose(store, proposal_by("ada", model="arn:another"))


def test_the_first_reference_stays_the_one_that_later_ones_are_compared_with(store: ReferenceStore) -> None:
    for number in (1, 2):
        current = store.references.get(MODEL)
        assert current is not None
        later = small_reference(made_at=f"2026-12-0{number}T00:00:00.000Z")
        reference_update.propose(store, proposal_by("ada", replaces=current.made_at, reference=later))
        reference_update.approve(as_person(store, "bea"), MODEL)

    assert store.first(MODEL) == small_reference()


def test_a_reference_of_the_training_alone_is_a_first_one_again(store: ReferenceStore) -> None:
    reference_update.propose(store, proposal_by("ada"))
    reference_update.approve(as_person(store, "bea"), MODEL)
    remade = small_reference(made_at="2026-12-05T00:00:00.000Z")

    reference_update.save(store, remade)

    assert (store.references.get(MODEL), store.first(MODEL)) == (remade, remade)
    assert events(store)[-1] == ("ada", ModelAction.MAKE_REFERENCE)


def test_a_proposal_is_read_back_as_it_was_stored() -> None:
    assert parse_proposal(proposal_to_json(proposal_by("ada"))) == proposal_by("ada")
