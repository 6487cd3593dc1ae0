import json

import pytest

from local.training import routing_policy
from workflow.errors import ConfigurationError
from workflow.inspections.routing_policy import FIRST_POLICY, parse
from workflow.inspections.verdict import Verdict

CURRENT = json.dumps(FIRST_POLICY)


def test_the_first_policy_is_valid() -> None:
    assert parse(CURRENT).labels.keys() == {"ok", "defect", "ok_front", "def_front"}


def test_the_policy_names_exactly_the_labels_of_the_model() -> None:
    policy = parse(routing_policy(CURRENT, {"Good", "crack"}))

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

    policy = parse(routing_policy(tuned, {"ok", "burr"}))

    assert policy.labels["ok"].threshold == 0.95
    assert policy.labels.keys() == {"ok", "burr"}
    assert policy.review_seconds == 60


def test_the_version_changes_with_the_content_and_only_with_it() -> None:
    first, second = routing_policy(CURRENT, {"ok", "crack"}), routing_policy(CURRENT, {"ok", "burr"})

    assert len({parse(text).version for text in (CURRENT, first, second)}) == 3
    assert routing_policy(first, {"crack", "ok"}) == first
    assert routing_policy(second, {"ok", "crack"}) == first


def test_a_broken_policy_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(ConfigurationError, match="routing policy"):
        routing_policy("{}", {"ok", "defect"})
