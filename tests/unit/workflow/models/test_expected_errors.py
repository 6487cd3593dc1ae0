"""Expected errors count parts, and their intervals hold: by enumeration and by simulation."""

import numpy as np
import pytest
from scipy import stats

from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.evaluation import OutOfFoldPhoto
from workflow.models.expected_errors import compute_expected_errors
from workflow.models.threshold_proposal import propose_thresholds
from workflow.proportion import Proportion

RULES = {"ok": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.8)}
POLICY = RoutingPolicy(version="1", labels=RULES)


def photos(label: str, ok_scores: list[float], shots: int = 1) -> list[OutOfFoldPhoto]:
    """Return one part for each score, with further photos that the model finds doubtful."""
    return [
        OutOfFoldPhoto(f"{label} {part}", label, (Score("ok", score), Score("crack", 1 - score)))
        for part, ok in enumerate(ok_scores)
        for score in (ok, *[0.5 + 0.01 * part] * (shots - 1))
    ]


def test_rates_count_parts_by_their_worst_photo() -> None:
    expected = compute_expected_errors(
        photos("ok", [0.9, 0.1], 3) + photos("crack", [0.85, 0.05, 0.3], 2), POLICY
    )
    assert expected is not None
    assert expected.rates.escapes == Proportion(1, 3)
    assert expected.rates.false_alarms == Proportion(1, 2)
    assert expected.rates.unclear == Proportion(5, 5)
    assert expected.parts == {"crack": 3, "ok": 2}


def test_the_threshold_without_escapes_has_a_bound_and_a_price() -> None:
    expected = compute_expected_errors(
        photos("ok", [0.99, 0.97, 0.95, 0.5]) + photos("crack", [0.96, *[0.1] * 58]), POLICY
    )
    assert expected is not None
    assert expected.no_escape.value == pytest.approx(0.961)
    assert expected.no_escape.passing == Proportion(2, 4)
    assert expected.bound == pytest.approx(stats.beta.ppf(0.95, 1, 59))  # Clopper-Pearson, one-sided
    assert expected.automatable


def test_a_product_whose_defects_look_sound_is_not_automatable() -> None:
    like_sound = photos("ok", [0.9] * 40) + photos("crack", [0.999, 0.9, *[0.1] * 48])
    expected = compute_expected_errors(like_sound, POLICY)
    assert expected is not None
    assert not expected.automatable
    assert compute_expected_errors(photos("ok", [0.9] * 40), POLICY) is None


@pytest.mark.parametrize(
    ("defects", "ok", "expected"),
    [
        ([0.1] * 50, [0.9] * 50, (0.8, 0.8)),  # no errors: never below 0.8
        ([0.934, *[0.1] * 49], [0.9] * 50, (0.94, 0.8)),
        ([0.934, *[0.1] * 199], [0.9] * 50, (0.8, 0.8)),  # one of 200 is within the limit
        ([1.0, *[0.1] * 49], [0.04, 0.02, *[0.9] * 48], (1.0, 0.97)),  # one of 50 sound parts is within
    ],
)
def test_a_first_policy_keeps_errors_out_of_fold_within_limits(
    defects: list[float], ok: list[float], expected: tuple[float, float]
) -> None:
    thresholds = propose_thresholds(photos("ok", ok) + photos("crack", defects), POLICY)
    assert (thresholds[Verdict.OK], thresholds[Verdict.DEFECT]) == pytest.approx(expected)


@pytest.mark.parametrize("count", [0, 1, 7, 30, 59, 60])
def test_the_prediction_interval_is_thatchers(count: int) -> None:
    """SciPy's hypergeometric tails give the same bounds."""
    low, high = Proportion(count, 60).predict_count(45)
    further = np.arange(46)
    of_all = count + further
    at_most = stats.hypergeom.cdf(count, 105, of_all, 60)
    at_least = stats.hypergeom.sf(count - 1, 105, of_all, 60)
    assert (low, high) == (further[at_least > 0.025].min(), further[at_most > 0.025].max())


@pytest.mark.parametrize(
    ("learned", "held_back", "share"), [(60, 100, 0.05), (100, 40, 0.3), (200, 200, 0.01)]
)
def test_the_prediction_interval_holds(learned: int, held_back: int, share: float) -> None:
    """Of 2,000 runs at least 1,877 hits: an exact 1 % test of 95 % coverage."""
    rng = np.random.default_rng(0)
    runs = zip(rng.binomial(learned, share, 2000), rng.binomial(held_back, share, 2000), strict=True)
    bounds = {count: Proportion(int(count), learned).predict_count(held_back) for count in range(learned + 1)}
    assert sum(bounds[seen][0] <= came <= bounds[seen][1] for seen, came in runs) >= 1877
