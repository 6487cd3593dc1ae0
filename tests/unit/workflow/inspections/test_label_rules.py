import json

import pytest

from workflow.errors import ConfigurationError
from workflow.inspections.label_rules import policy_for_labels
from workflow.inspections.routing_policy import DEFAULT_POLICY, parse
from workflow.inspections.verdict import Verdict

CURRENT = json.dumps(DEFAULT_POLICY)


def test_the_first_policy_is_valid() -> None:
    assert parse(CURRENT).labels.keys() == {"ok", "defect", "ok_front", "def_front"}


def test_the_policy_names_exactly_the_labels_of_the_model() -> None:
    policy = parse(policy_for_labels(CURRENT, {"Good", "crack"}))

    assert {name: (rule.verdict, rule.threshold) for name, rule in policy.labels.items()} == {
        "Good": (Verdict.OK, 0.8),
        "crack": (Verdict.DEFECT, 0.8),
    }


def test_rules_that_a_person_set_stay() -> None:
    tuned = json.dumps(
        {
            "version": "7",
            "labels": {
                "ok": {"verdict": "ok", "threshold": 0.95},
                "old": {"verdict": "defect", "threshold": 0.5},
            },
            "review_seconds": 60,
        }
    )

    policy = parse(policy_for_labels(tuned, {"ok", "burr"}))

    assert policy.labels["ok"].threshold == 0.95
    assert policy.labels.keys() == {"ok", "burr"}
    assert policy.review_seconds == 60


def test_the_version_changes_with_the_content_and_only_with_it() -> None:
    first, second = policy_for_labels(CURRENT, {"ok", "crack"}), policy_for_labels(CURRENT, {"ok", "burr"})

    assert len({parse(text).version for text in (CURRENT, first, second)}) == 3
    assert policy_for_labels(first, {"crack", "ok"}) == first
    assert policy_for_labels(second, {"ok", "crack"}) == first


def test_an_invalid_policy_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="routing policy"):
        policy_for_labels("{}", {"ok", "defect"})
