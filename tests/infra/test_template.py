"""What the template promises of data, messages, functions and the state machine."""

import json
from typing import Any

import pytest

from infra.acknowledged import KEPT
from infra.bundle import ROOT
from lambdas import catalog
from tests.infra.conftest import Template
from tests.state_machine.asl_lint import lint
from tests.state_machine.test_asl_lint import SHIPPED_CUSTOM_ERRORS, SHIPPED_INPUT_FIELDS, SHIPPED_RESULTS
from workflow import definition
from workflow.tables import TABLES

pytestmark = pytest.mark.xdist_group("synthesised")

DEPENDENCY_SAID_TWICE = "W3005"  # CDK orders a function after its role, and says so beside the reference.


def test_cdk_nag_finds_nothing_that_is_not_acknowledged(synthesised: Template) -> None:
    assert synthesised.findings == []


def test_every_acknowledgement_is_needed(synthesised: Template) -> None:
    report = json.loads((synthesised.directory / "validation-report.json").read_text("utf-8"))
    suppressed = {
        one["ruleName"] for plugin in report["pluginReports"] for one in plugin["suppressedViolations"]
    }

    assert {kept.rule for kept in KEPT} - suppressed == set()


def test_cfn_lint_finds_nothing(synthesised: Template) -> None:
    from cfnlint.api import lint as cfn_lint  # Each of the workers would load a second of it.
    from cfnlint.config import ManualArgs

    text = synthesised.file.read_text(encoding="utf-8")

    found = cfn_lint(text, config=ManualArgs(regions=["eu-central-1", "us-east-1"]))

    assert [str(one) for one in found if one.rule.id != DEPENDENCY_SAID_TWICE] == []


def test_the_rendered_state_machine_has_no_lint(synthesised: Template) -> None:
    [machine] = synthesised.of("StepFunctions::StateMachine").values()
    values = {name: _arn(name) for name in machine["Properties"]["DefinitionSubstitutions"]}

    found = lint(
        json.loads(definition.render(values)),
        input_fields=SHIPPED_INPUT_FIELDS,
        custom_errors=SHIPPED_CUSTOM_ERRORS,
        results=SHIPPED_RESULTS,
    )

    assert found == []


def _arn(placeholder: str) -> str:
    if placeholder.endswith("QueueUrl"):
        return "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
    return f"arn:aws:lambda:eu-central-1:123456789012:function:{placeholder}"


def test_the_state_machine_is_the_file_in_the_repository(synthesised: Template) -> None:
    assets = json.loads((synthesised.directory / "Partcheck.assets.json").read_text("utf-8"))["files"]
    [machine] = synthesised.of("StepFunctions::StateMachine").values()
    key = machine["Properties"]["DefinitionS3Location"]["Key"]
    [source] = [one["source"]["path"] for name, one in assets.items() if key.startswith(name)]

    assert (synthesised.directory / source).read_bytes() == definition.FILE.read_bytes()


def test_a_new_definition_goes_live_by_degrees_and_comes_back_on_an_alarm(synthesised: Template) -> None:
    [alias] = synthesised.of("StepFunctions::StateMachineAlias").values()
    [version] = synthesised.of("StepFunctions::StateMachineVersion").values()
    preference = alias["Properties"]["DeploymentPreference"]

    assert alias["Properties"]["Name"] == "live"
    assert (preference["Type"], preference["Percentage"]) == ("CANARY", 20)
    [alarm] = preference["Alarms"]
    assert "FailedExecutions" in alarm["Ref"]
    assert version["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("kind", ["S3::Bucket", "DynamoDB::Table", "Cognito::UserPool"])
def test_what_holds_data_outlives_the_stack(synthesised: Template, kind: str) -> None:
    for resource in synthesised.of(kind).values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_buckets_are_versioned_private_encrypted_and_their_owners(synthesised: Template) -> None:
    buckets = synthesised.of("S3::Bucket").values()

    assert buckets
    for bucket in buckets:
        properties = bucket["Properties"]
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert properties["BucketEncryption"]
        assert properties["LifecycleConfiguration"]["Rules"]


def test_access_logs_are_forgotten_with_every_version(synthesised: Template) -> None:
    [logs] = [one for name, one in synthesised.of("S3::Bucket").items() if name.startswith("StorageLogs")]
    rules = logs["Properties"]["LifecycleConfiguration"]["Rules"]

    [forgetting] = [rule for rule in rules if "ExpirationInDays" in rule]
    assert forgetting["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_every_bucket_and_queue_and_topic_insists_on_tls(synthesised: Template) -> None:
    policies = {
        **synthesised.of("S3::BucketPolicy"),
        **synthesised.of("SQS::QueuePolicy"),
        **synthesised.of("SNS::TopicPolicy"),
    }

    assert len(policies) == sum(
        len(synthesised.of(kind)) for kind in ("S3::Bucket", "SQS::Queue", "SNS::Topic")
    )
    for policy in policies.values():
        conditions = [one.get("Condition") for one in statements(policy) if one["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions


def test_photos_are_filed_and_deleted_by_one_function(synthesised: Template) -> None:
    allowed = {
        (
            one["Sid"],
            tuple(sorted(_role(arn) for arn in one["Condition"]["ArnNotEquals"]["aws:PrincipalArn"])),
        )
        for one in _of_bucket_policies(synthesised)
        if one.get("Sid", "").endswith("ByTheLineAlone")
    }

    assert allowed == {
        ("FiledByTheLineAlone", ("MoveImage",)),
        ("DeletedByTheLineAlone", ("MoveImage",)),
    }


def _role(arn: dict[str, Any]) -> str:
    return str(arn["Fn::GetAtt"][0]).removeprefix("Functions").partition("Role")[0]


def _of_bucket_policies(template: Template) -> list[dict[str, Any]]:
    return [one for policy in template.of("S3::BucketPolicy").values() for one in statements(policy)]


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of any resource with a policy document."""
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def test_tables_are_those_of_the_data_and_can_be_recovered(synthesised: Template) -> None:
    tables = list(synthesised.of("DynamoDB::Table").values())

    made = {
        (
            tuple(key["AttributeName"] for key in table["Properties"]["KeySchema"]),
            tuple(index["IndexName"] for index in table["Properties"].get("GlobalSecondaryIndexes", ())),
            table["Properties"].get("TimeToLiveSpecification", {}).get("AttributeName", ""),
        )
        for table in tables
    }
    assert made == {
        (table.key, tuple(index.name for index in table.indexes), table.expires) for table in TABLES
    }
    for table in tables:
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_functions_are_those_of_the_catalog(synthesised: Template) -> None:
    functions = {
        one["Properties"]["Handler"]: one["Properties"] for one in synthesised.of("Lambda::Function").values()
    }

    assert functions.keys() == {function.handler for function in catalog.FUNCTIONS}
    for function in catalog.FUNCTIONS:
        made = functions[function.handler]
        assert (made["Runtime"], made["Architectures"]) == ("python3.13", ["arm64"])
        assert (made["Timeout"], made["MemorySize"]) == (function.timeout_seconds, function.memory_mb)
        assert made["TracingConfig"] == {"Mode": "Active"}
        assert made["Environment"]["Variables"].keys() - function.needs == {
            *("LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"),
        }


def test_what_must_run_alone_does(synthesised: Template) -> None:
    alone = {
        one["Properties"]["Handler"]
        for one in synthesised.of("Lambda::Function").values()
        if one["Properties"].get("ReservedConcurrentExecutions") == 1
    }

    assert alone == {function.handler for function in catalog.FUNCTIONS if function.alone}


def test_queues_that_feed_functions_hide_messages_long_enough_and_have_a_last_resort(
    synthesised: Template,
) -> None:
    queues = synthesised.of("SQS::Queue")
    for function in catalog.FUNCTIONS:
        if not function.queue:
            continue
        [made] = [
            queue
            for name, queue in queues.items()
            if name.startswith(f"Messages{function.queue.capitalize()}") and "Dead" not in name
        ]
        assert made["Properties"]["VisibilityTimeout"] >= 6 * function.timeout_seconds
        assert "RedrivePolicy" in made["Properties"]


def test_uploads_reach_the_intake_but_folder_markers_do_not(synthesised: Template) -> None:
    [rule] = [
        one["Properties"]
        for one in synthesised.of("Events::Rule").values()
        if one["Properties"].get("EventPattern", {}).get("source") == ["aws.s3"]
    ]

    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"anything-but": {"suffix": "/"}}]
    assert "Intake" in rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]


def test_executions_that_end_badly_wake_the_reconciler(synthesised: Template) -> None:
    [rule] = [
        one["Properties"]
        for one in synthesised.of("Events::Rule").values()
        if one["Properties"].get("EventPattern", {}).get("source") == ["aws.states"]
    ]
    readers = [
        one["Properties"]
        for one in synthesised.of("Lambda::EventSourceMapping").values()
        if "Failures" in one["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
    ]

    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert "Failures" in rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]
    assert ["Reconcile" in one["FunctionName"]["Ref"] for one in readers] == [True]


def test_what_runs_by_the_clock_is_what_the_catalog_says(synthesised: Template) -> None:
    scheduled = [
        one["Properties"]["ScheduleExpression"]
        for one in synthesised.of("Events::Rule").values()
        if "ScheduleExpression" in one["Properties"]
    ]

    def rate(minutes: int) -> str:
        return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"

    assert sorted(scheduled) == sorted(
        rate(one.schedule_minutes) for one in catalog.FUNCTIONS if one.schedule_minutes
    )


def test_who_tells_what_steps_logged_knows_the_log_of_every_function_that_the_machine_calls(
    synthesised: Template,
) -> None:
    functions = synthesised.of("Lambda::Function")
    [teller] = [one for name, one in functions.items() if name.startswith("FunctionsReadHistory")]

    parts = teller["Properties"]["Environment"]["Variables"]["LOG_GROUPS"]["Fn::Join"][1]
    named = [part["Ref"] for part in parts if isinstance(part, dict)]
    told = dict(zip(named[::2], named[1::2], strict=True))

    called = definition.placeholders() & {one.placeholder for one in catalog.FUNCTIONS}
    assert len(told) == len(called)
    for function, group in told.items():
        assert functions[function]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": group}


def test_logs_are_not_kept_for_ever(synthesised: Template) -> None:
    groups = synthesised.of("Logs::LogGroup").values()

    assert len(groups) >= len(catalog.FUNCTIONS)
    assert all(group["Properties"]["RetentionInDays"] <= 30 for group in groups)


def test_names_are_cloudformations_own_but_where_a_name_must_be_known(synthesised: Template) -> None:
    named = {
        (one["Type"], name)
        for one in synthesised.resources.values()
        for name in (
            "BucketName",
            "TableName",
            "QueueName",
            "FunctionName",
            "RoleName",
            "LogGroupName",
            "TopicName",
        )
        if isinstance(one["Properties"].get(name), str)
    }

    assert named == set()


def test_the_review_app_is_served_by_https_alone(synthesised: Template) -> None:
    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    options = {
        (one["Namespace"], one["OptionName"]): one["Value"]
        for one in environment["Properties"]["OptionSettings"]
    }

    assert options["aws:elbv2:listener:default", "ListenerEnabled"] == "false"
    assert options["aws:elbv2:listener:443", "Protocol"] == "HTTPS"
    assert options["aws:elbv2:listener:443", "SSLCertificateArns"]
    assert options["aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled"] == "true"
    assert options["aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"] == "/health"
    assert options["aws:autoscaling:launchconfiguration", "DisableIMDSv1"] == "true"


def test_a_second_server_starts_when_the_first_is_busy_not_when_photos_are_looked_at(
    synthesised: Template,
) -> None:
    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    told = environment["Properties"]["OptionSettings"]

    trigger = {
        one["OptionName"]: one["Value"] for one in told if one["Namespace"] == "aws:autoscaling:trigger"
    }
    assert (trigger["MeasureName"], trigger["Unit"]) == ("CPUUtilization", "Percent")


def test_the_review_app_is_told_what_it_asks_for_and_secrets_come_from_their_keeper(
    synthesised: Template,
) -> None:
    from review_app.settings import DEFAULTS, NEEDS, OPEN_ID

    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    told: dict[str, set[str]] = {}
    for one in environment["Properties"]["OptionSettings"]:
        told.setdefault(one["Namespace"].rsplit(":", 1)[-1], set()).add(one["OptionName"])

    assert told["environmentsecrets"] == {"SESSION_SECRET", "OIDC_CLIENT_SECRET"}
    variables = {name for name in told["environment"] if name.isupper()}
    assert variables | told["environmentsecrets"] >= NEEDS | OPEN_ID
    assert variables <= NEEDS | OPEN_ID | DEFAULTS.keys() | {"AWS_REGION"}


def test_people_sign_in_with_a_second_factor_and_one_of_three_roles(synthesised: Template) -> None:
    [pool] = synthesised.of("Cognito::UserPool").values()
    groups = {one["Properties"]["GroupName"] for one in synthesised.of("Cognito::UserPoolGroup").values()}

    assert pool["Properties"]["MfaConfiguration"] == "ON"
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert groups == {"reviewer", "engineer", "admin"}


def test_two_stages_share_nothing(synthesised: Template) -> None:
    text = json.dumps({**synthesised.document, "Outputs": {}})

    assert "/partcheck/prod/model" in text
    assert "partcheck-prod" in text
    assert '"/partcheck/model' not in text


def test_cdk_json_names_the_app_that_makes_this_template() -> None:
    assert json.loads((ROOT / "cdk.json").read_text("utf-8"))["app"] == "python -m infra.app --bundle"
