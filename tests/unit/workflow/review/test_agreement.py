"""Kappa and its intervals, against worked examples and general properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.inspections.inspection import SecondReview
from workflow.inspections.verdict import Verdict
from workflow.review.agreement import Agreement, compute_agreement, compute_agreements

OK, DEFECT = Verdict.OK, Verdict.DEFECT


def table(both_ok: int, ok_defect: int, defect_ok: int, both_defect: int) -> Agreement:
    verdicts = [(OK, OK)] * both_ok + [(OK, DEFECT)] * ok_defect
    verdicts += [(DEFECT, OK)] * defect_ok + [(DEFECT, DEFECT)] * both_defect
    return compute_agreement(("ann", "bob"), verdicts)


def second_review(
    first: str, second: str, first_verdict: Verdict = OK, verdict: Verdict = OK
) -> SecondReview:
    return SecondReview(
        id="id",
        verdict=verdict,
        reviewer=second,
        at="2026",
        first_verdict=first_verdict,
        first_decided_by=first,
    )


def test_kappa_of_the_textbooks_example() -> None:
    """20, 5, 10, 15: observed 0.7, by chance 0.5, kappa 0.4."""
    agreement = table(20, 5, 10, 15)

    assert (agreement.photos, agreement.agreed, agreement.raw_agreement) == (50, 35, 0.7)
    assert agreement.kappa == pytest.approx(0.4)


def test_the_interval_is_that_of_fleiss_cohen_and_everitt() -> None:
    """Worked by hand from their equation, with the shares .4 .1 .2 .3 and the marginals .5 .5 and .6 .4."""
    diagonal = 0.4 * (1 - (0.5 + 0.6) * 0.6) ** 2 + 0.3 * (1 - (0.5 + 0.4) * 0.6) ** 2
    off_diagonal = 0.6**2 * (0.1 * (0.6 + 0.5) ** 2 + 0.2 * (0.4 + 0.5) ** 2)
    variance = (diagonal + off_diagonal - (0.4 - 0.5 * 0.6) ** 2) / (50 * (1 - 0.5) ** 2)
    margin = 1.96 * variance**0.5

    assert table(20, 5, 10, 15).kappa_interval == pytest.approx((0.4 - margin, 0.4 + margin), abs=1e-4)
    assert margin == pytest.approx(0.2489, abs=1e-4)


def test_the_raw_agreements_interval_is_wilsons() -> None:
    assert table(20, 5, 10, 15).raw_interval == pytest.approx((0.5625, 0.8090), abs=1e-4)
    assert table(10, 0, 0, 0).raw_interval == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_perfect_and_opposite_raters() -> None:
    assert table(10, 0, 0, 10).kappa == pytest.approx(1.0)
    assert table(0, 10, 10, 0).kappa == pytest.approx(-1.0)
    assert table(25, 25, 25, 25).kappa == pytest.approx(0.0)


def test_kappa_is_undefined_if_chance_alone_always_agrees() -> None:
    agreement = table(10, 0, 0, 0)

    assert (agreement.raw_agreement, agreement.kappa, agreement.kappa_interval) == (1.0, None, None)


def test_without_second_reviews_there_is_no_agreement() -> None:
    assert compute_agreements([]) == []


def test_all_pairs_together_come_first_then_each_pair_in_either_order() -> None:
    second_reviews = [
        second_review("ann", "bob"),
        second_review("bob", "ann", DEFECT),
        second_review("model", "ann"),
        second_review("ann", "bob", OK, DEFECT),
    ]

    agreements = compute_agreements(second_reviews)

    assert [(pair.raters, pair.photos, pair.agreed) for pair in agreements] == [
        (("first", "second"), 4, 2),
        (("ann", "bob"), 3, 1),
        (("ann", "model"), 1, 1),
    ]


def test_a_pairs_verdicts_are_attributed_to_their_rater() -> None:
    """Ann says defect and bob ok in either order: they are one-sided, so kappa is zero, not negative."""
    second_reviews = [second_review("ann", "bob", DEFECT, OK), second_review("bob", "ann", OK, DEFECT)]

    assert compute_agreements(second_reviews)[1].kappa == pytest.approx(0.0)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(sum))
def test_every_interval_contains_its_value_and_stays_within_bounds(cells: tuple[int, int, int, int]) -> None:
    agreement = table(*cells)

    low, high = agreement.raw_interval
    assert 0 <= low <= agreement.raw_agreement + 1e-12
    assert agreement.raw_agreement - 1e-12 <= high <= 1
    if agreement.kappa is not None and agreement.kappa_interval is not None:
        low, high = agreement.kappa_interval
        assert -1 <= low <= agreement.kappa + 1e-12
        assert agreement.kappa - 1e-12 <= high <= 1


@given(st.tuples(*[st.integers(0, 30)] * 4).filter(sum))
def test_the_order_of_the_raters_does_not_matter(cells: tuple[int, int, int, int]) -> None:
    both_ok, ok_defect, defect_ok, both_defect = cells
    agreement, reversed_ = table(*cells), table(both_ok, defect_ok, ok_defect, both_defect)

    assert agreement.kappa == pytest.approx(reversed_.kappa)
    assert agreement.kappa_interval == pytest.approx(reversed_.kappa_interval)
