"""The routing policy for the labels of a new model."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from workflow.inspections.routing_policy import parse

DEFAULT_THRESHOLD = 0.8


_OK_NAMES = frozenset({"ok", "okay", "good"})
_SOUND_WORDS = frozenset(
    {
        *("ok", "okay", "good", "pass", "passed", "fine", "sound", "intact", "normal", "clean", "accepted"),
        *("no", "not", "non", "without", "free", "un", "undamaged"),
        *("io", "gut", "bon", "true", "yes", "0", "1"),
    }
)


def policy_for_labels(
    current: str,
    labels: Collection[str],
    verdicts: Mapping[str, str] = MappingProxyType({}),
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """Return the policy text for exactly these labels: existing rules stay, other labels get a default rule.

    `verdicts` names the verdict of labels, and wins over existing rules and over the labels' names.
    `thresholds` names the threshold (0 to 1) of verdicts, and wins over existing rules.

    The version is a hash of the content, so it changes only if the rules change. Raise ConfigurationError if
    the current policy is not valid.
    """
    parse(current)
    document = json.loads(current)
    existing = document["labels"]
    rules = {label: {**(existing.get(label) or _default_rule(label))} for label in sorted(labels)}
    for label in rules.keys() & verdicts.keys():
        rules[label]["verdict"] = verdicts[label]
    for rule in rules.values():
        rule["threshold"] = thresholds.get(rule["verdict"], rule["threshold"])
    if rules == existing:
        return current
    content = {**document, "labels": rules}
    del content["version"]
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return json.dumps({"version": version, **content})


def guess_verdicts(current: str, labels: Collection[str], named: Collection[str]) -> dict[str, str]:
    """Return the verdicts of labels that neither the current policy, nor a person, nor the name says.

    The names ok, okay and good mean sound parts. A name is certain to mean a defect if none of its words may
    mean a sound part or a negation, as in `good_light`, `no crack`, `pass` or `0`.
    """
    open_labels = set(labels) - set(parse(current).labels) - set(named)
    return {label: _default_rule(label)["verdict"] for label in sorted(open_labels) if _is_ambiguous(label)}


def _is_ambiguous(label: str) -> bool:
    has_words = re.search(r"[^\W_]", label) is not None
    is_certain = label.casefold() in _OK_NAMES
    return not is_certain and (not has_words or is_ok_label(label) or may_mean_sound(label))


def may_mean_sound(label: str) -> bool:
    """Return True if a word of a label may mean sound parts, or a negation, such as in MT_Free."""
    return not _SOUND_WORDS.isdisjoint(re.split(r"[\W_]+", label.casefold()))


def is_ok_label(label: str) -> bool:
    """Return True if a label names sound parts, such as ok, OK, okay, ok_front or good."""
    return label.casefold().startswith(("ok", "good"))


def _default_rule(label: str) -> dict[str, Any]:
    return {"verdict": "ok" if is_ok_label(label) else "defect", "threshold": DEFAULT_THRESHOLD}
