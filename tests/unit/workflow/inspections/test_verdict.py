"""Only the threshold decides."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.inspections.routing_policy import apply_threshold
from workflow.inspections.verdict import Prediction, Score, Verdict

shares = st.floats(0, 1)


@pytest.mark.parametrize("confidence", [-0.001, 1.001, math.nan, math.inf])
def test_a_confidence_outside_0_to_1_is_refused_with_its_label(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"'ok_front' is outside 0\.\.1"):
        Score("ok_front", confidence)


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_the_ends_of_the_scale_are_confidences(confidence: float) -> None:
    assert Score("ok_front", confidence).confidence == confidence


@pytest.mark.parametrize(
    ("confidence", "verdict"),
    [(0.9, Verdict.OK), (math.nextafter(0.9, 1), Verdict.OK), (math.nextafter(0.9, 0), Verdict.UNCLEAR)],
)
def test_at_the_threshold_the_model_is_trusted(confidence: float, verdict: Verdict) -> None:
    assert (
        apply_threshold(
            Prediction(verdict=Verdict.OK, label="ok_front", confidence=confidence, threshold=0.9)
        )
        is verdict
    )


@given(st.sampled_from(Verdict), shares, shares)
def test_below_the_threshold_every_prediction_is_unclear(
    verdict: Verdict, confidence: float, threshold: float
) -> None:
    decided = apply_threshold(
        Prediction(verdict=verdict, label="any", confidence=confidence, threshold=threshold)
    )

    assert decided is (verdict if confidence >= threshold else Verdict.UNCLEAR)


def test_the_verdicts_are_the_published_words() -> None:
    assert [str(verdict) for verdict in Verdict] == ["ok", "defect", "unclear", "rejected"]
