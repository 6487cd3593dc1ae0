"""Converts inspections and audit entries to DynamoDB items, and back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from workflow.aws.measures import from_measures_attribute, to_measures_attribute
from workflow.history.search import model_name, normalize_name
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    InspectionState,
    Lease,
    ModelWait,
    PreviousRevision,
    Review,
    SecondReview,
)
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.review.queue import ReviewItem

T = TypeVar("T")
ITEM_KIND = "inspection"  # Every inspection has it, so that the index `by_id` lists all of them.
SMALLEST_NUMBER = 1e-100  # DynamoDB rejects numbers closer to zero than 1e-130.

_INSPECTION_FIELDS = frozenset(field.name for field in fields(Inspection))


def to_attribute_values(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Convert plain values and domain objects to DynamoDB attribute values."""
    return {name: _typed(value) for name, value in plain.items()}


def to_inspection_item(row: Inspection) -> dict[str, Any]:
    """Convert an inspection to an item, with the attributes that only the indexes need."""
    plain = {field.name: getattr(row, field.name) for field in fields(row)}
    plain["measures"] = to_measures_attribute(row.measures)
    index_attributes = {
        "name": row.image.name or row.image.key,
        "search_text": normalize_name(row.image.key),
        "day": row.claimed_at[:10],
        "unarchived": "yes",
        "kind": ITEM_KIND,
    }
    return to_attribute_values({**plain, **index_attributes, **derive_index_keys(plain)})


def derive_index_keys(changes: Mapping[str, Any]) -> dict[str, str]:
    """Derive index keys from an inspection's changes. Empty keys are left out, because AWS rejects them."""
    verdict, prediction, decision = (changes.get(name) for name in ("verdict", "prediction", "decision"))
    keys = {
        "filed_as": verdict or "",
        "model": model_name(prediction) if prediction else "",
        "policy_version": prediction.policy_version if prediction else "",
        "decided_by": decision.reviewer if decision else "",
    }
    return {name: str(key) for name, key in keys.items() if key}


def from_inspection_item(item: Mapping[str, Any]) -> Inspection:
    """Convert an item to an inspection."""
    plain = {name: value for name, value in from_attribute_values(item).items() if name in _INSPECTION_FIELDS}
    for name, read in _READERS.items():
        if plain.get(name):
            plain[name] = read(plain[name])
    for name in ("previous_revisions", "undone_ids"):
        plain[name] = tuple(plain.get(name) or ())
    return Inspection(**plain)


def from_review_item(item: Mapping[str, Any]) -> ReviewItem:
    """Convert an item of the index `by_review_queue` to a review item."""
    plain = from_attribute_values(item)
    review, decision = plain.get("review") or {}, plain.get("decision") or {}
    return ReviewItem(
        id=plain["id"],
        priority=plain["priority"],
        opened_at=review.get("opened_at", ""),
        escalated=review.get("escalated", False),
        lease=_build_part(Lease, plain.get("lease")),
        hold=_build_part(Hold, plain.get("hold")),
        skipped=plain.get("skipped") or {},
        first_decided_by=decision.get("reviewer", ""),
        second_review=_build_second_review(plain.get("second_review")),
    )


def to_audit_item(entry: AuditEntry) -> dict[str, Any]:
    """Convert an audit entry to an item. Action and decision id make keys of the same time unique."""
    at = f"{entry.at}#{entry.action}#{entry.decision_id}"
    return to_attribute_values({**asdict(entry), "at": at, "occurred_at": entry.at, "day": entry.at[:10]})


def from_audit_item(item: Mapping[str, Any]) -> AuditEntry:
    """Convert an item to an audit entry."""
    plain = from_attribute_values(item)
    plain["at"] = plain.pop("occurred_at")
    plain.pop("day", None)
    return AuditEntry(**{**plain, "action": AuditAction(plain["action"])})


def _build_prediction(plain: dict[str, Any] | None) -> Prediction | None:
    if not plain:
        return None
    scores = tuple(Score(score["label"], float(score["confidence"])) for score in plain["scores"])
    numbers = {name: float(plain[name]) for name in ("confidence", "threshold")}
    return Prediction(
        **{
            **plain,
            **numbers,
            "verdict": Verdict(plain["verdict"]),
            "scores": scores,
            "unusual": tuple(plain.get("unusual") or ()),
        }
    )


def _build_decision(plain: dict[str, Any] | None) -> Decision | None:
    return Decision(**{**plain, "verdict": Verdict(plain["verdict"])}) if plain else None


def _build_second_review(plain: dict[str, Any] | None) -> SecondReview | None:
    if not plain:
        return None
    verdicts = {name: Verdict(plain[name]) for name in ("verdict", "first_verdict")}
    return SecondReview(
        **{
            **plain,
            **verdicts,
            "final_verdict": Verdict(plain["final_verdict"]) if plain["final_verdict"] else None,
        }
    )


def _build_previous_revisions(plain: list[dict[str, Any]]) -> tuple[PreviousRevision, ...]:
    return tuple(
        PreviousRevision(
            **{
                **revision,
                "verdict": Verdict(revision["verdict"]),
                "prediction": _build_prediction(revision["prediction"]),
                "decision": _build_decision(revision["decision"]),
            }
        )
        for revision in plain
    )


def _build_part(part_type: type[T], plain: dict[str, Any] | None) -> T | None:
    return part_type(**plain) if plain else None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "image": lambda plain: Image(**plain),
    "location": lambda plain: Image(**plain),
    "pending_delete": lambda plain: Image(**plain),
    "state": InspectionState,
    "verdict": Verdict,
    "prediction": _build_prediction,
    "measures": from_measures_attribute,
    "review": lambda plain: Review(**plain),
    "model_wait": lambda plain: ModelWait(**plain),
    "decision": _build_decision,
    "lease": lambda plain: Lease(**plain),
    "hold": lambda plain: Hold(**plain),
    "second_review": _build_second_review,
    "previous_revisions": _build_previous_revisions,
}


def _typed(value: Any) -> dict[str, Any]:
    """Convert a value to DynamoDB's notation. boto3's own serialiser takes five times as long."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": str(value.value if isinstance(value, Enum) else value)}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, float):
        return {"N": repr(value) if abs(value) > SMALLEST_NUMBER else "0"}
    if isinstance(value, Mapping):
        return {"M": {name: _typed(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [_typed(inner) for inner in value]}
    return {"M": {field.name: _typed(getattr(value, field.name)) for field in fields(value)}}


def from_attribute_values(item: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an item from DynamoDB's notation to plain values."""
    return {name: _untyped(value) for name, value in item.items()}


def _untyped(typed: Mapping[str, Any]) -> Any:
    """Convert DynamoDB's notation to a value. Whole numbers become int, other numbers float."""
    ((type_name, value),) = typed.items()
    if type_name == "S":
        return value
    if type_name == "N":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)
    if type_name == "M":
        return {name: _untyped(inner) for name, inner in value.items()}
    if type_name == "L":
        return [_untyped(inner) for inner in value]
    return None if type_name == "NULL" else value
