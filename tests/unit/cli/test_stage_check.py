"""Each state of the definition is run on Step Functions, and compared with what the definition says."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from deployment.state_check import build_cases
from tests.aws_account import AwsAccount, aws_account
from workflow import state_machine_definition as definition
from workflow.errors import PartcheckError


@pytest.fixture
def aws() -> Iterator[AwsAccount]:
    with aws_account() as account:
        yield account


def check(*options: str) -> Result:
    return CliRunner().invoke(main, ("stage", "check", *options))


def test_every_state_runs_with_each_result_retry_catcher_and_branch(aws: AwsAccount) -> None:
    answer = check("--json")

    cases = [json.loads(line) for line in answer.stdout.splitlines()]
    states = json.loads(definition.read_definition())["States"]
    assert answer.exit_code == 0, answer.output
    assert {case["state"] for case in cases} == states.keys()
    for name, state in states.items():
        outcomes = {case["outcome"] for case in cases if case["state"] == name}
        targets = {rule["Next"] for rule in (*state.get("Choices", ()), *state.get("Catch", ()))}
        targets |= {state[key] for key in ("Next", "Default") if key in state}
        assert all(any(target in outcome for outcome in outcomes) for target in targets), name
        assert ("retriable" in outcomes) is bool(state.get("Retry")), name
    assert len(cases) == aws.calls.count("sfn_test_state")
    assert aws.calls.count("lambda_invoke") == 0


def test_an_outcome_that_differs_on_aws_is_named(aws: AwsAccount) -> None:
    aws.ignored_retries = True

    answer = check()

    assert answer.exit_code == 1
    assert "Exception after 0 retries" in answer.stdout
    assert "retriable" in answer.stdout


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (("AccessDeniedException", "not authorized"), 2, "may not call states:TestState"),
        (("InvalidDefinition", "MISSING_TRANSITION_TARGET"), 1, "Step Functions refuses “Claim upload”"),
    ],
)
def test_a_refusal_is_one_sentence(aws: AwsAccount, error: tuple[str, str], code: int, sentence: str) -> None:
    aws.test_state_error = error

    answer = check()

    assert answer.exit_code == code
    assert sentence in answer.stderr
    assert error[1] in answer.stderr


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Parallel", "Next": "B"},
        {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "B"}]},
    ],
)
def test_a_state_without_cases_is_an_error_and_not_left_out(state: dict[str, object]) -> None:
    with pytest.raises(PartcheckError, match="no cases for the"):
        build_cases(json.dumps({"States": {"A": state}}))
