"""The timeline: visible bars in order, for milliseconds and for days."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from review_app.executions.timeline import MIN_BAR_WIDTH, WIDTH, build_bars
from workflow.history.step import ExecutionStep, StepAttempt, StepStatus

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=400)
spans = st.lists(st.tuples(st.floats(0, 8e5), st.none() | st.floats(0, 8e5)), min_size=1, max_size=30)


def step(number: int, begins: float, lasts: float | None) -> ExecutionStep:
    at = T0 + timedelta(seconds=begins)
    return ExecutionStep(
        id=number,
        name="a",
        type="Task",
        entered_at=at,
        exited_at=None if lasts is None else at + timedelta(seconds=lasts),
    )


@given(spans)
def test_every_bar_is_on_the_paper_and_wide_enough_to_be_seen(
    given_spans: list[tuple[float, float | None]],
) -> None:
    bars = build_bars([step(number, *span) for number, span in enumerate(given_spans)], NOW)

    assert len(bars) == len(given_spans)
    assert all(bar.width >= MIN_BAR_WIDTH for bar in bars)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 0.01 for bar in bars)


@given(spans)
def test_what_begins_later_is_drawn_no_earlier(given_spans: list[tuple[float, float | None]]) -> None:
    bars = build_bars([step(number, *span) for number, span in enumerate(given_spans)], NOW)

    in_order = sorted(bars, key=lambda bar: bar.step.entered_at)
    assert [bar.x for bar in in_order] == sorted(bar.x for bar in bars)


def test_a_week_does_not_squash_fifty_milliseconds() -> None:
    short, long = build_bars([step(1, 0, 0.05), step(2, 0.05, 7 * 86400)], NOW)

    assert short.width >= MIN_BAR_WIDTH
    assert long.width < WIDTH - short.width + 1
    assert (short.seconds, long.seconds) == (0.05, 7 * 86400)


def test_what_still_lasts_is_drawn_up_to_now_and_waits_for_a_person_are_told() -> None:
    attempt = StepAttempt(number=1, scheduled_at=T0, resource="lambda:invoke.waitForTaskToken")
    waiting = ExecutionStep(
        id=1, name="Ask", type="Task", entered_at=T0, status=StepStatus.WAITING, attempts=(attempt,)
    )

    (bar,) = build_bars([waiting], T0 + timedelta(hours=1))

    assert (bar.seconds, bar.is_open, bar.is_human) == (3600, True, True)
    assert build_bars([], NOW) == []
