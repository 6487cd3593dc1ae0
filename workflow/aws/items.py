"""Ledger rows and audit entries as DynamoDB items, and back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from workflow.history.search import folded, model_name
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    Lease,
    Outcome,
    Review,
    SecondLook,
    State,
)
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.review.queue import Waiting

T = TypeVar("T")
FAINTEST = 1e-100  # DynamoDB refuses numbers closer to zero than 1e-130.

_ROW = frozenset(field.name for field in fields(Inspection))


def values(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values and domain objects in DynamoDB's typed notation."""
    return {name: _typed(value) for name, value in plain.items()}


def to_item(row: Inspection) -> dict[str, Any]:
    """A ledger row with the attributes that exist for the indexes only."""
    plain = {field.name: getattr(row, field.name) for field in fields(row)}
    name = row.image.name or row.image.key
    found_by = {"name": name, "text": folded(name), "day": row.claimed_at[:10], "unkept": "yes"}
    return values({**plain, **found_by, **index_keys(plain)})


def index_keys(changes: Mapping[str, Any]) -> dict[str, str]:
    """What changes of a row mean for its indexes: keys of their own, never empty, which AWS would refuse."""
    verdict, prediction, decision = (changes.get(name) for name in ("verdict", "prediction", "decision"))
    keys = {
        "filed_as": verdict or "",
        "model": model_name(prediction) if prediction else "",
        "policy_version": prediction.policy_version if prediction else "",
        "decided_by": decision.reviewer if decision else "",
    }
    return {name: str(key) for name, key in keys.items() if key}


def read_item(item: Mapping[str, Any]) -> Inspection:
    """The ledger row that an item holds."""
    plain = {name: value for name, value in _plain(item).items() if name in _ROW}
    for name, read in _READERS.items():
        if plain.get(name):
            plain[name] = read(plain[name])
    for name in ("earlier", "undone"):
        plain[name] = tuple(plain.get(name) or ())
    return Inspection(**plain)


def read_waiting(item: Mapping[str, Any]) -> Waiting:
    """A photo as the index of piles lists it."""
    plain = _plain(item)
    review, decision = plain.get("review") or {}, plain.get("decision") or {}
    return Waiting(
        plain["id"],
        plain["rank"],
        review.get("opened_at", ""),
        review.get("escalated", False),
        _part(Lease, plain.get("lease")),
        _part(Hold, plain.get("hold")),
        plain.get("skipped") or {},
        decision.get("reviewer", ""),
        _second(plain.get("second")),
    )


def audit_item(entry: AuditEntry) -> dict[str, Any]:
    """An audit entry; its action and the decision's id keep entries of one moment apart."""
    at = f"{entry.at}#{entry.action}#{entry.decision_id}"
    return values({**asdict(entry), "at": at, "moment": entry.at, "day": entry.at[:10]})


def read_audit_item(item: Mapping[str, Any]) -> AuditEntry:
    """The audit entry that an item holds."""
    plain = _plain(item)
    plain["at"] = plain.pop("moment")
    plain.pop("day", None)
    return AuditEntry(**plain)


def _prediction(plain: dict[str, Any] | None) -> Prediction | None:
    if not plain:
        return None
    scores = tuple(Score(score["label"], float(score["confidence"])) for score in plain["scores"])
    numbers = {name: float(plain[name]) for name in ("confidence", "threshold")}
    return Prediction(**{**plain, **numbers, "verdict": Verdict(plain["verdict"]), "scores": scores})


def _decision(plain: dict[str, Any] | None) -> Decision | None:
    return Decision(**{**plain, "verdict": Verdict(plain["verdict"])}) if plain else None


def _second(plain: dict[str, Any] | None) -> SecondLook | None:
    if not plain:
        return None
    verdicts = {name: Verdict(plain[name]) for name in ("verdict", "first_verdict")}
    return SecondLook(**{**plain, **verdicts, "final": Verdict(plain["final"]) if plain["final"] else None})


def _earlier(plain: list[dict[str, Any]]) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(
            **{
                **outcome,
                "verdict": Verdict(outcome["verdict"]),
                "prediction": _prediction(outcome["prediction"]),
                "decision": _decision(outcome["decision"]),
            }
        )
        for outcome in plain
    )


def _part(kind: type[T], plain: dict[str, Any] | None) -> T | None:
    return kind(**plain) if plain else None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "image": lambda plain: Image(**plain),
    "location": lambda plain: Image(**plain),
    "leftover": lambda plain: Image(**plain),
    "state": State,
    "verdict": Verdict,
    "prediction": _prediction,
    "review": lambda plain: Review(**plain),
    "decision": _decision,
    "lease": lambda plain: Lease(**plain),
    "hold": lambda plain: Hold(**plain),
    "second": _second,
    "earlier": _earlier,
}


def _typed(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's notation; boto3's own serializer takes five times as long."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": str(value.value if isinstance(value, Enum) else value)}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, float):
        return {"N": repr(value) if abs(value) > FAINTEST else "0"}
    if isinstance(value, Mapping):
        return {"M": {name: _typed(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [_typed(inner) for inner in value]}
    return {"M": {field.name: _typed(getattr(value, field.name)) for field in fields(value)}}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _untyped(value) for name, value in item.items()}


def _untyped(typed: Mapping[str, Any]) -> Any:
    """The value that DynamoDB's notation holds; numbers become the int or float that they were."""
    ((kind, value),) = typed.items()
    if kind == "S":
        return value
    if kind == "N":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "M":
        return {name: _untyped(inner) for name, inner in value.items()}
    if kind == "L":
        return [_untyped(inner) for inner in value]
    return None if kind == "NULL" else value
