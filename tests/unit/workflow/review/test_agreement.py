"""Kappa and its intervals, against worked examples and against what must hold of any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.inspections.inspection import SecondLook
from workflow.inspections.verdict import Verdict
from workflow.review.agreement import Agreement, agreement, agreements

OK, DEFECT = Verdict.OK, Verdict.DEFECT


def table(both_ok: int, ok_defect: int, defect_ok: int, both_defect: int) -> Agreement:
    answers = [(OK, OK)] * both_ok + [(OK, DEFECT)] * ok_defect
    answers += [(DEFECT, OK)] * defect_ok + [(DEFECT, DEFECT)] * both_defect
    return agreement(("ann", "bob"), answers)


def look(first: str, second: str, first_verdict: Verdict = OK, verdict: Verdict = OK) -> SecondLook:
    return SecondLook("id", verdict, second, "2026", first_verdict, first)


def test_kappa_of_the_textbooks_example() -> None:
    """20, 5, 10, 15: observed 0.7, by chance 0.5, kappa 0.4."""
    found = table(20, 5, 10, 15)

    assert (found.photos, found.agreed, found.raw) == (50, 35, 0.7)
    assert found.kappa == pytest.approx(0.4)


def test_the_interval_is_that_of_fleiss_cohen_and_everitt() -> None:
    """Worked by hand from their equation, with the shares .4 .1 .2 .3 and the marginals .5 .5 and .6 .4."""
    on = 0.4 * (1 - (0.5 + 0.6) * 0.6) ** 2 + 0.3 * (1 - (0.5 + 0.4) * 0.6) ** 2
    off = 0.6**2 * (0.1 * (0.6 + 0.5) ** 2 + 0.2 * (0.4 + 0.5) ** 2)
    variance = (on + off - (0.4 - 0.5 * 0.6) ** 2) / (50 * (1 - 0.5) ** 2)
    margin = 1.96 * variance**0.5

    assert table(20, 5, 10, 15).kappa_interval == pytest.approx((0.4 - margin, 0.4 + margin), abs=1e-4)
    assert margin == pytest.approx(0.2489, abs=1e-4)


def test_the_raw_agreements_interval_is_wilsons() -> None:
    assert table(20, 5, 10, 15).raw_interval == pytest.approx((0.5625, 0.8090), abs=1e-4)
    assert table(10, 0, 0, 0).raw_interval == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_perfect_and_opposite_judges() -> None:
    assert table(10, 0, 0, 10).kappa == pytest.approx(1.0)
    assert table(0, 10, 10, 0).kappa == pytest.approx(-1.0)
    assert table(25, 25, 25, 25).kappa == pytest.approx(0.0)


def test_where_chance_alone_agrees_always_kappa_says_nothing() -> None:
    found = table(10, 0, 0, 0)

    assert (found.raw, found.kappa, found.kappa_interval) == (1.0, None, None)


def test_nothing_was_looked_at_twice() -> None:
    assert agreements([]) == []


def test_all_together_come_first_then_each_pair_whoever_was_first() -> None:
    looks = [
        look("ann", "bob"),
        look("bob", "ann", DEFECT),
        look("model", "ann"),
        look("ann", "bob", OK, DEFECT),
    ]

    found = agreements(looks)

    assert [(one.judges, one.photos, one.agreed) for one in found] == [
        (("first", "second"), 4, 2),
        (("ann", "bob"), 3, 1),
        (("ann", "model"), 1, 1),
    ]


def test_a_pairs_answers_are_told_apart_by_who_gave_them() -> None:
    """Ann says defect and bob ok, whoever looks first: one-sided, so kappa is zero and not below."""
    looks = [look("ann", "bob", DEFECT, OK), look("bob", "ann", OK, DEFECT)]

    assert agreements(looks)[1].kappa == pytest.approx(0.0)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(sum))
def test_every_interval_holds_its_value_and_stays_within_bounds(cells: tuple[int, int, int, int]) -> None:
    found = table(*cells)

    low, high = found.raw_interval
    assert 0 <= low <= found.raw + 1e-12
    assert found.raw - 1e-12 <= high <= 1
    if found.kappa is not None and found.kappa_interval is not None:
        low, high = found.kappa_interval
        assert -1 <= low <= found.kappa + 1e-12
        assert found.kappa - 1e-12 <= high <= 1


@given(st.tuples(*[st.integers(0, 30)] * 4).filter(sum))
def test_it_does_not_matter_which_judge_is_named_first(cells: tuple[int, int, int, int]) -> None:
    both_ok, ok_defect, defect_ok, both_defect = cells
    one, other = table(*cells), table(both_ok, defect_ok, ok_defect, both_defect)

    assert one.kappa == pytest.approx(other.kappa)
    assert one.kappa_interval == pytest.approx(other.kappa_interval)
