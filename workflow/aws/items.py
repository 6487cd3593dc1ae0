"""Ledger rows and audit entries as DynamoDB items, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from enum import Enum
from typing import Any

from workflow.images import Image
from workflow.inspection import AuditEntry, Decision, Inspection, Review, State
from workflow.search import folded, model_name
from workflow.verdict import Prediction, Score, Verdict

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
    plain["image"] = Image(**plain["image"])
    plain["location"] = Image(**plain["location"])
    plain["leftover"] = Image(**plain["leftover"]) if plain["leftover"] else None
    plain["state"] = State(plain["state"])
    plain["verdict"] = Verdict(plain["verdict"]) if plain["verdict"] else None
    plain["prediction"] = _prediction(plain["prediction"])
    plain["review"] = Review(**plain["review"]) if plain["review"] else None
    plain["decision"] = _decision(plain["decision"])
    return Inspection(**plain)


def audit_item(entry: AuditEntry) -> dict[str, Any]:
    """An audit entry; the decision's id keeps entries of one moment apart."""
    return values({**asdict(entry), "at": f"{entry.at}#{entry.decision_id}", "moment": entry.at})


def read_audit_item(item: Mapping[str, Any]) -> AuditEntry:
    """The audit entry that an item holds."""
    plain = _plain(item)
    plain["at"] = plain.pop("moment")
    return AuditEntry(**plain)


def _prediction(plain: dict[str, Any] | None) -> Prediction | None:
    if not plain:
        return None
    scores = tuple(Score(score["label"], float(score["confidence"])) for score in plain["scores"])
    numbers = {name: float(plain[name]) for name in ("confidence", "threshold")}
    return Prediction(**{**plain, **numbers, "verdict": Verdict(plain["verdict"]), "scores": scores})


def _decision(plain: dict[str, Any] | None) -> Decision | None:
    return Decision(**{**plain, "verdict": Verdict(plain["verdict"])}) if plain else None


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
    if kind == "N":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "M":
        return {name: _untyped(inner) for name, inner in value.items()}
    if kind == "L":
        return [_untyped(inner) for inner in value]
    return None if kind == "NULL" else value
