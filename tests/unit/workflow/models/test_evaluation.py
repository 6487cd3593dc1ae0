import pytest

from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.evaluation import (
    HoldOutEvaluation,
    ScoredPhoto,
    evaluate,
    find_objections,
    parse_summary,
)
from workflow.proportion import Proportion

POLICY = RoutingPolicy(
    version="1", labels={"ok": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.8)}
)


def scored_photo(truth: Verdict, ok: float) -> ScoredPhoto:
    return ScoredPhoto("s3://b/k", truth, (Score("ok", ok), Score("crack", 1 - ok)))


def evaluation(escapes: int = 0, alarms: int = 0, unclear: int = 0, hold_out: str = "h") -> HoldOutEvaluation:
    return HoldOutEvaluation(
        model="m",
        hold_out=hold_out,
        escapes=Proportion(escapes, 50),
        false_alarms=Proportion(alarms, 50),
        unclear=Proportion(unclear, 100),
    )


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 0, 0.0, 1.0),
        (1, 100, 0.0018, 0.0545),
    ],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert Proportion(count, total).confidence_interval == pytest.approx((low, high), abs=5e-5)


def test_both_directions_and_the_unclear_share_are_counted_at_the_policys_thresholds() -> None:
    photos = [
        scored_photo(Verdict.OK, 0.9),
        scored_photo(Verdict.OK, 0.1),
        scored_photo(Verdict.OK, 0.7),
        scored_photo(Verdict.DEFECT, 0.95),
        scored_photo(Verdict.DEFECT, 0.05),
        ScoredPhoto("refused", Verdict.DEFECT, ()),
    ]

    result = evaluate("m", "h", photos, POLICY)

    assert (result.escapes, result.false_alarms, result.unclear) == (
        Proportion(1, 3),
        Proportion(1, 3),
        Proportion(2, 6),
    )
    assert result.to_dict()["escapes"]["count"] == 1


@pytest.mark.parametrize(
    ("candidate", "objection"),
    [
        (evaluation(1, 2), ""),
        (evaluation(2, 1), ""),
        (evaluation(2, 2), "no better"),
        (evaluation(3, 0), "3 defects passed as ok instead of 2"),
        (evaluation(0, 3), "3 ok parts called defect instead of 2"),
        (evaluation(0, 0, 16), "16 unclear photos instead of 10"),
        (evaluation(0, 0, 15), ""),
        (evaluation(0, 0, hold_out="other"), "not evaluated on the same"),
    ],
)
def test_a_candidate_must_be_better_in_one_direction_and_worse_in_none(
    candidate: HoldOutEvaluation, objection: str
) -> None:
    objections = find_objections(candidate, evaluation(2, 2, 10))

    assert objection in "; ".join(objections)
    assert bool(objections) is bool(objection)


def test_the_summary_of_a_training_is_parsed() -> None:
    summary = parse_summary(
        {
            "AggregatedEvaluationResults": {
                "Precision": 0.9,
                "Recall": 0.8,
                "F1Score": 0.85,
                "ConfusionMatrix": [{"GroundTruthLabel": "ok", "PredictedLabel": "crack", "Value": 0.1}],
            },
            "EvaluationDetails": {"NumberOfTrainingImages": 80, "NumberOfTestingImages": 20},
            "LabelEvaluationResults": [
                {"Label": "ok", "NumberOfTestingImages": 0, "Metrics": {"Threshold": 0.4}},
            ],
        }
    )

    assert (summary.f1, summary.training_images, summary.test_images) == (0.85, 80, 20)
    assert summary.confusion == {("ok", "crack"): 0.1}
    assert (summary.labels[0].threshold, summary.labels[0].precision) == (0.4, None)
