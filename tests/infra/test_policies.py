"""Roles may do exactly what the code can do: each call is allowed, and nothing else is."""

from collections.abc import Iterable

import pytest

from infra.grants import GRANTS, REVIEW_APP, Grant, grants_of
from lambdas import catalog
from lambdas.catalog import Function
from tests.infra.calls import Call, Walk, modules
from tests.infra.conftest import Template
from workflow.errors import ConfigurationError
from workflow.tables import LEDGER

pytestmark = pytest.mark.xdist_group("synthesised")

# Which table stands behind a field of an adapter; a new adapter's is added here.
TABLES = {
    ("DynamoLedger", "self._table"): "ledger",
    ("DynamoLedger", "self._audit_table"): "audit",
    ("DynamoReviews", "self._table"): "ledger",
    ("DynamoReviews", "self._audit_table"): "audit",
    ("workflow.aws.conditions", "table"): "ledger",
    ("workflow.aws.conditions", "audit_table"): "audit",
    ("DynamoTokens", "self._table"): "tokens",
    ("DynamoPowerStore", "self._table"): "ledger",
    ("DynamoRecord", "self._table"): "audit",
    ("DynamoBooks", "self._ledger"): "ledger",
    ("DynamoBooks", "self._figures"): "figures",
    ("DynamoFigures", "self._table"): "figures",
    ("DynamoSearch", "self._ledger"): "ledger",
    ("DynamoSearch", "self._names"): "names",
    ("DynamoCommands", "self._table"): "command-log",
    ("DynamoCommands", "self._audit_table"): "audit",
}
# What an operation needs in IAM, where that is not an action of the operation's own name.
SEVERAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("s3", "get_object_version"): ("s3:GetObjectVersion",),
    ("s3", "head_object"): ("s3:GetObject",),
    ("s3", "copy_object"): (  # Of a version, with its tags.
        *("s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:PutObject", "s3:PutObjectTagging"),
    ),
    ("s3", "delete_object_version"): ("s3:DeleteObjectVersion",),
    ("s3", "list_object_versions"): ("s3:ListBucketVersions",),
    ("lambda", "invoke"): ("lambda:InvokeFunction",),
    # The model reads the photo with the rights of whoever asks it.
    ("rekognition", "detect_custom_labels"): (
        *("rekognition:DetectCustomLabels", "s3:GetObject", "s3:GetObjectVersion"),
    ),
}
# Nobody calls these, but S3 tells only who may list that something is missing.
TO_BE_TOLD = {"s3:ListBucket", "s3:ListBucketVersions"}
READING = {"s3:GetObject", "s3:GetObjectVersion"}
# What the analysis sees and no event leads to: the clock finds nothing that is mended by deleting a copy.
NEVER = {"ReconcileFunction": {"s3:GetObjectVersion", "s3:DeleteObjectVersion"}}


def needed(calls: Iterable[Call]) -> set[str]:
    """The rights that calls need, `<table>:<action>` for tables and `<service>:<action>` for the rest."""
    found: set[str] = set()
    for call in calls:
        if call.service == "dynamodb":
            operation = call.operation.removesuffix("_index")
            indexed = "/index" if operation != call.operation else ""
            found.add(f"{TABLES[call.holder, call.table]}{indexed}:{_camel(operation)}")
        else:
            service = "states" if call.service == "stepfunctions" else call.service
            found |= set(
                SEVERAL.get((call.service, call.operation), (f"{service}:{_camel(call.operation)}",))
            )
    return found


def granted(grants: Iterable[Grant]) -> set[str]:
    """The same, of what was granted."""
    found = set()
    for grant in grants:
        for action in grant.actions:
            table, _, index = grant.on.partition("/")
            where = f"{table}{'/index' if index else ''}"
            found.add(action.replace("dynamodb", where) if action.startswith("dynamodb:") else action)
    return found


def unread(walk: Walk, grants: Iterable[Grant]) -> set[str]:
    """The ledger's indexes that reachable code calls by their names, and that no grant names."""
    named = {grant.on.partition("/")[2] for grant in grants}
    return {index.name for index in LEDGER.indexes if index.name in walk.words} - named


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_a_function_may_do_exactly_what_its_code_can_do(function: Function) -> None:
    walk = Walk(modules())
    wanted = needed(walk.of(f"lambdas.{function.module}", "handler"))
    assert NEVER.get(function.placeholder, set()) <= wanted
    wanted -= NEVER.get(function.placeholder, set())
    rights = granted(grants_of(function))

    assert wanted - rights == set(), f"{function.placeholder} lacks rights in infra/grants.py"
    unneeded = rights - wanted
    assert unneeded <= (TO_BE_TOLD if wanted & READING else set()), (
        f"{function.placeholder} has rights too many"
    )


def test_the_analysis_sees_calls_behind_ports_pages_transactions_and_constants() -> None:
    calls = {(call.service, call.operation) for call in Walk(modules()).of("lambdas.tend_model", "handler")}

    assert {("rekognition", "describe_project_versions"), ("dynamodb", "query_index")} <= calls
    kept = Walk(modules()).of("lambdas.keep_history", "handler")
    assert {("states:GetExecutionHistory"), ("names:BatchWriteItem"), ("figures:PutItem")} <= needed(kept)


def test_a_function_without_rights_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"NewFunction has no rights.*infra/grants\.py"):
        grants_of(Function("NewFunction", "new"))


def test_rights_are_for_functions_that_exist() -> None:
    assert GRANTS.keys() <= {function.placeholder for function in catalog.FUNCTIONS}


def test_the_review_app_may_do_exactly_what_its_code_can_do() -> None:
    walk = Walk(modules())
    walk.of("review_app.ports", "on_aws")
    wanted = needed(walk.everything("review_app"))
    rights = granted(REVIEW_APP)

    teller = {"lambda:InvokeFunction"}  # Of one function, whose name infra/review_site.py knows.
    assert wanted - rights == teller, "the review app lacks rights in infra/grants.py"
    assert rights - wanted <= TO_BE_TOLD, "the review app has rights too many"
    assert unread(walk, REVIEW_APP) == set()


def test_only_two_functions_know_tokens_and_only_one_answers_them() -> None:
    knowing = {name for name, grants in GRANTS.items() for grant in grants if grant.on == "tokens"}
    answering = {
        name
        for name, grants in GRANTS.items()
        for grant in grants
        if any(action.startswith("states:SendTask") for action in grant.actions)
    }

    assert knowing == {"AskReviewerFunction", "DeliverDecisionFunction"}
    assert answering == {"DeliverDecisionFunction"}


def test_the_review_app_has_no_right_at_step_functions_and_no_token() -> None:
    assert not any(right.startswith(("states:", "tokens:")) for right in granted(REVIEW_APP))


def test_every_function_has_a_role_of_its_own(synthesised: Template) -> None:
    roles = [
        one["Properties"]["Role"]["Fn::GetAtt"][0] for one in synthesised.of("Lambda::Function").values()
    ]

    assert len(set(roles)) == len(roles) == len(catalog.FUNCTIONS)
