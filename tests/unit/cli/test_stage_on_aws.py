"""Stages are deployed, updated and destroyed on an account that answers as AWS does."""

import json

import pytest

from tests.aws_account import OUTPUTS, PLATFORM, TABLES, TEMPLATE, AwsAccount
from tests.unit.cli.conftest import stage
from workflow.aws.clients import client

PARAMETERS = ("/partcheck/dev/model", "/partcheck/dev/model-capacity", "/partcheck/dev/policy")


def read_parameters() -> dict[str, str]:
    found = client("ssm").get_parameters_by_path(Path="/partcheck/dev", Recursive=True)["Parameters"]
    return {parameter["Name"]: parameter["Value"] for parameter in found}


REVIEW_PARAMETERS = {"ReviewPlatformArn": PLATFORM, "ReviewZones": "eu-central-1c,eu-central-1a"}


def test_a_first_deployment_creates_the_parameters_before_the_functions_read_them(aws: AwsAccount) -> None:
    answer = stage("deploy")

    assert answer.exit_code == 0, answer.output
    assert read_parameters().keys() == {*PARAMETERS}
    assert read_parameters()["/partcheck/dev/model"] == "none"
    tags = client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=PARAMETERS[0])
    assert tags["TagList"] == [{"Key": "partcheck", "Value": "dev"}]
    assert aws.calls.index("ssm_put_parameter") < aws.calls.index("cloudformation_execute_change_set")


@pytest.mark.parametrize("changed", [True, False])
def test_an_update_leaves_the_model_in_use_and_creates_what_is_missing(
    deployed: AwsAccount, changed: bool
) -> None:
    client("ssm").put_parameter(Name=PARAMETERS[0], Value="arn:model", Overwrite=True)
    client("ssm").delete_parameter(Name=PARAMETERS[2])
    deployed.next_template = TEMPLATE + " " * changed

    answer = stage("deploy")

    assert answer.exit_code == 0, answer.output
    assert read_parameters()["/partcheck/dev/model"] == "arn:model"
    assert read_parameters().keys() == {*PARAMETERS}
    assert ("cloudformation_execute_change_set" in deployed.calls) is changed


@pytest.mark.parametrize("options", [(), ("--keep-data",)])
def test_a_stage_with_waiting_executions_is_destroyed(deployed: AwsAccount, options: tuple[str, ...]) -> None:
    deployed.executions = {f"photo{number}-1": "RUNNING" for number in range(50)}
    deployed.waiting_uploads, deployed.late_starts = 3, 2

    answer = stage("destroy", *options)

    assert answer.exit_code == 0, answer.output
    assert deployed.status == "DELETE_COMPLETE"
    assert deployed.running == []
    calls = deployed.calls
    last_trigger = max(
        index for index, call in enumerate(calls) if "disable_rule" in call or "mapping" in call
    )
    assert last_trigger < calls.index("sfn_stop_execution") < calls.index("cloudformation_delete_stack")
    assert "Stopped 50 executions." in answer.stderr
    assert read_parameters() == {}
    assert deployed.tables.keys() == ({*TABLES} if options else set())


def test_the_review_app_is_deployed_without_options_and_its_first_admin_invited(aws: AwsAccount) -> None:
    answer = stage("deploy", "--admin-email", "ann@example.com")

    assert answer.exit_code == 0, answer.output
    assert aws.parameters == {**REVIEW_PARAMETERS, "CloudFrontPrefixList": "pl-a3a144ca"}
    assert (aws.mails, aws.roles) == (["ann@example.com"], [("ann@example.com", "admin")])
    plan, _, rest = answer.stderr.partition("the review app US$40 of it")
    assert "Invitation" not in plan
    assert "The review app is https://d111111abcdef8.cloudfront.net" in rest


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (("--no-review-app",), {}),
        (
            ("--domain", "review.example.com", "--hosted-zone", "Z1"),
            REVIEW_PARAMETERS,
        ),
    ],
)
def test_a_domain_needs_no_cloudfront_and_no_review_app_needs_nothing(
    aws: AwsAccount, options: tuple[str, ...], parameters: dict[str, str]
) -> None:
    answer = stage("deploy", *options)

    assert answer.exit_code == 0, answer.output
    assert aws.parameters == parameters


def test_a_person_is_invited_once_again_and_to_a_further_role(deployed: AwsAccount) -> None:
    ann = "ann@example.com"
    answers = [stage("invite", ann, "--role", "reviewer"), stage("invite", ann, "--role", "reviewer")]
    deployed.users[ann] = "CONFIRMED"
    answers.append(stage("invite", ann, "--role", "engineer", "--json"))

    assert [answer.exit_code for answer in answers] == [0, 0, 0]
    assert json.loads(answers[-1].stdout)["role"] == "engineer"
    assert deployed.mails == [ann, ann]
    assert deployed.roles == [(ann, "reviewer"), (ann, "reviewer"), (ann, "engineer")]
    sentences = (
        "as reviewer: sent. ",
        "sent again, because it was not accepted",
        "because the account exists",
    )
    for answer, sentence in zip(answers, sentences, strict=True):
        assert sentence in answer.stderr
        assert deployed.outputs["ReviewAppUrl"] in answer.stderr


@pytest.mark.parametrize(
    ("outputs", "email", "sentence"),
    [
        ({}, "ann@example.com", "it has no review app: deploy it with --review-app"),
        ({"ReviewAppUrl": "https://r"}, "ann@example.com", "made at its OpenID Connect issuer"),
        (OUTPUTS, "ann", "Username should be an email (Invalid"),
    ],
)
def test_an_invitation_that_cannot_be_sent_is_explained(
    deployed: AwsAccount, outputs: dict[str, str], email: str, sentence: str
) -> None:
    deployed.outputs = outputs

    answer = stage("invite", email, "--role", "reviewer")

    assert answer.exit_code in (1, 2)
    assert sentence in answer.stderr
    assert deployed.roles == []
