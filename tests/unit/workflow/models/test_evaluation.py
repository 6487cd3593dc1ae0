import pytest

from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.intervals import Rate
from workflow.models.evaluation import Evaluation, Scored, evaluate, objections, read_summary

POLICY = RoutingPolicy("1", {"ok": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.8)})


def scored(truth: Verdict, ok: float) -> Scored:
    return Scored("s3://b/k", truth, (Score("ok", ok), Score("crack", 1 - ok)))


def figures(escapes: int = 0, alarms: int = 0, unclear: int = 0, hold_out: str = "h") -> Evaluation:
    return Evaluation("m", hold_out, Rate(escapes, 50), Rate(alarms, 50), Rate(unclear, 100))


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 0, 0.0, 1.0),
        (1, 100, 0.0018, 0.0545),
    ],
)
def test_the_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert Rate(count, of).interval == pytest.approx((low, high), abs=5e-5)


def test_both_directions_and_the_unclear_share_are_counted_at_the_policys_thresholds() -> None:
    photos = [
        scored(Verdict.OK, 0.9),
        scored(Verdict.OK, 0.1),
        scored(Verdict.OK, 0.7),
        scored(Verdict.DEFECT, 0.95),
        scored(Verdict.DEFECT, 0.05),
        Scored("refused", Verdict.DEFECT, ()),
    ]

    result = evaluate("m", "h", photos, POLICY)

    assert (result.escapes, result.false_alarms, result.unclear) == (Rate(1, 3), Rate(1, 3), Rate(2, 6))
    assert result.facts()["escapes"]["count"] == 1


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (figures(1, 2), ""),
        (figures(2, 1), ""),
        (figures(2, 2), "no better"),
        (figures(3, 0), "3 defects passed as ok instead of 2"),
        (figures(0, 3), "3 ok parts called defect instead of 2"),
        (figures(0, 0, 16), "16 unclear photos instead of 10"),
        (figures(0, 0, 15), ""),
        (figures(0, 0, hold_out="other"), "not evaluated on the same"),
    ],
)
def test_a_candidate_must_be_better_in_one_direction_and_worse_in_none(
    candidate: Evaluation, why: str
) -> None:
    against = objections(candidate, figures(2, 2, 10))

    assert why in "; ".join(against)
    assert bool(against) is bool(why)


def test_the_summary_of_a_training_is_read() -> None:
    summary = read_summary(
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

    assert (summary.f1, summary.trained_on, summary.tested_on) == (0.85, 80, 20)
    assert summary.confusion == {("ok", "crack"): 0.1}
    assert (summary.labels[0].threshold, summary.labels[0].precision) == (0.4, None)
