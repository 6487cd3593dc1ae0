"""The definition's text and its placeholders, and how little the tests change of it."""

import json
from typing import Any

import pytest

from lambdas.catalog import FUNCTIONS
from tests.state_machine.engine import hurried, values
from workflow import definition
from workflow.errors import ConfigurationError


def test_render_takes_exactly_the_placeholders_of_the_definition() -> None:
    assert values("1").keys() == definition.placeholders()


def test_every_placeholder_of_a_function_is_one_of_the_catalog() -> None:
    known = {function.placeholder for function in FUNCTIONS}

    assert definition.placeholders() - known == {"VerdictQueueUrl"}


@pytest.mark.parametrize("change", [{"MoveImageFuntion": "arn"}, {"ClaimUploadFunction": None}])
def test_render_refuses_a_value_too_few_or_too_many_and_names_it(change: dict[str, str | None]) -> None:
    wrong = {name: value for name, value in {**values("1"), **change}.items() if value is not None}

    with pytest.raises(ConfigurationError, match=next(iter(change))):
        definition.render(wrong)


def test_no_placeholder_is_left_in_what_is_deployed() -> None:
    assert "${" not in definition.render(values("1"))


def test_the_tests_run_the_deployed_definition_but_for_how_long_a_retry_waits() -> None:
    deployed = json.loads(definition.render(values("1")))
    tested = json.loads(hurried(definition.render(values("1"))))

    assert {retrier.pop("MaxDelaySeconds") for retrier in _retriers(tested)} == {1}
    assert tested == deployed


def _retriers(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [retrier for state in document["States"].values() for retrier in state.get("Retry", ())]
