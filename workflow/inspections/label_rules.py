"""The routing policy for the labels of a new model."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from workflow.inspections.routing_policy import parse

DEFAULT_THRESHOLD = 0.8


def policy_for_labels(current: str, labels: Collection[str]) -> str:
    """Return the policy text for exactly these labels: existing rules stay, other labels get a default rule.

    The version is a hash of the content, so it changes only if the rules change. Raises ConfigurationError if
    the current policy is not valid.
    """
    parse(current)
    document = json.loads(current)
    existing = document["labels"]
    rules = {label: existing.get(label) or _default_rule(label) for label in sorted(labels)}
    if rules == existing:
        return current
    content = {**document, "labels": rules}
    del content["version"]
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return json.dumps({"version": version, **content})


def is_ok_label(label: str) -> bool:
    """Return whether a label names sound parts, such as ok, OK, okay, ok_front or good."""
    return label.casefold().startswith(("ok", "good"))


def _default_rule(label: str) -> dict[str, Any]:
    return {"verdict": "ok" if is_ok_label(label) else "defect", "threshold": DEFAULT_THRESHOLD}
