"""Bars on a scale that shows milliseconds beside days, whatever the steps."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from review_app.timeline import NARROWEST, WIDTH, bars
from workflow.history.step import Attempt, Status, Step

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=400)
spans = st.lists(st.tuples(st.floats(0, 8e5), st.none() | st.floats(0, 8e5)), min_size=1, max_size=30)


def step(number: int, begins: float, lasts: float | None) -> Step:
    at = T0 + timedelta(seconds=begins)
    return Step(number, "a", "Task", at, None if lasts is None else at + timedelta(seconds=lasts))


@given(spans)
def test_every_bar_is_on_the_paper_and_wide_enough_to_be_seen(
    given_spans: list[tuple[float, float | None]],
) -> None:
    drawn = bars([step(number, *span) for number, span in enumerate(given_spans)], NOW)

    assert len(drawn) == len(given_spans)
    assert all(bar.width >= NARROWEST for bar in drawn)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 0.01 for bar in drawn)


@given(spans)
def test_what_begins_later_is_drawn_no_earlier(given_spans: list[tuple[float, float | None]]) -> None:
    drawn = bars([step(number, *span) for number, span in enumerate(given_spans)], NOW)

    in_order = sorted(drawn, key=lambda bar: bar.step.entered_at)
    assert [bar.x for bar in in_order] == sorted(bar.x for bar in drawn)


def test_a_week_does_not_squash_fifty_milliseconds() -> None:
    short, long = bars([step(1, 0, 0.05), step(2, 0.05, 7 * 86400)], NOW)

    assert short.width >= NARROWEST
    assert long.width < WIDTH - short.width + 1
    assert (short.seconds, long.seconds) == (0.05, 7 * 86400)


def test_what_still_lasts_is_drawn_up_to_now_and_waits_for_a_person_are_told() -> None:
    asked = Attempt(1, T0, resource="lambda:invoke.waitForTaskToken")
    waiting = Step(1, "Ask", "Task", T0, status=Status.WAITING, attempts=(asked,))

    (bar,) = bars([waiting], T0 + timedelta(hours=1))

    assert (bar.seconds, bar.lasts, bar.human) == (3600, True, True)
    assert bars([], NOW) == []
