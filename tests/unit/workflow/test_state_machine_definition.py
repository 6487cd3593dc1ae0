"""The definition is rendered completely, or not at all."""

import json

import pytest

from lambdas.catalog import FUNCTIONS, GET_EXECUTION_HISTORY
from workflow import state_machine_definition
from workflow.errors import ConfigurationError

VALUES = {
    name: f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
    for name in state_machine_definition.placeholders()
}


def test_the_placeholders_are_the_functions_of_the_catalog_and_the_verdict_queue() -> None:
    steps = {one.placeholder for one in FUNCTIONS if not one.queue and not one.schedule_minutes}
    steps.remove(GET_EXECUTION_HISTORY.placeholder)  # The review app calls it.

    assert state_machine_definition.placeholders() == steps | {"VerdictQueueUrl"}


def test_a_rendered_definition_is_json_without_placeholders() -> None:
    rendered = state_machine_definition.render(VALUES)

    assert "${" not in rendered
    assert json.loads(rendered)["States"]["Claim upload"]["Resource"] == VALUES["ClaimUploadFunction"]


def test_only_the_placeholders_change() -> None:
    same = state_machine_definition.render(
        {name: f"${{{name}}}" for name in state_machine_definition.placeholders()}
    )

    assert json.loads(same) == json.loads(state_machine_definition.read_definition())


@pytest.mark.parametrize("value", ['with "quotes"', "back\\slash", "new\nline", "${VerdictQueueUrl}", "ü"])
def test_any_value_arrives_as_it_is(value: str) -> None:
    rendered = json.loads(state_machine_definition.render({**VALUES, "VerdictQueueUrl": value}))

    assert rendered["States"]["Announce verdict"]["Parameters"]["QueueUrl"] == value


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="MoveImageFunction"):
        state_machine_definition.render(
            {name: value for name, value in VALUES.items() if name != "MoveImageFunction"}
        )


def test_a_value_that_nobody_uses_is_named() -> None:
    with pytest.raises(ConfigurationError, match="MoveImagFunction"):
        state_machine_definition.render({**VALUES, "MoveImagFunction": "arn"})
