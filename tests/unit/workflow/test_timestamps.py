"""Timestamps are strings that sort by time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow import timestamps

zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))
moments = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones)


@given(moments)
def test_a_moment_survives_its_text_to_the_millisecond(when: datetime) -> None:
    assert (
        timedelta(0) <= when - timestamps.parse(timestamps.format_timestamp(when)) < timedelta(milliseconds=1)
    )


@given(moments, moments)
def test_texts_sort_by_time_whatever_the_zones(one: datetime, other: datetime) -> None:
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (timestamps.format_timestamp(one) < timestamps.format_timestamp(other)) == (one < other)


@given(moments, st.integers(-(10**9), 10**9))
def test_later_by_so_many_seconds_is_so_many_seconds_later(when: datetime, seconds: int) -> None:
    start = timestamps.format_timestamp(when.replace(year=max(2002, min(when.year, 8000))))

    assert timestamps.seconds_between(start, timestamps.add_seconds(start, seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", "2026-03-01T13:00+01:00"],
)
def test_what_aws_writes_is_read_and_no_zone_means_utc(text: str) -> None:
    assert timestamps.parse(text) == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_now_is_now_in_the_house_format() -> None:
    written = timestamps.now()

    assert abs(timestamps.seconds_between(written, timestamps.format_timestamp(datetime.now(UTC)))) < 60
    assert (len(written), written[-1]) == (len("2026-03-01T12:00:00.000Z"), "Z")
