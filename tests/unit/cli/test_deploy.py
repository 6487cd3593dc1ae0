"""What deploy, status and teardown say before anything is done: refusals, warnings, the plan."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from cli.aws_options import resolve_target
from cli.context import AwsTarget, CliContext, NotRunning, require_usable_stack
from cli.main import main
from cli.stage import deploy, destroy
from deployment.account import AwsAccount
from deployment.stacks import PlannedChange, Stack, StackEvent
from infra.cost import summarize_stage_cost
from infra.settings import StageSettings
from workflow.aws.stack_outputs import StackOutputs, parse_stack_outputs, to_output_name
from workflow.errors import ConfigurationError, PartcheckError


def test_a_region_without_custom_labels_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r"not offered in eu-north-1: choose one of .*eu-central-1"):
        deploy._check_account(AwsAccount("1", "eu-north-1", "ann"))


@pytest.mark.parametrize(
    ("at_once", "email", "warnings"),
    [(1000, "ann@example.com", 0), (10, "ann@example.com", 1), (10, "", 2)],
)
def test_a_small_quota_and_deaf_alarms_are_told(at_once: int, email: str, warnings: int) -> None:
    deployment = StageSettings(alarm_email=email, small_account=at_once < deploy.SUFFICIENT_CONCURRENCY)

    assert len(list(deploy._warnings(at_once, deployment))) == warnings


def change(action: str, kind: str, name: str, replaces: bool = False) -> PlannedChange:
    return PlannedChange(action=action, resource_type=f"AWS::{kind}", logical_id=name, replaces=replaces)


@pytest.mark.parametrize(
    ("change", "loses"),
    [
        (change("Modify", "DynamoDB::Table", "TablesInspections", replaces=True), True),
        (change("Remove", "S3::Bucket", "StorageFiled"), True),
        (change("Modify", "DynamoDB::Table", "TablesInspections"), False),
        (change("Modify", "Lambda::Function", "FunctionsMoveImage", replaces=True), False),
        (change("Add", "S3::Bucket", "StorageNew"), False),
    ],
)
def test_a_deployment_never_replaces_what_holds_data(change: PlannedChange, loses: bool) -> None:
    if loses:
        with pytest.raises(PartcheckError, match=change.logical_id):
            deploy._reject_data_loss([change])
    else:
        deploy._reject_data_loss([change])


def test_the_plan_is_told_with_its_price(capsys: pytest.CaptureFixture[str]) -> None:
    changes = [change("Add", "SQS::Queue", name) for name in ("A", "B")]

    deploy._print_changes(changes, StageSettings(stage="prod"))

    told = capsys.readouterr()
    assert "add     AWS::SQS::Queue      2" in told.out
    assert "partcheck-prod: 2 to add" in told.err
    assert "US$4 an hour" in told.err


def test_failures_are_told_with_their_reasons_and_beginnings_are_not() -> None:
    told = [
        ("A", "CREATE_IN_PROGRESS", ""),
        ("A", "CREATE_FAILED", "no such key"),
        ("B", "CREATE_COMPLETE", ""),
    ]
    events = [
        StackEvent(id=reason, resource_type="AWS::SQS::Queue", logical_id=name, status=status, reason=reason)
        for name, status, reason in told
    ]

    assert list(deploy.format_events(events)) == [
        "A (AWS::SQS::Queue): create_failed: no such key",
        "B: create complete",
    ]


@pytest.mark.parametrize("command", ["up", "demo", "custom-labels"])
def test_what_runs_on_this_machine_refuses_a_stage(command: str) -> None:
    answer = CliRunner().invoke(main, ("--stage", "prod", command))

    assert answer.exit_code == 2
    assert f"`{command}` works on this machine; leave out --stage" in answer.output


class Stacks:
    """A stack that goes through the given states."""

    def __init__(self, *states: str) -> None:
        self._states = list(states)

    def follow(self, _id: str, _known: set[str]) -> Any:
        for state in self._states:
            yield stack(state), []

    def find(self, _id: str) -> Stack | None:
        return None if self._states[-1] == "DELETE_COMPLETE" else stack(self._states[-1])


def stack(status: str) -> Stack:
    return Stack(id="id", name="partcheck-dev", status=status, outputs={})


def test_following_ends_with_the_stack_as_it_is_or_with_nothing() -> None:
    made = deploy.follow_stack(Stacks("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), "id", set())

    assert made is not None
    assert made.status == "CREATE_COMPLETE"
    assert deploy.follow_stack(Stacks("DELETE_IN_PROGRESS", "DELETE_COMPLETE"), "id", set()) is None


@pytest.mark.parametrize(
    ("before", "after", "target"),
    [
        (AwsTarget(), ("", "", ""), AwsTarget("dev")),
        (AwsTarget("prod", "work", "eu-west-1"), ("", "", ""), AwsTarget("prod", "work", "eu-west-1")),
        (AwsTarget("prod"), ("test", "", "us-east-1"), AwsTarget("test", "", "us-east-1")),
    ],
)
def test_options_may_stand_before_or_after_the_command(
    before: AwsTarget, after: tuple[str, str, str], target: AwsTarget
) -> None:
    context = CliContext(state_dir=None, port=None, find_local=lambda _: None, target=before)  # type: ignore[arg-type,return-value]

    assert resolve_target(context, *after) == target


def test_an_environment_is_read_from_a_stacks_outputs_and_a_missing_one_is_named() -> None:
    outputs = {to_output_name(name): name for name in StackOutputs.__dataclass_fields__ if name != "region"}

    found = parse_stack_outputs(outputs, "eu-central-1")

    assert (found.region, found.inbound_bucket) == ("eu-central-1", "inbound_bucket")
    assert found.model_parameter == "model_parameter"
    del outputs["InspectionsTable"]
    with pytest.raises(ConfigurationError, match="the stack has no output InspectionsTable: deploy it again"):
        parse_stack_outputs(outputs, "eu-central-1")


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("arn:aws:s3:::partcheck-dev-storagefiled", "contains photos"),
        ("arn:aws:logs:eu-central-1:1:log-group:/aws/elasticbeanstalk/x", "until they expire"),
        ("arn:aws:sns:eu-central-1:1:topic", "deleted resources"),
    ],
)
def test_what_remains_is_told_with_a_reason(arn: str, why: str) -> None:
    assert why in destroy.retention_reason(arn)


@pytest.mark.parametrize(
    "command",
    [("stage", "deploy", "--yes"), ("stage", "status"), ("stage", "smoke-test"), ("execution", "list")],
)
def test_a_stage_whose_first_deployment_failed_is_to_be_taken_away_first(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployment.account.get_account", lambda: AwsAccount("1", "eu-central-1", "ann"))
    monkeypatch.setattr(
        "deployment.stacks.CloudFormationStacks",
        lambda: Stacks("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
    )

    answer = CliRunner().invoke(main, ("--stage", "dev", *command))

    assert answer.exit_code == 3
    assert "The first deployment of stage dev failed and was rolled back" in answer.stderr
    assert "run `partcheck --stage dev stage destroy` first" in answer.stderr


def test_the_status_is_asked_of_the_region_that_the_options_name(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr("workflow.aws.clients.configure", lambda _profile, region: done.append(region))
    monkeypatch.setattr("deployment.account.get_account", lambda: AwsAccount("1", "eu-west-1", "ann"))

    def made() -> Stacks:
        done.append("client")
        return Stacks("ROLLBACK_COMPLETE")

    monkeypatch.setattr("deployment.stacks.CloudFormationStacks", made)

    CliRunner().invoke(main, ("stage", "status", "--stage", "dev", "--region", "eu-west-1"))

    assert done[:2] == ["eu-west-1", "client"]


def test_a_stage_that_is_half_taken_away_is_to_be_taken_away_to_the_end() -> None:
    remedy = "The deletion of stage dev failed: run `partcheck --stage dev stage destroy` first"

    with pytest.raises(NotRunning, match=remedy):
        require_usable_stack(stack("DELETE_FAILED"), AwsTarget("dev"))
    require_usable_stack(stack("UPDATE_ROLLBACK_COMPLETE"), AwsTarget("dev"))


def test_a_name_that_no_stage_can_have_is_refused_before_aws_is_asked() -> None:
    answer = CliRunner().invoke(main, ("stage", "deploy", "--stage", "Prod_1"))

    assert answer.exit_code != 0
    assert "stage must be 1 to 20 lower-case letters, digits and hyphens, not 'Prod_1'" in answer.stderr


FULL = StageSettings(
    stage="prod",
    domain="review.example.com",
    hosted_zone_id="Z1",
    oidc_issuer="https://id.example.com",
    oidc_client_id="app",
    oidc_secret_arn="arn:aws:secretsmanager:eu-central-1:1:secret:app",
    alarm_email="ann@example.com",
    max_in_flight=50,
)
NO_ISSUER = {"oidc_issuer": "", "oidc_client_id": "", "oidc_secret_arn": ""}


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, FULL),
        ({"max_in_flight": 80}, replace(FULL, max_in_flight=80)),
        ({"alarm_email": ""}, replace(FULL, alarm_email="")),
        ({"certificate_arn": "arn:c"}, replace(FULL, certificate_arn="arn:c", hosted_zone_id="")),
        ({"oidc_issuer": ""}, replace(FULL, **NO_ISSUER)),
        ({"domain": ""}, replace(FULL, domain="", hosted_zone_id="")),
        (
            {"review_app": False},
            replace(FULL, review_app=False, domain="", hosted_zone_id="", **NO_ISSUER),
        ),
        ({"domain": "parts.example.com"}, replace(FULL, domain="parts.example.com")),
    ],
)
def test_a_deployment_keeps_what_the_last_one_was_told_until_it_is_told_otherwise(
    given: dict[str, Any], after: StageSettings
) -> None:
    unsaid = dict.fromkeys(("domain", "alarm_email", "max_in_flight"))

    assert deploy._merge_settings("prod", {"Settings": FULL.to_output()}, {**unsaid, **given}) == after


def test_a_review_app_that_was_left_out_stays_out_until_it_or_a_domain_is_given() -> None:
    outputs = {"Settings": StageSettings(review_app=False).to_output()}
    domain = {"domain": "review.example.com", "hosted_zone_id": "Z1"}

    kept = [deploy._merge_settings("dev", outputs, given) for given in ({}, {"review_app": True}, domain)]

    assert [settings.review_app for settings in kept] == [False, True, True]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--no-review-app", "--domain", "review.example.com", "--hosted-zone", "Z1"),
            "domain and oidc_issuer are for the review app, which is left out",
        ),
        (("--hosted-zone", "Z1"), "domain is missing"),
        (("--no-review-app", "--admin-email", "ann@example.com"), "which --no-review-app leaves out"),
        (
            (
                *("--admin-email", "ann@example.com", "--oidc-issuer", "https://id.example.com"),
                *("--oidc-client-id", "app", "--oidc-secret", "arn:s"),
            ),
            "make the account at https://id.example.com",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_anything_is_made(
    options: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployment.account.get_account", lambda: AwsAccount("1", "eu-central-1", "ann"))
    monkeypatch.setattr("deployment.stacks.CloudFormationStacks", lambda: Stacks("DELETE_COMPLETE"))

    answer = CliRunner().invoke(main, ("stage", "deploy", *options))

    assert answer.exit_code == 2, answer.output
    assert sentence in answer.stderr


def test_the_price_of_the_review_app_is_shown_before_the_question() -> None:
    assert "the review app US$40 of it" in summarize_stage_cost(review_app=True)
    assert "the review app US$47 of it" in summarize_stage_cost(review_app=True, domain=True)
    assert "review app" not in summarize_stage_cost(review_app=False)


def test_it_is_said_what_is_kept_and_a_new_stage_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy._merge_settings("dev", {}, {"domain": None}) == StageSettings(stage="dev")
    assert capsys.readouterr().err == ""

    deploy._merge_settings("dev", {"Settings": StageSettings(alarm_email="ann@example.com").to_output()}, {})

    assert capsys.readouterr().err == "Unchanged settings: alarm_email ann@example.com\n"


def test_what_a_stack_remembers_is_what_was_set_and_no_more() -> None:
    assert json.loads(StageSettings(stage="dev", small_account=True, max_in_flight=50).to_output()) == {
        "max_in_flight": 50
    }
