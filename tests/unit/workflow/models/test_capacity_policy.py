import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.errors import ConfigurationError
from workflow.models.capacity_policy import DAYS, LOCAL_POLICY, capacity_parameter, parse_capacity_policy

NIGHTS = parse_capacity_policy(
    '{"version": "1", "timezone": "Europe/Berlin",'
    ' "shifts": [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}]}'
)


@pytest.mark.parametrize(
    ("at", "on_shift"),
    [
        ("2026-01-05T20:59:00.000Z", False),  # Monday 21:59 in Berlin
        ("2026-01-05T21:00:00.000Z", True),
        ("2026-01-06T04:59:00.000Z", True),  # Tuesday 05:59, still Monday's shift
        ("2026-01-06T05:00:00.000Z", False),
        ("2026-07-10T20:00:00.000Z", True),  # Friday 22:00 in summer
        ("2026-07-11T21:00:00.000Z", False),
    ],
)
def test_shifts_are_local_and_may_span_midnight(at: str, on_shift: bool) -> None:
    assert NIGHTS.is_on_shift(at) is on_shift


def test_the_day_begins_at_local_midnight() -> None:
    assert NIGHTS.start_of_day("2026-01-05T12:00:00.000Z") == "2026-01-04T23:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "not JSON"),
        ("[]", "version"),
        ('{"version": 1}', "version"),
        ('{"version": " "}', "version"),
        ('{"version": "\\ud800"}', "version"),
        pytest.param("[" * 100_000, "not JSON", id="too deep"),
        ('{"version": "1", "idle": 3}', "'idle'"),
        ('{"version": "1", "idle_minutes": -1}', "idle_minutes"),
        ('{"version": "1", "idle_minutes": true}', "idle_minutes"),
        ('{"version": "1", "daily_usd": "10"}', "daily_usd"),
        ('{"version": "1", "units": 6}', "units"),
        ('{"version": "1", "on_demand": "yes"}', "on_demand"),
        ('{"version": "1", "timezone": "Mars/Base"}', "Mars/Base"),
        ('{"version": "1", "shifts": [{"days": ["mo"], "from": "06:00", "to": "22:00"}]}', "shift"),
        ('{"version": "1", "shifts": [{"days": ["mon"], "from": "6", "to": "22:00"}]}', "'from'"),
        (
            '{"version": "1", "shifts": [{"days": ["mon"], "from": "06:00Z", "to": "22:00"}]}',
            "'from'.*timezone",
        ),
        ('{"version": "1", "shifts": [{"days": ["mon"], "from": "06:00", "to": "22:00+02:00"}]}', "'to'"),
        ('{"version": "1", "shifts": [{"days": ["mon"], "from": "06:00", "to": 22}]}', "'to'"),
        ('{"version": "1", "shifts": [{"days": null, "from": "06:00", "to": "22:00"}]}', "'days'"),
        ('{"version": "1", "shifts": [{"days": [], "from": "06:00", "to": "22:00"}]}', "'days'"),
        ('{"version": "1", "shifts": [{"days": {"mon": 1}, "from": "06:00", "to": "22:00"}]}', "'days'"),
        ('{"version": "1", "shifts": [{"days": [["mon"]], "from": "06:00", "to": "22:00"}]}', "'days'"),
        ('{"version": "1", "shifts": null}', "'shifts'"),
        ('{"version": "1", "shifts": {}}', "'shifts'"),
        ('{"version": "1", "shifts": [null]}', "a shift"),
    ],
)
def test_an_invalid_policy_is_refused_with_the_name_of_the_field(text: str, field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        parse_capacity_policy(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
TIMES = st.times(timezones=st.none() | st.timezones()).map(lambda time: time.isoformat())
SHIFTS = st.fixed_dictionaries(
    {
        "days": st.lists(st.sampled_from(DAYS)) | ANYTHING,
        "from": TIMES | ANYTHING,
        "to": TIMES | ANYTHING,
    }
)
POLICIES = st.fixed_dictionaries(
    {"version": st.just("1") | ANYTHING},
    optional={
        "shifts": st.lists(SHIFTS | ANYTHING, max_size=3) | ANYTHING,
        "timezone": st.timezone_keys() | ANYTHING,
        "daily_usd": st.floats() | ANYTHING,
        **dict.fromkeys(("on_demand", "prestart", "idle_minutes", "units", "other"), ANYTHING),
    },
)


@given(POLICIES | ANYTHING)
def test_an_accepted_policy_can_be_applied_at_any_time(document: object) -> None:
    with suppress(ConfigurationError):
        policy = parse_capacity_policy(json.dumps(document))
        assert policy.is_on_shift("2026-01-05T12:00:00.000Z") in (True, False)
        assert policy.start_of_day("2026-01-05T12:00:00.000Z") <= "2026-01-05T12:00:00.000Z"


def test_the_local_policy_starts_on_demand_and_never_stops_for_idleness() -> None:
    policy = parse_capacity_policy(LOCAL_POLICY)

    assert (policy.on_demand, policy.idle_minutes, capacity_parameter("/stage/model")) == (
        True,
        0,
        "/stage/model-capacity",
    )
