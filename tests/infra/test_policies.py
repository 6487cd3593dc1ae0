"""Roles allow exactly the calls that the code can make."""

from collections.abc import Iterable

import pytest

from infra.grants import GRANTS, REVIEW_APP, Grant, grants_of
from lambdas import catalog
from lambdas.catalog import LambdaFunction
from tests.infra.call_analysis import CallAnalysis, ServiceCall, load_modules
from tests.infra.conftest import Template
from workflow.errors import ConfigurationError
from workflow.tables import INSPECTIONS

pytestmark = pytest.mark.xdist_group("synthesised")

# The table behind each adapter's field. Add new adapters here.
TABLES = {
    ("DynamoInspectionRepository", "self._table"): "inspections",
    ("DynamoInspectionRepository", "self._audit_table"): "audit",
    ("DynamoReviewRepository", "self._table"): "inspections",
    ("DynamoReviewRepository", "self._audit_table"): "audit",
    ("workflow.aws.conditional_writes", "table"): "inspections",
    ("workflow.aws.conditional_writes", "audit_table"): "audit",
    ("DynamoTaskTokenStore", "self._table"): "task-tokens",
    ("DynamoCapacityStore", "self._table"): "inspections",
    ("DynamoModelEventLog", "self._table"): "audit",
    ("DynamoArchiveIndex", "self._inspections_table"): "inspections",
    ("DynamoArchiveIndex", "self._metrics_table"): "metrics",
    ("DynamoMetricsStore", "self._table"): "metrics",
    ("DynamoInspectionSearch", "self._inspections_table"): "inspections",
    ("DynamoInspectionSearch", "self._name_index_table"): "name-index",
    ("DynamoCommandRepository", "self._table"): "command-log",
    ("DynamoCommandRepository", "self._audit_table"): "audit",
}
# IAM actions of operations whose name differs from their action.
IAM_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("s3", "get_object_version"): ("s3:GetObjectVersion",),
    ("s3", "head_object"): ("s3:GetObject",),
    ("s3", "copy_object"): (  # It copies a version with its tags.
        *("s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:PutObject", "s3:PutObjectTagging"),
    ),
    ("s3", "delete_object_version"): ("s3:DeleteObjectVersion",),
    ("s3", "list_object_versions"): ("s3:ListBucketVersions",),
    ("lambda", "invoke"): ("lambda:InvokeFunction",),
    # The model reads the photo with the permissions of its caller.
    ("rekognition", "detect_custom_labels"): (
        *("rekognition:DetectCustomLabels", "s3:GetObject", "s3:GetObjectVersion"),
    ),
}
# No code calls these. Without them, S3 answers 403 instead of 404 for a missing object.
FOR_404 = {"s3:ListBucket", "s3:ListBucketVersions"}
READING = {"s3:GetObject", "s3:GetObjectVersion"}
# Reachable for the analysis, never called: the scheduled reconciler deletes no copy.
UNREACHED = {"ReconcileFunction": {"s3:GetObjectVersion", "s3:DeleteObjectVersion"}}


def required_actions(calls: Iterable[ServiceCall]) -> set[str]:
    """Return the actions that calls need: `<table>:<action>` for tables, otherwise `<service>:<action>`."""
    actions: set[str] = set()
    for call in calls:
        if call.service == "dynamodb":
            operation = call.operation.removesuffix("_index")
            indexed = "/index" if operation != call.operation else ""
            actions.add(f"{TABLES[call.holder, call.table]}{indexed}:{_camel(operation)}")
        else:
            service = "states" if call.service == "stepfunctions" else call.service
            actions |= set(
                IAM_ACTIONS.get((call.service, call.operation), (f"{service}:{_camel(call.operation)}",))
            )
    return actions


def granted_actions(grants: Iterable[Grant]) -> set[str]:
    """Return the actions of grants, in the same form."""
    actions = set()
    for grant in grants:
        for action in grant.actions:
            table, _, index = grant.resource.partition("/")
            where = f"{table}{'/index' if index else ''}"
            actions.add(action.replace("dynamodb", where) if action.startswith("dynamodb:") else action)
    return actions


def missing_indexes(analysis: CallAnalysis, grants: Iterable[Grant]) -> set[str]:
    """Return the inspection indexes that reachable code names and that no grant names."""
    granted_indexes = {grant.resource.partition("/")[2] for grant in grants}
    return {index.name for index in INSPECTIONS.indexes if index.name in analysis.strings} - granted_indexes


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_a_function_may_make_exactly_the_calls_of_its_code(function: LambdaFunction) -> None:
    analysis = CallAnalysis(load_modules())
    required = required_actions(analysis.of(f"lambdas.{function.module}", "handler"))
    assert UNREACHED.get(function.placeholder, set()) <= required
    required -= UNREACHED.get(function.placeholder, set())
    granted = granted_actions(grants_of(function))

    assert required - granted == set(), f"{function.placeholder} lacks grants in infra/grants.py"
    unneeded = granted - required
    assert unneeded <= (FOR_404 if required & READING else set()), (
        f"{function.placeholder} has too many grants"
    )


def test_the_analysis_sees_calls_behind_ports_paginators_transactions_and_constants() -> None:
    calls = {
        (call.service, call.operation)
        for call in CallAnalysis(load_modules()).of("lambdas.manage_model_capacity", "handler")
    }

    assert {("rekognition", "describe_project_versions"), ("dynamodb", "query_index")} <= calls
    archiving = CallAnalysis(load_modules()).of("lambdas.archive_executions", "handler")
    assert {
        ("states:GetExecutionHistory"),
        ("name-index:BatchWriteItem"),
        ("metrics:PutItem"),
    } <= required_actions(archiving)


def test_a_function_without_grants_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"NewFunction has no grants.*infra/grants\.py"):
        grants_of(LambdaFunction(placeholder="NewFunction", module="new"))


def test_grants_are_for_functions_that_exist() -> None:
    assert GRANTS.keys() <= {function.placeholder for function in catalog.FUNCTIONS}


def test_the_review_app_may_make_exactly_the_calls_of_its_code() -> None:
    analysis = CallAnalysis(load_modules())
    analysis.of("review_app.container", "build_container")
    required = required_actions(analysis.everything("review_app"))
    granted = granted_actions(REVIEW_APP)

    invoke = {"lambda:InvokeFunction"}  # infra/review_app.py grants it, on one function.
    assert required - granted == invoke, "the review app lacks grants in infra/grants.py"
    assert granted - required <= FOR_404, "the review app has too many grants"
    assert missing_indexes(analysis, REVIEW_APP) == set()


def test_only_two_functions_have_task_tokens_and_only_one_completes_tasks() -> None:
    with_tokens = {
        name for name, grants in GRANTS.items() for grant in grants if grant.resource == "task-tokens"
    }
    completing = {
        name
        for name, grants in GRANTS.items()
        for grant in grants
        if any(action.startswith("states:SendTask") for action in grant.actions)
    }

    assert with_tokens == {"AskReviewerFunction", "DeliverDecisionFunction"}
    assert completing == {"DeliverDecisionFunction"}


def test_the_review_app_has_no_access_to_step_functions_and_task_tokens() -> None:
    assert not any(right.startswith(("states:", "task-tokens:")) for right in granted_actions(REVIEW_APP))


def test_every_function_has_a_role_of_its_own(synthesised: Template) -> None:
    roles = [
        function["Properties"]["Role"]["Fn::GetAtt"][0]
        for function in synthesised.of("Lambda::Function").values()
    ]

    assert len(set(roles)) == len(roles) == len(catalog.FUNCTIONS)
