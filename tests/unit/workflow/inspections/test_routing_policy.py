"""A doubtful prediction never becomes ok, and a wrong policy is refused by the name of its field."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.errors import ConfigurationError
from workflow.inspections import routing_policy
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy, apply_threshold
from workflow.inspections.verdict import Score, Verdict

POLICY = RoutingPolicy(
    version="7",
    labels={
        "ok": LabelRule(Verdict.OK, 0.9),
        "fine": LabelRule(Verdict.OK, 0.5),
        "crack": LabelRule(Verdict.DEFECT, 0.8),
    },
    unknown_threshold=0.99,
)
WRITTEN: dict[str, Any] = {
    "version": "7",
    "labels": {"ok": {"verdict": "ok", "threshold": 0.9}, "crack": {"verdict": "defect", "threshold": 0.8}},
    "contradiction": 0.6,
    "review_seconds": 3600,
    "model_wait_seconds": 7200,
    "spot_check_share": 0.05,
}

names = st.sampled_from(["ok", "fine", "crack", "new", ""])
vectors = st.lists(st.builds(Score, names, st.floats(0, 1)), max_size=6)


def scores(**confidences: float) -> list[Score]:
    return [Score(label, confidence) for label, confidence in confidences.items()]


def test_the_strongest_label_becomes_the_prediction_with_everything_needed_to_replay_it() -> None:
    prediction = POLICY.predict(scores(crack=0.04, ok=0.96), "model-1")

    assert (prediction.verdict, prediction.label, prediction.confidence) == (Verdict.OK, "ok", 0.96)
    assert (prediction.threshold, prediction.model, prediction.policy_version) == (0.9, "model-1", "7")
    assert prediction.scores == (Score("ok", 0.96), Score("crack", 0.04))
    assert prediction.note == ""


def test_without_any_label_the_photo_is_unclear() -> None:
    prediction = POLICY.predict([], "model-1")

    assert (prediction.verdict, prediction.confidence) == (Verdict.UNCLEAR, 0.0)
    assert prediction.note == "the model named no label"
    assert apply_threshold(prediction) is Verdict.UNCLEAR


@pytest.mark.parametrize("confidence", [0.5, 0.99, 1.0])
def test_an_unknown_label_is_unclear_at_any_confidence(confidence: float) -> None:
    prediction = POLICY.predict(scores(new=confidence))

    assert apply_threshold(prediction) is Verdict.UNCLEAR
    assert prediction.threshold == 0.99
    assert "'new'" in prediction.note


@pytest.mark.parametrize("rival", ["crack", "new"])
def test_a_tie_of_different_verdicts_is_unclear(rival: str) -> None:
    prediction = RoutingPolicy(
        version="1", labels={**POLICY.labels, "ok": LabelRule(Verdict.OK, 0.1)}
    ).predict(scores(**{"ok": 0.5, rival: 0.5}))

    assert apply_threshold(prediction) is Verdict.UNCLEAR


@pytest.mark.parametrize("label", ["ok", "crack"])
def test_an_unusual_photo_is_unclear_with_its_reasons_and_the_models_scores(label: str) -> None:
    usual = POLICY.predict(scores(**{label: 1.0}), "model-1")

    prediction = POLICY.predict(scores(**{label: 1.0}), "model-1", ("too dark (mean 3)", "out of focus"))

    assert prediction == replace(
        usual,
        verdict=Verdict.UNCLEAR,
        note="the photo is unusual: too dark (mean 3); out of focus",
        unusual=("too dark (mean 3)", "out of focus"),
    )
    assert apply_threshold(prediction) is Verdict.UNCLEAR


def test_the_note_of_an_unusual_photo_keeps_the_reason_of_the_policy() -> None:
    prediction = POLICY.predict([], "model-1", ("too dark",))

    assert prediction.note == "the model named no label; the photo is unusual: too dark"


def test_a_tie_within_rounding_is_a_tie() -> None:
    assert "contradict" in POLICY.predict(scores(ok=0.3 + 1e-10, crack=0.3)).note


def test_a_tie_of_labels_with_one_verdict_is_no_tie() -> None:
    prediction = POLICY.predict(scores(ok=0.95, fine=0.95))

    assert (prediction.verdict, prediction.label) == (Verdict.OK, "fine")
    assert apply_threshold(prediction) is Verdict.OK


@pytest.mark.parametrize(("second", "verdict"), [(0.5, Verdict.OK), (0.501, Verdict.UNCLEAR)])
def test_a_second_verdict_above_the_contradiction_makes_it_unclear(second: float, verdict: Verdict) -> None:
    assert apply_threshold(POLICY.predict(scores(ok=0.95, crack=second))) is verdict


def test_an_unknown_label_can_contradict() -> None:
    assert apply_threshold(POLICY.predict(scores(ok=0.95, new=0.7))) is Verdict.UNCLEAR


def test_a_contradiction_shows_the_threshold_of_the_strongest_label() -> None:
    prediction = POLICY.predict(scores(crack=0.95, ok=0.7))

    assert (prediction.label, prediction.threshold) == ("crack", 0.8)
    assert prediction.note == "the labels 'crack' and 'ok' contradict"


def test_a_photo_that_no_model_judged_is_unclear() -> None:
    prediction = POLICY.predict_without_model("no model answered in 24 h")

    assert apply_threshold(prediction) is Verdict.UNCLEAR
    assert (prediction.model, prediction.note) == ("", "no model answered in 24 h")


@given(vectors)
def test_nothing_doubtful_becomes_ok(vector: list[Score]) -> None:
    prediction = POLICY.predict(vector)
    if apply_threshold(prediction) is not Verdict.OK:
        return

    strongest = max(score.confidence for score in vector)
    rule = POLICY.labels[prediction.label]
    others = [score for score in vector if POLICY.labels.get(score.label, rule).verdict is not Verdict.OK]
    unknown = [score for score in vector if score.label not in POLICY.labels]
    assert rule.verdict is Verdict.OK
    assert prediction.confidence == strongest >= rule.threshold
    assert all(score.confidence < strongest for score in others + unknown)
    assert all(score.confidence <= POLICY.contradiction for score in others + unknown)


@given(vectors, st.randoms())
def test_the_order_of_the_labels_does_not_matter(vector: list[Score], random: Any) -> None:
    shuffled = list(vector)
    random.shuffle(shuffled)

    assert POLICY.predict(shuffled) == POLICY.predict(vector)


@given(vectors)
def test_no_score_is_forgotten(vector: list[Score]) -> None:
    assert sorted(POLICY.predict(vector).scores, key=repr) == sorted(vector, key=repr)


def test_a_policy_is_read_from_its_json() -> None:
    read = routing_policy.parse(json.dumps(WRITTEN))

    assert read == RoutingPolicy(
        version="7",
        labels={"ok": LabelRule(Verdict.OK, 0.9), "crack": LabelRule(Verdict.DEFECT, 0.8)},
        contradiction=0.6,
        review_seconds=3600,
        model_wait_seconds=7200,
        spot_check_share=0.05,
    )


def test_a_policy_needs_only_a_version_and_labels() -> None:
    read = routing_policy.parse(json.dumps({name: WRITTEN[name] for name in ("version", "labels")}))

    assert (read.review_seconds, read.model_wait_seconds, read.spot_check_share) == (604_800, 86_400, 0.0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": ""}, "'version'"),
        ({"version": 7}, "'version'"),
        ({"version": " \t"}, "'version'"),
        ({"labels": {}}, "'labels'"),
        ({"labels": ["ok"]}, "'labels'"),
        ({"labels": "ok"}, "'labels'"),
        ({"labels": {"ok": 0.9}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok"}}}, "'threshold'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": 0.9, "treshold": 1}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "okay", "threshold": 0.9}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "unclear", "threshold": 0.9}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "rejected", "threshold": 0.9}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": 90}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": -0.1}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": float("nan")}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": None}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": "high"}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": "0.9"}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": True}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": "ok", "threshold": 10**400}}}, "'ok'"),
        ({"labels": {"ok": {"verdict": ["ok"], "threshold": 0.9}}}, "'ok'"),
        ({"contradiction": 1.1}, "'contradiction'"),
        ({"contradiction": "0.5"}, "'contradiction'"),
        ({"contradiction": True}, "'contradiction'"),
        ({"spot_check_share": -1}, "'spot_check_share'"),
        ({"spot_check_share": None}, "'spot_check_share'"),
        ({"review_seconds": 0}, "'review_seconds'"),
        ({"review_seconds": 1.5}, "'review_seconds'"),
        ({"review_seconds": True}, "'review_seconds'"),
        ({"model_wait_seconds": 31_536_001}, "'model_wait_seconds'"),
        ({"reveiw_seconds": 60}, "'reveiw_seconds'"),
        ({"unknown_threshold": 0.5}, "'unknown_threshold'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^routing policy: .*{named}"):
        routing_policy.parse(json.dumps({**WRITTEN, **change}))


@pytest.mark.parametrize("field", ["version", "labels"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{field}' is missing"):
        routing_policy.parse(json.dumps({name: value for name, value in WRITTEN.items() if name != field}))


@pytest.mark.parametrize("text", ["", "{", "not json", "[]", "7", "null", "[" * 100_000])
def test_what_is_no_json_object_is_no_policy(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^routing policy: "):
        routing_policy.parse(text)
