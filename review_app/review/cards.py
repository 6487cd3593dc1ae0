"""Review cards: the facts that a reviewer sees beside a photo."""

from collections.abc import Mapping
from dataclasses import dataclass

from review_app.formatting import format_percent
from workflow.inspections.inspection import Inspection
from workflow.inspections.repository import InspectionQueries
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Prediction, Verdict

MAX_RELATED_PHOTOS = 4


@dataclass(frozen=True, slots=True)
class RelatedPhoto:
    """Another photo of the same name, which may show the same part."""

    id: str
    verdict: Verdict | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCard:
    """A photo to review. `thresholds` maps labels to thresholds, `expires_at` is the end of its lease."""

    id: str
    name: str
    prediction: Prediction | None
    policy: str
    thresholds: Mapping[str, float]
    model: str
    since: str
    round: int
    escalated: bool
    related_photos: tuple[RelatedPhoto, ...]
    expires_at: str


def build_card(row: Inspection, inspections: InspectionQueries, policy: RoutingPolicy) -> ReviewCard:
    """Build the card of a leased photo.

    A settled row is a second review. It looks like any other photo, with the time of settling as the start of
    its wait. If the model gave the first answer, the card does not show it.
    """
    hide_prediction = row.settled and row.decision is None
    prediction = None if hide_prediction else row.prediction
    review = None if row.settled else row.review
    return ReviewCard(
        id=row.id,
        name=row.image.name or row.image.key,
        prediction=prediction,
        policy=explain_routing(prediction, policy)
        if prediction
        else "The model's answer is shown after your decision.",
        thresholds={label: rule.threshold for label, rule in policy.labels.items()},
        model=short_model_name(prediction.model) if prediction else "",
        since=row.settled_at if row.settled else review.opened_at if review else "",
        round=review.round if review else 1,
        escalated=review.escalated if review else False,
        related_photos=_related_photos(row, inspections),
        expires_at=row.lease.expires_at if row.lease else "",
    )


def _related_photos(row: Inspection, inspections: InspectionQueries) -> tuple[RelatedPhoto, ...]:
    same_name = inspections.list_by_name(row.image.name or row.image.key)
    others = [other for other in same_name if other.id != row.id]
    return tuple(
        RelatedPhoto(other.id, other.verdict, other.claimed_at) for other in others[:MAX_RELATED_PHOTOS]
    )


def explain_routing(prediction: Prediction, policy: RoutingPolicy) -> str:
    """Explain in one sentence why the policy sent a photo to a reviewer, or which threshold applied."""
    if prediction.unusual:
        return "An unusual photo is unclear at any confidence."
    if prediction.note:
        return f"Unclear because {prediction.note}."
    rule = policy.labels.get(prediction.label)
    meaning = f" (that is, {rule.verdict})" if rule and rule.verdict != prediction.label else ""
    threshold = format_percent(prediction.threshold)
    if prediction.confidence < prediction.threshold:
        return f"Unclear because the policy requires {threshold} for {prediction.label!r}{meaning}."
    return f"The policy accepts {prediction.label!r}{meaning} from {threshold}."


def short_model_name(arn: str) -> str:
    """Return the project and version of a model's ARN."""
    parts = arn.split("/")
    return f"{parts[1]} {parts[3]}" if len(parts) > 3 else arn
