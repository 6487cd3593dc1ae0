import pytest

from workflow.errors import ConfigurationError
from workflow.power_policy import LOCAL_POLICY, parameter_of, parse

NIGHTS = parse(
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
def test_shifts_are_local_and_may_last_over_midnight(at: str, on_shift: bool) -> None:
    assert NIGHTS.on_shift(at) is on_shift


def test_the_day_begins_at_local_midnight() -> None:
    assert NIGHTS.midnight("2026-01-05T12:00:00.000Z") == "2026-01-04T23:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[]", "version"),
        ('{"version": 1}', "version"),
        ('{"version": "1", "idle": 3}', "'idle'"),
        ('{"version": "1", "idle_minutes": -1}', "idle_minutes"),
        ('{"version": "1", "idle_minutes": true}', "idle_minutes"),
        ('{"version": "1", "daily_usd": "10"}', "daily_usd"),
        ('{"version": "1", "units": 6}', "units"),
        ('{"version": "1", "on_demand": "yes"}', "on_demand"),
        ('{"version": "1", "timezone": "Mars/Base"}', "Mars/Base"),
        ('{"version": "1", "shifts": [{"days": ["mo"], "from": "06:00", "to": "22:00"}]}', "shift"),
        ('{"version": "1", "shifts": [{"days": ["mon"], "from": "6", "to": "22:00"}]}', "shift"),
    ],
)
def test_a_wrong_policy_is_refused_by_the_name_of_the_field(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        parse(text)


def test_the_local_line_starts_on_demand_and_never_stops_for_idleness() -> None:
    policy = parse(LOCAL_POLICY)

    assert (policy.on_demand, policy.idle_minutes, parameter_of("/line/model")) == (
        True,
        0,
        "/line/model-power",
    )
