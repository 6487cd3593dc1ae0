"""Each sentence of the table of problems in docs/deploy.md is printed by a command in that case."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployment.account import AwsAccount as Identity
from infra import bundle
from tests.aws_account import TEMPLATE, AwsAccount
from tests.unit.cli.conftest import stage
from workflow.aws.clients import configure

PAGE = Path(__file__).parents[3] / "docs" / "deploy.md"
ROW = re.compile(r"^\| [\w ]+ \| [^|]+ \| `([^`]+)` \| [^|]+ \|$", re.MULTILINE)
DOCUMENTED = ROW.findall(PAGE.read_text(encoding="utf-8"))
WITH_DOMAIN = ("--domain", "review.example.com", "--hosted-zone")


def options(*given: str) -> Callable[[AwsAccount, pytest.MonkeyPatch], tuple[str, ...]]:
    return lambda _aws, _patch: ("deploy", *given)


def account(**attributes: Any) -> Callable[[AwsAccount, pytest.MonkeyPatch], tuple[str, ...]]:
    """Prepare the account, then deploy for the first time."""

    def prepare(aws: AwsAccount, _patch: pytest.MonkeyPatch) -> tuple[str, ...]:
        for name, value in attributes.items():
            setattr(aws, name, dict(value) if isinstance(value, dict) else value)
        return ("deploy",)

    return prepare


def after_deployment(command: str, **attributes: Any) -> Callable[[AwsAccount, Any], tuple[str, ...]]:
    """Deploy, prepare the account, then run a command."""

    def prepare(aws: AwsAccount, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
        assert stage("deploy").exit_code == 0
        account(**attributes)(aws, patch)
        return (command, "--keep-data") if command == "destroy" else (command,)

    return prepare


def unknown_region(_aws: AwsAccount, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        patch.setenv(name, "eu-central-1")
    patch.setattr("workflow.aws.clients.configure", configure)
    return ("deploy", "--region", "eu-central-7")


def region_without_custom_labels(_aws: AwsAccount, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    patch.setattr("deployment.account.get_account", lambda: Identity("1", "eu-north-1", "ann"))
    return ("deploy",)


def failing_pip(_aws: AwsAccount, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    patch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, ""))
    patch.setattr("infra.app.synthesise", lambda *_, **__: bundle._pip_install(Path("r"), Path("t")))
    return ("deploy",)


def missing_python(_aws: AwsAccount, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    patch.setattr("infra.bundle.find_functions_python", lambda: "")
    return ("deploy",)


CHANGE_SET = "cloudformation_create_change_set"
NOT_ALLOWED = "User: ann is not authorized to perform: cloudformation:CreateChangeSet"
BUSY = "Stack:arn:aws:cloudformation:… is in UPDATE_IN_PROGRESS state and can not be updated."
TAKEN = {
    "LogicalResourceId": "StorageInbound",
    "ValidationPath": "/Properties/BucketName",
    "ValidationStatusReason": "The bucket exists already",
}
RUNNING = {"photo-1": "RUNNING"}

# The beginning of each documented sentence, and its cause.
CASES: dict[str, Callable[[AwsAccount, pytest.MonkeyPatch], tuple[str, ...]]] = {
    "stage must be": options("--stage", "Prod_1"),
    "stage must not contain": options("--stage", "aws"),
    "There is no AWS region": unknown_region,
    "Rekognition Custom Labels is not": region_without_custom_labels,
    "AWS refuses the credentials": account(
        refusals={"sts_get_caller_identity": ("ExpiredToken", "The token is expired")}
    ),
    "AWS refused CreateChangeSet: … is not authorized": account(
        refusals={CHANGE_SET: ("AccessDenied", NOT_ALLOWED)}
    ),
    "Warning: this account may run": account(concurrency=10),
    "Warning: alarms have no recipient": options(),
    "this account has no hosted zone": options(*WITH_DOMAIN, "Z2"),
    "example.com must be a name": options("--domain", "example.com", "--hosted-zone", "Z1"),
    "pip could not": failing_pip,
    "Warning: python3.13": missing_python,
    "Elastic Beanstalk does not offer": account(platforms=[]),
    "CloudFormation rejects": account(rejection="The validation failed", validation_errors=[TAKEN]),
    "AWS refused CreateChangeSet: … is in UPDATE": after_deployment(
        "deploy", refusals={CHANGE_SET: ("ValidationError", BUSY)}
    ),
    "This would delete or replace 1": after_deployment(
        "deploy", next_template=f"{TEMPLATE} ", replacement="True", replaced=("StorageInbound",)
    ),
    "ReviewAppEnvironment (AWS": account(failing_resource="ReviewAppEnvironment"),
    "The first deployment of stage": account(failing_resource="ReviewAppEnvironment"),
    "The deployment failed": after_deployment(
        "deploy", next_template=f"{TEMPLATE} ", failing_resource="StorageInbound"
    ),
    "Executions are still": after_deployment(
        "destroy", executions=RUNNING, eventbridge_disable_rule=lambda _: {}
    ),
    "The stack could not be deleted": after_deployment(
        "destroy", executions=RUNNING, sfn_list_executions=lambda _: {"executions": []}
    ),
    "The deletion of stage": after_deployment("deploy", status="DELETE_FAILED"),
}


@pytest.mark.parametrize("sentence", DOCUMENTED)
def test_a_documented_sentence_is_printed(
    sentence: str, aws: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    [prepare] = [prepare for beginning, prepare in CASES.items() if sentence.startswith(beginning)]

    answer = stage(*prepare(aws, monkeypatch))

    assert re.search(re.escape(sentence).replace("…", ".*"), answer.output), answer.output


def test_each_case_is_documented() -> None:
    missing = [case for case in CASES if not any(sentence.startswith(case) for sentence in DOCUMENTED)]

    assert missing == []
