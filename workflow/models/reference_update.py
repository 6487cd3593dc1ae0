"""Change requests for the reference of a model: photos that people confirmed, approved by a second person."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Inspection
from workflow.inspections.model_reference import ModelReference, ReferenceRepository, parse_reference, to_json
from workflow.inspections.verdict import Verdict
from workflow.models.model import version_name
from workflow.models.promotion import ModelAction, ModelEvent, ModelEventLog
from workflow.timestamps import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReplay:
    """How many of the `tried` photos with one fault of the camera the old and the new reference stop."""

    fault: str
    tried: int
    stopped_before: int
    stopped_after: int

    @property
    def weakened(self) -> bool:
        """Return True if the new reference stops fewer of them."""
        return self.stopped_after < self.stopped_before


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceProposal:
    """A person's request to replace the reference of a model.

    `replaces` is the time at which the reference to be replaced was made. `confirmed` counts the photos by
    the verdict that people gave them: together with the photos of the training, they are the new reference.
    """

    model: str
    proposed_at: str
    proposed_by: str
    reason: str
    replaces: str
    confirmed: Mapping[str, int]
    faults: tuple[FaultReplay, ...]
    reference: ModelReference


class ReferenceUpdates(Protocol):
    """The open proposal of each model, and the first reference of each model whose reference was updated."""

    def get_proposal(self, model: str) -> ReferenceProposal | None:
        """Return the open proposal, or None."""

    def put_proposal(self, proposal: ReferenceProposal) -> None:
        """Store a proposal; it replaces the open one of its model."""

    def delete_proposal(self, model: str) -> None:
        """Delete the open proposal, if there is one."""

    def get_first(self, model: str) -> ModelReference | None:
        """Return the reference before the first update, or None if there was no update."""

    def put_first(self, reference: ModelReference) -> None:
        """Store the reference before the first update."""

    def delete_first(self, model: str) -> None:
        """Delete the reference before the first update, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceStore:
    """The ports of references; `now` returns the recorded time, `actor` is the person."""

    references: ReferenceRepository
    updates: ReferenceUpdates
    event_log: ModelEventLog
    now: Clock
    actor: str

    def first(self, model: str) -> ModelReference | None:
        """Return the reference that was made from the photos of the training alone, None without any."""
        return self.updates.get_first(model) or self.references.get(model)


def select_confirmed(rows: Iterable[Inspection], model: str) -> list[Inspection]:
    """Return the inspections of a model whose photo shows a part, as a person's decision confirms.

    A photo that the model alone passed is never among them: a reference that learns from its own verdicts
    follows the light down, step by step. A defect without a class is no evidence either, because reviewers
    also decide black photos, and have no other answer for them.
    """
    return [
        row
        for row in rows
        if row.settled
        and row.prediction is not None
        and row.prediction.model == model
        and row.decision is not None
        and (row.decision.verdict is Verdict.OK or bool(row.decision.defect_class))
    ]


def save(store: ReferenceStore, reference: ModelReference) -> None:
    """Store a reference that was made from the photos of the training alone, and record that."""
    _record(store, ModelAction.MAKE_REFERENCE, reference.model, details={"photos": dict(reference.photos)})
    store.references.put(reference)
    store.updates.delete_first(reference.model)
    store.updates.delete_proposal(reference.model)


def propose(store: ReferenceStore, proposal: ReferenceProposal) -> None:
    """Store a proposal and record it. Raise NotFound if there is no reference that it could replace."""
    if store.references.get(proposal.model) is None:
        raise NotFound(f"Model {version_name(proposal.model)} has no reference that could be replaced")
    store.updates.put_proposal(proposal)
    details = {"confirmed": dict(proposal.confirmed), "replaces": proposal.replaces}
    _record(store, ModelAction.PROPOSE_REFERENCE, proposal.model, proposal.reason, details)


def approve(store: ReferenceStore, model: str) -> ReferenceProposal:
    """Put the proposed reference to use; return the proposal.

    Raise NotFound without a proposal, Conflict if the same person proposed it, or if the reference was
    replaced in the meantime.
    """
    proposal, name = store.updates.get_proposal(model), version_name(model)
    if proposal is None:
        raise NotFound(f"There is no proposal for the reference of model {name}: make one with --update")
    if proposal.proposed_by == store.actor:
        raise Conflict(f"{store.actor} proposed this reference: another person must approve it")
    current = store.references.get(model)
    if current is None or current.made_at != proposal.replaces:
        raise Conflict(f"The reference of model {name} was replaced since the proposal: propose it again")
    if store.updates.get_first(model) is None:
        store.updates.put_first(current)
    details = {
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at,
        "confirmed": dict(proposal.confirmed),
        "ranges_before": dict(current.ranges),
        "ranges_after": dict(proposal.reference.ranges),
    }
    _record(store, ModelAction.APPROVE_REFERENCE, model, proposal.reason, details)
    store.references.put(proposal.reference)
    store.updates.delete_proposal(model)
    return proposal


def count_confirmed(rows: Iterable[Inspection]) -> dict[str, int]:
    """Count inspections by the verdict of the person who decided them."""
    return dict(Counter(row.decision.verdict.value for row in rows if row.decision))


def proposal_to_json(proposal: ReferenceProposal) -> str:
    """Serialize a proposal as JSON that `parse_proposal` reads."""
    document: dict[str, Any] = {field.name: getattr(proposal, field.name) for field in fields(proposal)}
    document["faults"] = [
        {field.name: getattr(fault, field.name) for field in fields(fault)} for fault in proposal.faults
    ]
    document["reference"] = json.loads(to_json(proposal.reference))
    return json.dumps(document)


def parse_proposal(text: str) -> ReferenceProposal:
    """Parse a proposal from its JSON text."""
    document = json.loads(text)
    faults = tuple(FaultReplay(**fault) for fault in document.pop("faults"))
    reference = parse_reference(json.dumps(document.pop("reference")))
    return ReferenceProposal(**document, faults=faults, reference=reference)


def _record(
    store: ReferenceStore, action: ModelAction, model: str, reason: str = "", details: Any = None
) -> None:
    store.event_log.add(
        ModelEvent(
            at=store.now(),
            actor=store.actor,
            action=action,
            after=model,
            reason=reason,
            details=details or {},
        )
    )
