"""The definition's text, its placeholders, and the one change that the tests make to it."""

import json
from typing import Any

import pytest

from lambdas.catalog import FUNCTIONS
from tests.state_machine.engine import placeholder_values, with_short_retry_delays
from workflow import state_machine_definition
from workflow.errors import ConfigurationError, Conflict, OwnershipLost


def test_render_takes_exactly_the_placeholders_of_the_definition() -> None:
    assert placeholder_values("1").keys() == state_machine_definition.placeholders()


def test_every_placeholder_of_a_function_is_one_of_the_catalog() -> None:
    placeholders = {function.placeholder for function in FUNCTIONS}

    assert state_machine_definition.placeholders() - placeholders == {"VerdictQueueUrl"}


@pytest.mark.parametrize("change", [{"MoveImageFuntion": "arn"}, {"ClaimUploadFunction": None}])
def test_render_refuses_a_missing_or_unknown_value_by_name(change: dict[str, str | None]) -> None:
    invalid = {
        name: value for name, value in {**placeholder_values("1"), **change}.items() if value is not None
    }

    with pytest.raises(ConfigurationError, match=next(iter(change))):
        state_machine_definition.render(invalid)


def test_no_placeholder_remains_in_the_deployed_definition() -> None:
    assert "${" not in state_machine_definition.render(placeholder_values("1"))


def test_the_tests_run_the_deployed_definition_except_for_the_retry_delay() -> None:
    deployed = json.loads(state_machine_definition.render(placeholder_values("1")))
    tested = json.loads(with_short_retry_delays(state_machine_definition.render(placeholder_values("1"))))

    delays = ("IntervalSeconds", "MaxDelaySeconds")
    assert {retrier.pop(name) for retrier in _retriers(tested) for name in delays} == {1}
    for retrier in _retriers(deployed):
        for name in delays:
            retrier.pop(name, None)
    assert tested == deployed


def test_a_call_of_a_function_retries_throttling_for_long_and_a_domain_error_never() -> None:
    states = json.loads(state_machine_definition.read_definition())["States"].values()
    for state in states:
        if "Function}" not in json.dumps(state):
            continue
        refused, throttled, other = state["Retry"]
        assert refused == {"ErrorEquals": [OwnershipLost.__name__, Conflict.__name__], "MaxAttempts": 0}
        # moto reports a throttled call of a function's ARN as "Exception".
        assert throttled == {
            "ErrorEquals": ["Lambda.TooManyRequestsException", "Exception"],
            "IntervalSeconds": 2,
            "MaxAttempts": 30,
            "MaxDelaySeconds": 60,
            "JitterStrategy": "FULL",
        }
        assert other["MaxAttempts"] == 6


def _retriers(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [retrier for state in document["States"].values() for retrier in state.get("Retry", ())]
