"""The grants of infra/grants.py: who may do what. test_permissions.py compares them with recorded calls."""

from collections.abc import Iterable

import pytest

from infra.grants import GRANTS, REVIEW_APP, Grant, grants_of
from lambdas import catalog
from lambdas.catalog import LambdaFunction
from tests.infra.conftest import Template
from tests.infra.permissions import required_permissions
from tests.proof.fault_injection import WorkerCall
from tests.proof.random_histories import RandomHistory
from workflow.errors import ConfigurationError

pytestmark = pytest.mark.xdist_group("synthesised")

HISTORIES = 30
# The random histories do not run these functions.
WITHOUT_HISTORIES = (
    *(catalog.ARCHIVE_EXECUTIONS, catalog.GET_EXECUTION_HISTORY),
    *(catalog.PROCESS_COMMANDS, catalog.WATCH_CAMERAS),
)


def granted_actions(grants: Iterable[Grant]) -> set[str]:
    """Return the actions of grants, for a table or an index with its name before the action."""
    return {
        f"{grant.resource}:{action}" if action.startswith("dynamodb:") else action
        for grant in grants
        for action in grant.actions
    }


def recorded_actions(calls: Iterable[WorkerCall]) -> dict[str, set[str]]:
    """Return the actions that each function has used, in the same form."""
    actions: dict[str, set[str]] = {}
    for call in calls:
        operation = "".join(map(str.capitalize, call.operation.split("_")))
        for action, arn in required_permissions(call.service, operation, call.request):
            table = arn.partition(":table/")[2].replace("/index", "")
            actions.setdefault(call.worker, set()).add(f"{table}:{action}" if table else action)
    return actions


@pytest.fixture(scope="module")
def histories() -> dict[str, set[str]]:
    """Return the actions of each function in random histories with faults."""
    calls: list[WorkerCall] = []
    for seed in range(HISTORIES):
        history = RandomHistory(seed)
        history.run()
        calls += history.simulation.faults.calls
    return recorded_actions(calls)


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_each_call_in_histories_with_faults_is_granted(
    function: LambdaFunction, histories: dict[str, set[str]]
) -> None:
    used = histories.get(function.module, set()) | histories.get(function.queue or "", set())
    granted = granted_actions(grants_of(function))

    assert used - granted == set(), f"{function.placeholder} lacks grants in infra/grants.py"
    assert bool(used) == (function not in WITHOUT_HISTORIES)


def test_a_missing_grant_is_found_in_histories(histories: dict[str, set[str]]) -> None:
    grants = [grant for grant in grants_of(catalog.MOVE_IMAGE) if grant.resource != "filed/*"]

    missing = histories[catalog.MOVE_IMAGE.module] - granted_actions(grants)

    assert missing == {"s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"}


def test_a_function_without_grants_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"NewFunction has no grants.*infra/grants\.py"):
        grants_of(LambdaFunction(placeholder="NewFunction", module="new"))


def test_grants_are_for_functions_that_exist() -> None:
    assert GRANTS.keys() <= {function.placeholder for function in catalog.FUNCTIONS}


def test_tokens_of_reviews_and_of_waits_are_held_by_different_functions() -> None:
    with_tokens, with_wake_tokens = (
        {name for name, grants in GRANTS.items() for grant in grants if grant.resource == table}
        for table in ("task-tokens", "wake-tokens")
    )
    completing = {
        name
        for name, grants in GRANTS.items()
        for grant in grants
        if any(action.startswith("states:SendTask") for action in grant.actions)
    }

    assert with_tokens == {"AskReviewerFunction", "DeliverDecisionFunction"}
    assert with_wake_tokens == {*("WaitForModelFunction", "ManageModelCapacityFunction", "ReconcileFunction")}
    assert completing == with_wake_tokens | {"DeliverDecisionFunction"}


def test_the_review_app_has_no_access_to_step_functions_and_task_tokens() -> None:
    assert not any(
        action.startswith(("states:", "task-tokens:", "wake-tokens:"))
        for action in granted_actions(REVIEW_APP)
    )


def test_every_function_has_a_role_of_its_own(synthesised: Template) -> None:
    roles = [
        function["Properties"]["Role"]["Fn::GetAtt"][0]
        for function in synthesised.of("Lambda::Function").values()
    ]

    assert len(set(roles)) == len(roles) == len(catalog.FUNCTIONS)
