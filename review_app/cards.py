"""What a reviewer is told of a photo; of a second look, nothing that was answered before."""

from collections.abc import Mapping
from dataclasses import dataclass

from review_app.pages import percent
from workflow.inspections.inspection import Inspection, Ledger
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Prediction, Verdict

MAX_OTHERS = 4


@dataclass(frozen=True, slots=True)
class Other:
    """Another photo of the same name: an earlier or later shot of the part, if names name parts."""

    id: str
    verdict: Verdict | None
    at: str


@dataclass(frozen=True, slots=True)
class Card:
    """One photo to decide."""

    id: str
    name: str
    key: str
    prediction: Prediction | None
    policy: str
    thresholds: Mapping[str, float]
    model: str
    since: str
    round: int
    escalated: bool
    others: tuple[Other, ...]
    until: str


def card(row: Inspection, ledger: Ledger, policy: RoutingPolicy) -> Card:
    """The card of a row that is handed out.

    A settled row is a second look. It looks like any other photo, which waits since it was settled; where the
    model gave the first answer, that is not shown either.
    """
    blind = row.settled and row.decision is None
    prediction = None if blind else row.prediction
    asked = None if row.settled else row.review
    return Card(
        row.id,
        row.image.name or row.image.key,
        row.image.key,
        prediction,
        policy_says(prediction, policy) if prediction else "The model's answer is shown after yours.",
        {label: rule.threshold for label, rule in policy.labels.items()},
        short_model(prediction.model) if prediction else "",
        row.settled_at if row.settled else asked.opened_at if asked else "",
        asked.round if asked else 1,
        asked.escalated if asked else False,
        _others(row, ledger),
        row.lease.until if row.lease else "",
    )


def _others(row: Inspection, ledger: Ledger) -> tuple[Other, ...]:
    rows = [other for other in ledger.by_name(row.image.name or row.image.key) if other.id != row.id]
    return tuple(Other(other.id, other.verdict, other.claimed_at) for other in rows[:MAX_OTHERS])


def policy_says(prediction: Prediction, policy: RoutingPolicy) -> str:
    """Why the photo is before a person, in one sentence."""
    if prediction.note:
        return f"Unclear because {prediction.note}."
    rule = policy.labels.get(prediction.label)
    meaning = f" (that is, {rule.verdict})" if rule and rule.verdict != prediction.label else ""
    if prediction.confidence < prediction.threshold:
        return (
            f"Unclear because the policy trusts {prediction.label!r}{meaning} "
            f"from {percent(prediction.threshold)} on."
        )
    return f"The policy trusts {prediction.label!r}{meaning} from {percent(prediction.threshold)} on."


def short_model(arn: str) -> str:
    """A model as people call it: project and version of its ARN."""
    parts = arn.split("/")
    return f"{parts[1]} {parts[3]}" if len(parts) > 3 else arn
