import json

import pytest

from workflow.errors import ConfigurationError
from workflow.inspections.default_label_rules import guess_verdicts, policy_for_labels
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


@pytest.mark.parametrize(
    ("labels", "guessed"),
    [
        ({"ok", "crack", "bad_light"}, {}),
        ({"ok_front", "def_front"}, {}),
        ({"good_light", "bad_light"}, {"good_light": "ok"}),
        ({"ok", "Okra", "no crack", "pass"}, {"Okra": "ok", "no crack": "defect", "pass": "defect"}),
        ({"Good", "0"}, {"0": "defect"}),
    ],
)
def test_a_verdict_that_no_rule_and_no_name_says_for_certain_is_a_guess(
    labels: set[str], guessed: dict[str, str]
) -> None:
    assert guess_verdicts(CURRENT, labels, {}) == guessed
    assert guess_verdicts(CURRENT, labels, guessed) == {}


def test_a_named_verdict_wins_over_the_name_and_keeps_the_threshold() -> None:
    tuned = policy_for_labels(CURRENT, {"ok", "good_light"})

    policy = parse(policy_for_labels(tuned, {"ok", "good_light"}, {"good_light": "defect"}))

    assert policy.labels["good_light"].verdict is Verdict.DEFECT
    assert policy.labels["ok"] == parse(tuned).labels["ok"]


def test_an_invalid_policy_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="routing policy"):
        policy_for_labels("{}", {"ok", "defect"})
