"""The synthesised template itself, deployed into the local AWS by `partcheck deploy`, is a line that works.

What the emulators cannot do, and what happens instead:

* Versions and aliases of state machines are unknown to both: left out; executions start without an alias.
* Step Functions is moto, which CloudFormation (MiniStack) does not reach: moto gets the definition that
  CloudFormation rendered, under the same name.
* Alarms on metric math, Elastic Beanstalk with its application, flow logs, host names: unknown, left out.
* Functions are told where the emulators answer, and run on this machine's processor. Their packages are
  this machine's, too: fetching those of a bundle takes the network. PARTCHECK_TEST_BUNDLES=1 deploys what
  `partcheck deploy` would write, bundles and all.
* A stack's tags reach few of its resources: `_tag` gives them to what a teardown looks for.
* Roles and bucket policies are made but not enforced: tests/infra/test_policies.py is about them.
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

from cli.main import main
from local import training
from local.lock import locked
from local.ports import Ports
from local.processes import started
from local.sample_parts import sample_parts
from local.services import execute_state_machines, programs
from local.settings import REGION, Endpoints, adopted
from tests.infra import guides
from tests.infra.conftest import FULL, Template
from workflow.aws.clients import client
from workflow.aws.disposal import BUCKET, TABLE, still_there
from workflow.aws.ledger import DynamoLedger
from workflow.aws.site import Site, from_outputs
from workflow.aws.stacks import CloudFormationStacks

pytestmark = pytest.mark.xdist_group("synthesised")

STAGE = FULL.stage
BUNDLED = os.environ.get("PARTCHECK_TEST_BUNDLES") == "1"
UNKNOWN = (
    *("AWS::StepFunctions::StateMachineVersion", "AWS::StepFunctions::StateMachineAlias"),
    *("AWS::ElasticBeanstalk::", "AWS::EC2::FlowLog", "AWS::Route53::"),
)
SEED = 4711
PATIENCE = 90


def understood(template: dict[str, Any]) -> dict[str, Any]:
    """The template without what the emulator does not know, and without what points there."""
    resources = dict(template["Resources"])
    for name, resource in list(resources.items()):
        math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
        if resource["Type"].startswith(UNKNOWN) or math:
            del resources[name]
    outputs = {name: one for name, one in template["Outputs"].items() if name != "ReviewAppEndpoint"}
    kept = {key: value for key, value in template.items() if key != "Parameters"}
    return {**kept, "Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The local AWS with nothing in it."""
    home, ports = tmp_path_factory.mktemp("aws"), Ports.free()
    endpoints = Endpoints.at(ports)
    with ExitStack() as stack:
        lock = stack.enter_context(locked(home, ports))
        (home / "tmp").mkdir()
        children = [stack.enter_context(started(one, home, lock)) for one in programs(home, ports)[:3]]
        stack.enter_context(adopted(endpoints))
        for child in children:
            child.wait_until_ready()
        execute_state_machines(ports)
        yield endpoints


def partcheck(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@contextmanager
def _instead_of_synthesis(synthesised: Template, stage: str) -> Iterator[None]:
    """What `partcheck deploy` would write, written once for all tests; stages differ in their names alone."""
    from infra.app import synthesise as really

    def written(_deployment: object, out: Path, with_packages: bool) -> Path:
        if BUNDLED:
            really(FULL, out, with_packages)
        else:
            shutil.copytree(synthesised.directory, out, dirs_exist_ok=True)
        file = out / synthesised.file.name
        text = json.dumps(understood(json.loads(file.read_text(encoding="utf-8"))))
        for before in ("partcheck-", "/partcheck/"):
            text = text.replace(f"{before}{STAGE}", f"{before}{stage}")
        file.write_text(text, encoding="utf-8")
        return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.app.synthesise", written)
        yield


@pytest.fixture(scope="module")
def deployed(aws: Endpoints, synthesised: Template) -> Iterator[Site]:
    """What `partcheck deploy` makes of the template, joined with Step Functions as the docstring says."""

    with _instead_of_synthesis(synthesised, STAGE):
        answer = partcheck("deploy", "--stage", STAGE, "--yes")
    assert answer.exit_code == 0, answer.output
    stack = CloudFormationStacks().find(f"partcheck-{STAGE}")
    assert stack is not None
    site = from_outputs(stack.outputs, REGION)
    _join(site, aws)
    training.train(site, sample_parts(24, SEED), site.training_bucket, "parity", lambda _: None)
    yield site
    answer = partcheck("teardown", "--stage", STAGE, "--yes")
    assert answer.exit_code == 0, answer.output


def _join(site: Site, endpoints: Endpoints) -> None:
    machine = site.state_machine_arn.removesuffix(":live")
    known = boto3.client("stepfunctions", endpoint_url=endpoints.aws).describe_state_machine(
        stateMachineArn=machine
    )
    client("stepfunctions").create_state_machine(
        name=known["name"], definition=known["definition"], roleArn=known["roleArn"]
    )
    functions = client("lambda")
    for one in functions.list_functions()["Functions"]:
        told = one["Environment"]["Variables"] | {
            "AWS_ENDPOINT_URL": endpoints.aws,
            "AWS_ENDPOINT_URL_SFN": endpoints.step_functions,
            "AWS_ENDPOINT_URL_REKOGNITION": endpoints.custom_labels,
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        if "STATE_MACHINE_ARN" in told:
            told["STATE_MACHINE_ARN"] = machine
        functions.update_function_configuration(
            FunctionName=one["FunctionName"], Environment={"Variables": told}
        )


def test_what_people_drop_becomes_a_verdict_message_and_smoke_takes_its_own_away(deployed: Site) -> None:
    client("sqs").send_message(QueueUrl=deployed.verdict_queue_url, MessageBody="somebody else's")

    answer = partcheck("smoke", "--stage", STAGE, "--json")

    assert answer.exit_code == 0, answer.output
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [(one["photo"], one["well"], one["message"]) for one in told] == [
        ("a generated part", True, "taken back"),
        ("not a photo", True, "taken back"),
    ]
    for bucket in (deployed.inbound_bucket, deployed.filed_bucket):
        assert "Versions" not in client("s3").list_object_versions(Bucket=bucket)
    assert client("dynamodb").scan(TableName=deployed.token_table)["Count"] == 0
    rows = client("dynamodb").scan(TableName=deployed.ledger_table)["Items"]
    assert [row for row in rows if "image" in row] == []
    [other] = client("sqs").receive_message(QueueUrl=deployed.verdict_queue_url)["Messages"]
    assert other["Body"] == "somebody else's"


def test_commands_work_with_a_stage_as_with_the_line_here(deployed: Site) -> None:
    for command in (("executions",), ("reviews",), ("audit",), ("model", "status")):
        answer = partcheck("--stage", STAGE, *command)
        assert answer.exit_code == 0, answer.output


def test_what_steps_logged_is_found_in_the_logs_that_cloudformation_named(
    deployed: Site, tmp_path: Path
) -> None:
    photo = tmp_path / "no-photo.png"
    photo.write_bytes(b"not a photo")

    assert "rejected no-photo.png" in partcheck("--stage", STAGE, "inspect", str(photo)).output
    answer = partcheck("--stage", STAGE, "show", photo.name, "--logs")

    assert answer.exit_code == 0, answer.output
    assert "INFO claimed" in answer.output


def test_status_tells_of_stack_model_and_queues(deployed: Site) -> None:
    answer = partcheck("status", "--stage", STAGE, "--json")

    told = json.loads(answer.stdout)
    assert told["stack"] == "partcheck-prod, create complete"
    assert "running" in told["model"]
    assert {"Intake", "Verdicts", "IntakeDead"} <= told["messages"].keys()


def test_what_the_guide_says_to_type_at_the_aws_cli_works(
    deployed: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its three lines, and those of the runbook about a bucket's policy, in a shell."""
    outputs = CloudFormationStacks().find(f"partcheck-{STAGE}").outputs  # type: ignore[union-attr]
    pool, bucket = outputs["UserPoolId"], deployed.inbound_bucket
    (tmp_path / "part.jpg").write_bytes(b"not a photo, but a file")
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}")
    policies = [one for one in guides.typed(guides.RUNBOOK) if "bucket-policy" in one]

    for line in (*guides.typed(guides.DEPLOY), *policies):
        for known, here in (("POOL", pool), ("BUCKET", bucket), ("partcheck-dev", f"partcheck-{STAGE}")):
            line = line.replace(known, here)
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        if "get-bucket-policy" in line:
            (tmp_path / "policy.json").write_text(done.stdout, encoding="utf-8")

    people = boto3.client("cognito-idp").list_users_in_group(UserPoolId=pool, GroupName="reviewer")["Users"]
    assert [{one["Name"]: one["Value"] for one in who["Attributes"]}["email"] for who in people] == [
        "ann@example.com"
    ]
    assert "FiledByTheLineAlone" not in client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    assert "DeletedByTheLineAlone" in client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    ledger, deadline = DynamoLedger(deployed.ledger_table), time.monotonic() + PATIENCE
    while not ledger.by_name("part.jpg"):
        assert time.monotonic() < deadline, "what was copied into the bucket was never inspected"
        time.sleep(0.2)


def test_a_stage_that_is_not_there_is_named(deployed: Site) -> None:
    answer = partcheck("--stage", "other", "executions")

    assert answer.exit_code == 3
    assert "There is no stage other in account 000000000000, region eu-central-1" in answer.output


def _tag(stage: str) -> None:
    tags = [{"Key": "partcheck", "Value": stage}]
    for one in still_there(CloudFormationStacks().resources(f"partcheck-{stage}")):
        if one.kind == BUCKET:
            client("s3").put_bucket_tagging(Bucket=one.physical_id, Tagging={"TagSet": tags})
        elif one.kind == TABLE:
            arn = client("dynamodb").describe_table(TableName=one.physical_id)["Table"]["TableArn"]
            client("dynamodb").tag_resource(ResourceArn=arn, Tags=tags)


def test_a_teardown_that_kept_data_is_gone_on_with_and_leaves_nothing(
    aws: Endpoints, synthesised: Template
) -> None:
    """Its own stage, so that what the others share stays; nothing in it runs."""
    with _instead_of_synthesis(synthesised, "brief"):
        answer = partcheck("deploy", "--stage", "brief", "--yes")
    assert answer.exit_code == 0, answer.output
    stack = CloudFormationStacks().find("partcheck-brief")
    assert stack is not None
    site = from_outputs(stack.outputs, REGION)
    client("s3").put_object(Bucket=site.inbound_bucket, Key="part.jpg", Body=b"photo")
    _tag("brief")

    kept = partcheck("teardown", "--stage", "brief", "--yes", "--keep-data")

    assert kept.exit_code == 0, kept.output
    assert "The stage starts no model by itself any more." in kept.stderr
    before, _, after = kept.stderr.partition("Deleting the stack")
    assert all("No model of this stage runs." in half for half in (before, after))
    assert CloudFormationStacks().find("partcheck-brief") is None
    assert "storageinbound" in kept.stdout

    answer = partcheck("teardown", "--stage", "brief", "--yes")

    assert answer.exit_code == 0, answer.output
    assert "The stack of stage brief is gone; going on with what it left." in answer.stderr
    assert f"Bucket {site.inbound_bucket}: 1 version" in answer.stderr
    left = {one["Name"] for one in client("s3").list_buckets()["Buckets"]}
    assert not [name for name in left if name.startswith("partcheck-brief-")]
    assert not [name for name in client("dynamodb").list_tables()["TableNames"] if "brief" in name]
    nothing = partcheck("teardown", "--stage", "brief", "--yes")
    assert nothing.exit_code == 3
    assert "There is no stage brief" in nothing.output
