"""The template's guarantees about data, queues, functions and the state machine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra import bundle
from infra.app import build_stack, feature_flags
from infra.bundle import ROOT
from infra.nag_suppressions import SUPPRESSIONS
from infra.settings import StageSettings
from lambdas import catalog
from local.queues import UPLOADS_PATTERN
from tests.infra.conftest import Template
from tests.state_machine.asl_lint import lint
from tests.state_machine.test_asl_lint import SHIPPED_CUSTOM_ERRORS, SHIPPED_INPUT_FIELDS, SHIPPED_RESULTS
from workflow import state_machine_definition
from workflow.inspections import ignored_keys
from workflow.recovery.issues import IssueKind
from workflow.recovery.reconcile import DEFERRED, LEFT_TO_PERSON
from workflow.tables import TABLES

pytestmark = pytest.mark.xdist_group("synthesised")

REDUNDANT_DEPENDENCY = "W3005"  # CDK adds DependsOn although the reference implies it.


@pytest.fixture(params=["synthesised", "at_cloudfront"])
def either(request: pytest.FixtureRequest) -> Template:
    """Return the template of a stage with a domain, then that of one without."""
    template: Template = request.getfixturevalue(request.param)
    return template


def test_cdk_nag_has_no_finding_without_a_suppression(either: Template) -> None:
    assert either.findings == []


def test_every_suppression_is_needed(synthesised: Template, at_cloudfront: Template) -> None:
    suppressed = {
        resource["ruleName"]
        for template in (synthesised, at_cloudfront)
        for plugin in json.loads((template.directory / "validation-report.json").read_text("utf-8"))[
            "pluginReports"
        ]
        for resource in plugin.get("suppressedViolations", ())
    }

    assert {suppression.rule for suppression in SUPPRESSIONS} - suppressed == set()


def test_cfn_lint_finds_nothing(either: Template) -> None:
    from cfnlint.api import lint as cfn_lint  # Importing it takes each worker a second.
    from cfnlint.config import ManualArgs

    text = either.file.read_text(encoding="utf-8")

    findings = cfn_lint(text, config=ManualArgs(regions=["eu-central-1", "us-east-1"]))

    assert [str(finding) for finding in findings if finding.rule.id != REDUNDANT_DEPENDENCY] == []


def test_the_rendered_state_machine_has_no_lint(synthesised: Template) -> None:
    [machine] = synthesised.of("StepFunctions::StateMachine").values()
    values = {name: _arn(name) for name in machine["Properties"]["DefinitionSubstitutions"]}

    found = lint(
        json.loads(state_machine_definition.render(values)),
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
    [source] = [resource["source"]["path"] for name, resource in assets.items() if key.startswith(name)]

    assert (
        synthesised.directory / source
    ).read_bytes() == state_machine_definition.DEFINITION_FILE.read_bytes()


def test_a_new_definition_goes_live_gradually_and_an_alarm_rolls_it_back(synthesised: Template) -> None:
    [alias] = synthesised.of("StepFunctions::StateMachineAlias").values()
    [version] = synthesised.of("StepFunctions::StateMachineVersion").values()
    preference = alias["Properties"]["DeploymentPreference"]

    assert alias["Properties"]["Name"] == "live"
    assert (preference["Type"], preference["Percentage"]) == ("CANARY", 20)
    [alarm] = preference["Alarms"]
    assert "FailedExecutions" in alarm["Ref"]
    assert version["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("kind", ["S3::Bucket", "DynamoDB::Table", "Cognito::UserPool"])
def test_resources_with_data_outlive_the_stack(synthesised: Template, kind: str) -> None:
    """A first deployment that fails takes its empty buckets away again. Protected resources stay."""
    for name, resource in synthesised.of(kind).items():
        empty = kind == "S3::Bucket" and not name.startswith("StorageLogs")
        assert resource["DeletionPolicy"] == ("RetainExceptOnCreate" if empty else "Retain")
        assert resource["UpdateReplacePolicy"] == "Retain"


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


def test_access_logs_expire_with_every_version(synthesised: Template) -> None:
    [logs] = [
        resource for name, resource in synthesised.of("S3::Bucket").items() if name.startswith("StorageLogs")
    ]
    rules = logs["Properties"]["LifecycleConfiguration"]["Rules"]

    [forgetting] = [rule for rule in rules if "ExpirationInDays" in rule]
    assert forgetting["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_every_bucket_queue_and_topic_requires_tls(synthesised: Template) -> None:
    policies = {
        **synthesised.of("S3::BucketPolicy"),
        **synthesised.of("SQS::QueuePolicy"),
        **synthesised.of("SNS::TopicPolicy"),
    }

    assert len(policies) == sum(
        len(synthesised.of(kind)) for kind in ("S3::Bucket", "SQS::Queue", "SNS::Topic")
    )
    for policy in policies.values():
        conditions = [
            resource.get("Condition") for resource in statements(policy) if resource["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions


def test_photos_are_filed_and_deleted_by_one_function(synthesised: Template) -> None:
    allowed = {
        (
            resource["Sid"],
            tuple(sorted(_role(arn) for arn in resource["Condition"]["ArnNotEquals"]["aws:PrincipalArn"])),
        )
        for resource in _of_bucket_policies(synthesised)
        if resource.get("Sid", "").startswith("OnlyPipeline")
    }

    assert allowed == {
        ("OnlyPipelineWrites", ("MoveImage",)),
        ("OnlyPipelineDeletes", ("MoveImage",)),
    }


def _role(arn: dict[str, Any]) -> str:
    return str(arn["Fn::GetAtt"][0]).removeprefix("Functions").partition("Role")[0]


def _of_bucket_policies(template: Template) -> list[dict[str, Any]]:
    return [
        resource for policy in template.of("S3::BucketPolicy").values() for resource in statements(policy)
    ]


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a resource with a policy document."""
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def test_tables_are_those_of_workflow_tables_and_can_be_restored(synthesised: Template) -> None:
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
        (table.key, tuple(index.name for index in table.indexes), table.ttl_attribute) for table in TABLES
    }
    for table in tables:
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_functions_are_those_of_the_catalog(synthesised: Template) -> None:
    functions = {
        resource["Properties"]["Handler"]: resource["Properties"]
        for resource in synthesised.of("Lambda::Function").values()
    }

    assert functions.keys() == {function.handler for function in catalog.FUNCTIONS}
    for function in catalog.FUNCTIONS:
        made = functions[function.handler]
        assert (made["Runtime"], made["Architectures"]) == ("python3.13", ["arm64"])
        assert (made["Timeout"], made["MemorySize"]) == (function.timeout_seconds, function.memory_mb)
        assert made["TracingConfig"] == {"Mode": "Active"}
        assert made["Environment"]["Variables"].keys() - function.required_variables == {
            *("LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME", "READ_TIMEOUT_SECONDS"),
            "CLIENTS",
        }
        # A connection that hangs leaves time for two more attempts.
        assert 3 * int(made["Environment"]["Variables"]["READ_TIMEOUT_SECONDS"]) < function.timeout_seconds


def test_a_function_makes_the_clients_of_its_services_when_it_is_imported(synthesised: Template) -> None:
    """Lambda itself reads a function's queue, writes its log and sends its traces."""
    for name, function in synthesised.of("Lambda::Function").items():
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        listed = [
            statement["Action"]
            for policy in synthesised.of("IAM::Policy").values()
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in statements(policy)
        ]
        actions = {action for entry in listed for action in (entry if isinstance(entry, list) else [entry])}
        used = {action.partition(":")[0].replace("states", "stepfunctions") for action in actions} - {"xray"}
        if "sqs:SendMessage" not in actions:
            used -= {"sqs"}
        made = set(function["Properties"]["Environment"]["Variables"]["CLIENTS"].split())
        assert made | {"logs"} == used, name


def test_only_the_functions_that_decode_photos_have_the_larger_bundle(synthesised: Template) -> None:
    code = {
        entry.module: properties["Code"]["S3Key"]
        for entry in catalog.FUNCTIONS
        for resource in synthesised.of("Lambda::Function").values()
        if (properties := resource["Properties"])["Handler"] == entry.handler
    }

    measuring = {code[entry.module] for entry in catalog.FUNCTIONS if entry.decodes_photos}
    others = {code[entry.module] for entry in catalog.FUNCTIONS if not entry.decodes_photos}
    assert {entry.module for entry in catalog.FUNCTIONS if entry.decodes_photos} == {
        "claim_upload",
        "detect_labels",
        "wait_for_model",
        "manage_model_capacity",
    }
    assert (len(measuring), len(others)) == (1, 1)
    assert measuring != others


def test_exclusive_functions_have_a_concurrency_of_one(synthesised: Template) -> None:
    alone = {
        resource["Properties"]["Handler"]
        for resource in synthesised.of("Lambda::Function").values()
        if resource["Properties"].get("ReservedConcurrentExecutions") == 1
    }

    assert alone == {function.handler for function in catalog.FUNCTIONS if function.exclusive}


def test_queues_of_functions_hide_messages_long_enough_and_have_dead_letter_queues(
    synthesised: Template,
) -> None:
    queues = synthesised.of("SQS::Queue")
    for function in catalog.FUNCTIONS:
        if not function.queue:
            continue
        [made] = [
            queue
            for name, queue in queues.items()
            if name.startswith(f"Queues{function.queue.capitalize()}") and "Dead" not in name
        ]
        assert made["Properties"]["VisibilityTimeout"] >= 6 * function.timeout_seconds
        assert "RedrivePolicy" in made["Properties"]


def test_uploads_reach_the_intake_queue_but_names_that_are_left_alone_do_not(synthesised: Template) -> None:
    [rule] = [
        resource["Properties"]
        for resource in synthesised.of("Events::Rule").values()
        if resource["Properties"].get("EventPattern", {}).get("source") == ["aws.s3"]
    ]

    assert rule["EventPattern"]["detail"]["object"]["key"] == ignored_keys.inspected_key_pattern()
    assert UPLOADS_PATTERN["detail"]["object"]["key"] == ignored_keys.inspected_key_pattern()
    assert "Intake" in rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]


def test_no_queue_overruns_a_function_that_runs_alone(synthesised: Template) -> None:
    """SQS calls as often as its mapping allows, and counts a refused call as an attempt at the message."""
    functions = synthesised.of("Lambda::Function")
    for mapping in synthesised.of("Lambda::EventSourceMapping").values():
        properties = functions[mapping["Properties"]["FunctionName"]["Ref"]]["Properties"]
        most = mapping["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        assert properties.get("ReservedConcurrentExecutions", most) >= most

    assert not [function for function in catalog.FUNCTIONS if function.exclusive and function.queue]


def test_lambda_repeats_no_scheduled_call(synthesised: Template) -> None:
    configured = {
        resource["Properties"]["FunctionName"]["Ref"]: (
            resource["Properties"]["MaximumRetryAttempts"],
            resource["Properties"]["MaximumEventAgeInSeconds"],
        )
        for resource in synthesised.of("Lambda::EventInvokeConfig").values()
    }
    scheduled = {
        function_id
        for rule in synthesised.of("Events::Rule").values()
        for target in rule["Properties"]["Targets"]
        if (function_id := target["Arn"]["Fn::GetAtt"][0]) in synthesised.of("Lambda::Function")
    }

    assert configured == dict.fromkeys(scheduled, (0, 60))


def test_an_account_with_ten_calls_keeps_most_of_them_for_the_states(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), context=dict(feature_flags()))
    build_stack(app, StageSettings(small_account=True), bundle.build_bundles(False, tmp_path / "build"))
    app.synth()
    resources = json.loads((tmp_path / "Partcheck.template.json").read_text("utf-8"))["Resources"].values()
    of_queues = [
        resource["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for resource in resources
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    variables = [
        resource["Properties"]["Environment"]["Variables"]
        for resource in resources
        if resource["Type"] == "AWS::Lambda::Function"
    ]

    assert set(of_queues) == {2}
    assert {limits["MAX_IN_FLIGHT"] for limits in variables if "MAX_IN_FLIGHT" in limits} == {"20"}


def test_a_scheduled_function_that_fails_or_stops_raises_an_alarm(synthesised: Template) -> None:
    alarms = [alarm["Properties"] for alarm in synthesised.of("CloudWatch::Alarm").values()]
    failing = [alarm for alarm in alarms if alarm.get("MetricName") == "Errors"]
    stopped = [alarm for alarm in alarms if alarm["TreatMissingData"] == "breaching"]

    scheduled = {function.module for function in catalog.FUNCTIONS if function.schedule_minutes}
    assert {alarm["AlarmDescription"].split()[3] for alarm in failing} == scheduled
    assert {(alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) for alarm in failing} == {(3, 5)}
    assert {alarm["Dimensions"][0]["Value"] for alarm in stopped} == scheduled
    for alarm in stopped:
        assert f'"{alarm["MetricName"]}"' in (
            ROOT / "lambdas" / f"{alarm['Dimensions'][0]['Value']}.py"
        ).read_text("utf-8") or alarm["MetricName"].startswith("cameras_")


def test_sums_of_metrics_count_missing_values_as_zero(synthesised: Template) -> None:
    """CloudWatch has no data for periods in which an event did not occur."""
    queries = [
        query
        for alarm in synthesised.of("CloudWatch::Alarm").values()
        for query in alarm["Properties"].get("Metrics", ())
    ]
    names = {query["Id"] for query in queries if "MetricStat" in query}
    sums = [query["Expression"] for query in queries if "+" in query.get("Expression", "")]

    assert len(sums) == 4
    for expression in sums:
        unfilled = re.sub(r"FILL\(\w+, 0\)", "", expression)
        assert not names & set(re.findall(r"\w+", unfilled)), expression


def test_schedules_are_those_of_the_catalog(synthesised: Template) -> None:
    scheduled = [
        resource["Properties"]["ScheduleExpression"]
        for resource in synthesised.of("Events::Rule").values()
        if "ScheduleExpression" in resource["Properties"]
    ]

    def rate(minutes: int) -> str:
        return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"

    assert sorted(scheduled) == sorted(
        rate(resource.schedule_minutes) for resource in catalog.FUNCTIONS if resource.schedule_minutes
    )


def test_the_history_function_knows_the_log_group_of_every_state_function(
    synthesised: Template,
) -> None:
    functions = synthesised.of("Lambda::Function")
    [function] = [
        resource for name, resource in functions.items() if name.startswith("FunctionsGetExecutionHistory")
    ]

    parts = function["Properties"]["Environment"]["Variables"]["LOG_GROUPS"]["Fn::Join"][1]
    named = [part["Ref"] for part in parts if isinstance(part, dict)]
    settings = dict(zip(named[::2], named[1::2], strict=True))

    called = state_machine_definition.placeholders() & {
        resource.placeholder for resource in catalog.FUNCTIONS
    }
    assert len(settings) == len(called)
    for function, group in settings.items():
        assert functions[function]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": group}


def test_logs_expire(synthesised: Template) -> None:
    groups = synthesised.of("Logs::LogGroup").values()

    assert len(groups) >= len(catalog.FUNCTIONS)
    assert all(group["Properties"]["RetentionInDays"] <= 30 for group in groups)
    assert all(group["DeletionPolicy"] == "Delete" for group in groups)


def test_cloudformation_chooses_physical_names(synthesised: Template) -> None:
    named = {
        (resource["Type"], name)
        for resource in synthesised.resources.values()
        for name in (
            "BucketName",
            "TableName",
            "QueueName",
            "FunctionName",
            "RoleName",
            "LogGroupName",
            "TopicName",
        )
        if isinstance(resource["Properties"].get(name), str)
    }

    # Step Functions needs this prefix, or its log delivery shares one small policy of the account.
    assert named == {("AWS::Logs::LogGroup", "LogGroupName")}
    names = {group["Properties"].get("LogGroupName") for group in synthesised.of("Logs::LogGroup").values()}
    assert names == {None, "/aws/vendedlogs/states/partcheck-prod"}


def test_the_review_app_is_served_over_https_only(synthesised: Template) -> None:
    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    options = {
        (resource["Namespace"], resource["OptionName"]): resource["Value"]
        for resource in environment["Properties"]["OptionSettings"]
    }

    assert options["aws:elbv2:listener:default", "ListenerEnabled"] == "false"
    assert options["aws:elbv2:listener:443", "Protocol"] == "HTTPS"
    assert options["aws:elbv2:listener:443", "SSLCertificateArns"]
    assert options["aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled"] == "true"
    assert options["aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"] == "/health"
    assert options["aws:autoscaling:launchconfiguration", "DisableIMDSv1"] == "true"


def options_of(template: Template) -> dict[tuple[str, str], Any]:
    """Return the review app's option settings by namespace and name."""
    [environment] = template.of("ElasticBeanstalk::Environment").values()
    return {
        (option["Namespace"].removeprefix("aws:elasticbeanstalk:"), option["OptionName"]): option["Value"]
        for option in environment["Properties"]["OptionSettings"]
    }


def test_strangers_whom_the_app_refuses_do_not_make_it_unhealthy(synthesised: Template) -> None:
    document = json.loads(options_of(synthesised)["healthreporting:system", "ConfigDocument"])

    environment = document["Rules"]["Environment"]
    assert document["Version"] == 1
    assert environment["Application"]["ApplicationRequests4xx"] == {"Enabled": False}
    assert environment["ELB"]["ELBRequests4xx"] == {"Enabled": False}


def test_the_proxy_connects_to_the_apps_port_and_repeats_no_directive_of_the_platform(
    synthesised: Template,
) -> None:
    """nginx refuses a directive twice in one context. The platform's own file has these for all of HTTP."""
    review, platforms = ROOT / "infra" / "review", {"server_tokens", "include", "default_type", "log_format"}
    own = (review / ".platform/nginx/conf.d/partcheck.conf").read_text("utf-8")

    assert f"--port {options_of(synthesised)['application:environment', 'PORT']}" in (
        (review / "Procfile").read_text("utf-8")
    )
    assert {line.split()[0] for line in own.splitlines() if line} & platforms == set()


def test_servers_start_after_their_permissions_and_secrets_exist(either: Template) -> None:
    """A server fetches its secrets once, while it starts."""
    [environment] = either.of("ElasticBeanstalk::Environment")
    closure = either.dependencies_of(environment)

    roles = {name for name in either.of("IAM::Role") if name.startswith("ReviewApp")}
    needed = [
        name
        for name, policy in either.of("IAM::Policy").items()
        if any(role["Ref"] in roles & closure for role in policy["Properties"]["Roles"])
    ]
    assert needed
    assert {*needed, *either.of("SecretsManager::Secret")} <= closure


def test_sign_in_asks_for_credentials_each_time_and_sign_out_ends_the_pools_session(
    synthesised: Template,
) -> None:
    """The classic pages ignore `prompt=login`, and managed login needs a style and the Essentials plan."""
    [pool] = synthesised.of("Cognito::UserPool").values()
    [domain] = synthesised.of("Cognito::UserPoolDomain").values()
    [style] = synthesised.of("Cognito::ManagedLoginBranding").values()
    [client] = synthesised.of("Cognito::UserPoolClient")

    assert domain["Properties"]["ManagedLoginVersion"] == 2
    assert pool["Properties"]["UserPoolTier"] == "ESSENTIALS"
    assert style["Properties"]["ClientId"] == {"Ref": client}
    assert style["Properties"]["UseCognitoProvidedValues"] is True
    logout = json.dumps(options_of(synthesised)["application:environment", "OIDC_LOGOUT_URL"])
    assert ".auth." in logout
    assert '.amazoncognito.com/logout"' in logout


def test_a_second_server_starts_when_the_first_is_busy_not_when_photos_are_viewed(
    synthesised: Template,
) -> None:
    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    settings = environment["Properties"]["OptionSettings"]

    trigger = {
        resource["OptionName"]: resource["Value"]
        for resource in settings
        if resource["Namespace"] == "aws:autoscaling:trigger"
    }
    assert (trigger["MeasureName"], trigger["Unit"]) == ("CPUUtilization", "Percent")


def test_the_review_app_has_its_required_variables_and_secrets_from_secrets_manager(
    synthesised: Template,
) -> None:
    from review_app.settings import DEFAULTS, OIDC_VARIABLES, REQUIRED_VARIABLES

    [environment] = synthesised.of("ElasticBeanstalk::Environment").values()
    settings: dict[str, set[str]] = {}
    for resource in environment["Properties"]["OptionSettings"]:
        settings.setdefault(resource["Namespace"].rsplit(":", 1)[-1], set()).add(resource["OptionName"])

    assert settings["environmentsecrets"] == {"SESSION_SECRET", "OIDC_CLIENT_SECRET"}
    variables = {name for name in settings["environment"] if name.isupper()}
    assert variables | settings["environmentsecrets"] >= REQUIRED_VARIABLES | OIDC_VARIABLES
    assert variables <= REQUIRED_VARIABLES | OIDC_VARIABLES | DEFAULTS.keys() | {"AWS_REGION", "PORT"}


def test_users_sign_in_with_a_second_factor_and_one_of_three_roles(synthesised: Template) -> None:
    [pool] = synthesised.of("Cognito::UserPool").values()
    groups = {
        resource["Properties"]["GroupName"] for resource in synthesised.of("Cognito::UserPoolGroup").values()
    }

    assert pool["Properties"]["MfaConfiguration"] == "ON"
    assert pool["Properties"]["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert groups == {"reviewer", "engineer", "admin"}


def test_two_stages_share_nothing(synthesised: Template) -> None:
    text = json.dumps({**synthesised.document, "Outputs": {}})

    assert "/partcheck/prod/model" in text
    assert "partcheck-prod" in text
    assert '"/partcheck/model' not in text


def test_cdk_json_names_the_app_that_writes_this_template() -> None:
    assert json.loads((ROOT / "cdk.json").read_text("utf-8"))["app"] == "python -m infra.app --bundle"


def test_alarms_on_the_reconciler_use_metrics_that_it_writes(synthesised: Template) -> None:
    """A renamed kind of issue would leave an alarm without data, and so never raised."""
    written = {
        f"reconciled_{outcome.replace(' ', '_')}" for outcome in (*IssueKind, LEFT_TO_PERSON, DEFERRED)
    }
    read = {
        alarm["Properties"]["MetricName"]
        for alarm in synthesised.of("CloudWatch::Alarm").values()
        if alarm["Properties"].get("MetricName", "").startswith("reconciled_")
    }

    assert len(read) == 3
    assert read <= written
