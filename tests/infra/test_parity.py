"""The synthesised template, deployed to the local AWS by `partcheck stage deploy`, is a working stage.

Limits of the emulators, and the workarounds:

* Versions and aliases of state machines are unsupported: left out. Executions start without an alias.
* Step Functions is moto, which CloudFormation (MiniStack) does not reach: moto gets the definition that
  CloudFormation rendered, under the same name.
* Alarms on metric math, Elastic Beanstalk, flow logs, DNS records and styles of sign-in pages are
  unsupported: left out. With `--no-review-app` the deployment looks up no platform.
* Functions get the emulators' addresses and run on this machine's processor with this machine's packages,
  because downloading a bundle's packages needs the network. PARTCHECK_TEST_BUNDLES=1 deploys the bundles of
  `partcheck stage deploy`.
* The stack's tags reach few resources: `_tag` adds those that `partcheck stage destroy` needs.
* Roles and bucket policies are created but not enforced: tests/infra/test_permissions.py checks them.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from cli.context import open_environment
from cli.main import main
from cli.sample_model import train_and_promote_sample_model
from cli.stage.smoke_decision import REVIEWER
from deployment.resource_deletion import BUCKET, TABLE, select_existing
from deployment.stacks import CloudFormationStacks
from infra.review_network import ZONES_PARAMETER
from lambdas.catalog import FUNCTIONS
from local.lock import lock_state_dir
from local.ports import Ports
from local.processes import run_service
from local.sample_parts import generate_parts
from local.services import backing_services, enable_state_machine_execution
from local.settings import REGION, Endpoints, temporary_sdk_environment
from tests.infra import documented_commands
from tests.infra.conftest import FULL, Template
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.stack_outputs import StackOutputs, parse_stack_outputs

pytestmark = pytest.mark.xdist_group("synthesised")

STAGE = FULL.stage
BUNDLED = os.environ.get("PARTCHECK_TEST_BUNDLES") == "1"
UNSUPPORTED_TYPES = (
    *("AWS::StepFunctions::StateMachineVersion", "AWS::StepFunctions::StateMachineAlias"),
    "AWS::Cognito::ManagedLoginBranding",
    *("AWS::ElasticBeanstalk::", "AWS::EC2::FlowLog", "AWS::Route53::"),
)
SEED = 4711
TIMEOUT_SECONDS = 240


def remove_unsupported(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without unsupported resources and references to them."""
    resources = dict(template["Resources"])
    for name, resource in list(resources.items()):
        math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
        if resource["Type"].startswith(UNSUPPORTED_TYPES) or math:
            del resources[name]
    outputs = {name: output for name, output in template["Outputs"].items() if name != "ReviewAppEndpoint"}
    zones = {"Type": "CommaDelimitedList", "Default": "eu-central-1a,eu-central-1b"}
    rest = {**template, "Parameters": {ZONES_PARAMETER: zones}}
    return {**rest, "Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Run an empty local AWS."""
    home, ports = tmp_path_factory.mktemp("aws"), Ports.find_free()
    endpoints = Endpoints.from_ports(ports)
    with ExitStack() as stack:
        lock = stack.enter_context(lock_state_dir(home, ports))
        (home / "tmp").mkdir()
        children = [
            stack.enter_context(run_service(service, home, lock))
            for service in backing_services(home, ports)[:3]
        ]
        stack.enter_context(temporary_sdk_environment(endpoints))
        for child in children:
            child.wait_until_ready()
        enable_state_machine_execution(ports)
        yield endpoints


def partcheck(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@contextmanager
def _use_synthesised(synthesised: Template, stage: str) -> Iterator[None]:
    """Make `partcheck stage deploy` use the shared template. Stages differ only in their names."""
    from infra.app import synthesise

    def copy_template(_deployment: object, out: Path, with_packages: bool) -> Path:
        if BUNDLED:
            synthesise(FULL, out, with_packages)
        else:
            shutil.copytree(synthesised.directory, out, dirs_exist_ok=True)
        file = out / synthesised.file.name
        text = json.dumps(remove_unsupported(json.loads(file.read_text(encoding="utf-8"))))
        for before in ("partcheck-", "/partcheck/"):
            text = text.replace(f"{before}{STAGE}", f"{before}{stage}")
        file.write_text(text, encoding="utf-8")
        return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.app.synthesise", copy_template)
        yield


@pytest.fixture(scope="module")
def deployed(aws: Endpoints, synthesised: Template) -> Iterator[StackOutputs]:
    """Deploy the template, and connect Step Functions as the module's docstring describes."""
    with _use_synthesised(synthesised, STAGE):
        answer = partcheck("stage", "deploy", "--stage", STAGE, "--no-review-app", "--yes")
    assert answer.exit_code == 0, answer.output
    stack = CloudFormationStacks().find(f"partcheck-{STAGE}")
    assert stack is not None
    outputs = parse_stack_outputs(stack.outputs, REGION)
    _connect_step_functions(outputs, aws)
    train_and_promote_sample_model(open_environment(outputs, {}), generate_parts(24, SEED), "parity")
    yield outputs
    answer = partcheck("stage", "destroy", "--stage", STAGE, "--yes")
    assert answer.exit_code == 0, answer.output


def _connect_step_functions(outputs: StackOutputs, endpoints: Endpoints) -> None:
    state_machine_arn = outputs.state_machine_arn.removesuffix(":live")
    description = boto3.client("stepfunctions", endpoint_url=endpoints.aws).describe_state_machine(
        stateMachineArn=state_machine_arn
    )
    client("stepfunctions").create_state_machine(
        name=description["name"], definition=description["definition"], roleArn=description["roleArn"]
    )
    functions = client("lambda")
    for function in functions.list_functions()["Functions"]:
        variables = function["Environment"]["Variables"] | {
            "AWS_ENDPOINT_URL": endpoints.aws,
            "AWS_ENDPOINT_URL_SFN": endpoints.step_functions,
            "AWS_ENDPOINT_URL_REKOGNITION": endpoints.custom_labels,
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        if "STATE_MACHINE_ARN" in variables:
            variables["STATE_MACHINE_ARN"] = state_machine_arn
        functions.update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": variables}
        )


def test_an_upload_becomes_a_verdict_message_and_the_smoke_test_removes_its_own(
    deployed: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    client("sqs").send_message(QueueUrl=deployed.verdict_queue_url, MessageBody="another system's")

    monkeypatch.setattr("deployment.smoke_checks.check_review_app", lambda _url: "")
    answer = partcheck("stage", "smoke-test", "--stage", STAGE, "--json")

    assert answer.exit_code == 0, answer.output
    checks = {check["subject"]: check["result"] for check in map(json.loads, answer.stdout.splitlines())}
    scheduled = {f"function {function.module}" for function in FUNCTIONS if function.schedule_minutes}
    assert {name for name, result in checks.items() if result == "ran"} == scheduled
    assert "alarms" in checks["metrics of the alarms"]
    assert checks["not a photo"] == "rejected, message removed"
    assert checks["a part for a person"] == "ok, message removed"
    entries = client("dynamodb").scan(TableName=deployed.audit_table)["Items"]
    assert REVIEWER in {entry["actor"]["S"] for entry in entries if "actor" in entry}
    for bucket in (deployed.inbound_bucket, deployed.filed_bucket):
        assert "Versions" not in client("s3").list_object_versions(Bucket=bucket)
    assert client("dynamodb").scan(TableName=deployed.task_tokens_table)["Count"] == 0
    rows = client("dynamodb").scan(TableName=deployed.inspections_table)["Items"]
    assert [row for row in rows if "image" in row] == []
    [other] = client("sqs").receive_message(QueueUrl=deployed.verdict_queue_url)["Messages"]
    assert other["Body"] == "another system's"


def test_commands_work_with_a_stage_as_with_the_local_environment(deployed: StackOutputs) -> None:
    for command in (("execution", "list"), ("review", "list"), ("verify",), ("model", "list")):
        answer = partcheck("--stage", STAGE, *command)
        assert answer.exit_code == 0, answer.output


def test_log_lines_of_steps_are_found_in_the_log_groups_of_the_stack(
    deployed: StackOutputs, tmp_path: Path
) -> None:
    photo = tmp_path / "no-photo.png"
    photo.write_bytes(b"not a photo")

    assert "rejected no-photo.png" in partcheck("--stage", STAGE, "inspect", str(photo)).output
    answer = partcheck("--stage", STAGE, "execution", "show", photo.name, "--logs")

    assert answer.exit_code == 0, answer.output
    assert "INFO claimed" in answer.output


def test_status_shows_stack_model_and_queues(deployed: StackOutputs) -> None:
    answer = partcheck("stage", "status", "--stage", STAGE, "--json")

    status = json.loads(answer.stdout)
    assert status["stack"] == "partcheck-prod, create complete"
    assert "running" in status["model"]
    assert {"Intake", "Verdicts", "IntakeDeadLetters"} <= status["messages"].keys()


def test_the_guides_aws_cli_commands_work(
    deployed: StackOutputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the guide's commands, and the runbook's commands about bucket policies, in a shell."""
    outputs = CloudFormationStacks().find(f"partcheck-{STAGE}").outputs  # type: ignore[union-attr]
    pool, bucket = outputs["UserPoolId"], deployed.inbound_bucket
    (tmp_path / "part.jpg").write_bytes(b"not a photo, but a file")
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}")
    policies = [
        command
        for command in documented_commands.complete_commands(documented_commands.RUNBOOK)
        if "bucket-policy" in command
    ]

    invited = partcheck("stage", "invite", "ann@example.com", "--role", "reviewer", "--stage", STAGE)
    assert invited.exit_code == 0, invited.output
    for line in (*documented_commands.complete_commands(documented_commands.DEPLOY), *policies):
        for known, here in (("BUCKET", bucket), ("partcheck-dev", f"partcheck-{STAGE}")):
            line = line.replace(known, here)
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        if "get-bucket-policy" in line:
            (tmp_path / "policy.json").write_text(done.stdout, encoding="utf-8")

    users = boto3.client("cognito-idp").list_users_in_group(UserPoolId=pool, GroupName="reviewer")["Users"]
    assert [{item["Name"]: item["Value"] for item in user["Attributes"]}["email"] for user in users] == [
        "ann@example.com"
    ]
    assert "OnlyPipelineWrites" not in client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    assert "OnlyPipelineDeletes" in client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    inspections, deadline = (
        DynamoInspectionRepository(deployed.inspections_table),
        time.monotonic() + TIMEOUT_SECONDS,
    )
    while not inspections.list_by_name("part.jpg"):
        assert time.monotonic() < deadline, "the upload was never inspected"
        time.sleep(0.2)


def test_a_missing_stage_is_named(deployed: StackOutputs) -> None:
    answer = partcheck("--stage", "other", "execution", "list")

    assert answer.exit_code == 3
    assert "There is no stage other in account 000000000000, region eu-central-1" in answer.output


def _tag(stage: str) -> None:
    tags = [{"Key": "partcheck", "Value": stage}]
    for resource in select_existing(CloudFormationStacks().resources(f"partcheck-{stage}")):
        if resource.resource_type == BUCKET:
            client("s3").put_bucket_tagging(Bucket=resource.physical_id, Tagging={"TagSet": tags})
        elif resource.resource_type == TABLE:
            arn = client("dynamodb").describe_table(TableName=resource.physical_id)["Table"]["TableArn"]
            client("dynamodb").tag_resource(ResourceArn=arn, Tags=tags)


def test_destroy_resumes_after_keep_data_and_leaves_nothing(aws: Endpoints, synthesised: Template) -> None:
    """Use a stage of its own, without running functions, so that the shared stage stays."""
    with _use_synthesised(synthesised, "brief"):
        answer = partcheck("stage", "deploy", "--stage", "brief", "--no-review-app", "--yes")
    assert answer.exit_code == 0, answer.output
    stack = CloudFormationStacks().find("partcheck-brief")
    assert stack is not None
    outputs = parse_stack_outputs(stack.outputs, REGION)
    client("s3").put_object(Bucket=outputs.inbound_bucket, Key="part.jpg", Body=b"photo")
    _tag("brief")

    kept = partcheck("stage", "destroy", "--stage", "brief", "--yes", "--keep-data")

    assert kept.exit_code == 0, kept.output
    assert "The stage does not start models by itself any more." in kept.stderr
    before, _, after = kept.stderr.partition("Deleting the stack")
    assert all("No model of this stage is running." in half for half in (before, after))
    assert CloudFormationStacks().find("partcheck-brief") is None
    assert "storageinbound" in kept.stdout

    answer = partcheck("stage", "destroy", "--stage", "brief", "--yes")

    assert answer.exit_code == 0, answer.output
    assert "The stack of stage brief is deleted; continuing with the resources that remain." in answer.stderr
    assert f"Bucket {outputs.inbound_bucket}: 1 version" in answer.stderr
    buckets = {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
    assert not [name for name in buckets if name.startswith("partcheck-brief-")]
    assert not [name for name in client("dynamodb").list_tables()["TableNames"] if "brief" in name]
    nothing = partcheck("stage", "destroy", "--stage", "brief", "--yes")
    assert nothing.exit_code == 3
    assert "There is no stage brief" in nothing.output
