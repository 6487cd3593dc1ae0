"""What roles may do fits what was done under them, resource by resource; whatever is planted is found."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from lambdas import catalog
from tests.infra import drill_people
from tests.infra.account import deployed
from tests.infra.conftest import Template
from tests.infra.drill import Drill
from tests.infra.rights import ACCOUNT, REGION, Account, Right
from workflow import definition

pytestmark = pytest.mark.xdist_group("synthesised")

LOGS, TRACES = ("CreateLogStream", "PutLogEvents"), ("PutTraceSegments", "PutTelemetryRecords")
SAMPLING = ("GetSamplingRules", "GetSamplingTargets")
DELIVERY = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)
POLLING = (
    *("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"),
    *("GetQueueAttributes", "GetQueueUrl"),
)


def by_aws(account: Account) -> Iterator[Right]:
    """What AWS itself does under our roles, and no code of ours: nothing of it is ever recorded."""
    for one in catalog.FUNCTIONS:
        name = one.placeholder.removesuffix("Function")
        role = account.named("IAM::Role", f"Functions{name}Role")
        log = account.arn(account.named("Logs::LogGroup", f"Functions{name}Log"))
        yield from (Right(role, f"logs:{action}", log) for action in LOGS)
        yield from (Right(role, f"xray:{action}", "*") for action in TRACES)
        fed_by = "failures" if one is catalog.RECONCILE else one.queue
        if fed_by:
            queue = account.arn(_queue(account, fed_by))
            yield from (Right(role, f"sqs:{action}", queue) for action in POLLING)
    machine = account.named("IAM::Role", "Machine")
    yield from (Right(machine, f"logs:{action}", "*") for action in DELIVERY)
    yield from (
        Right(machine, f"xray:{action}", "*")
        for action in (*TRACES, "GetSamplingRules", "GetSamplingTargets")
    )
    flow = account.named("IAM::Role", "ReviewSiteNetworkFlowLog")
    flows = account.arn(account.named("Logs::LogGroup", "ReviewSiteFlowLogs"))
    yield from (Right(flow, f"logs:{action}", flows) for action in (*LOGS, "DescribeLogStreams"))
    yield from _by_elastic_beanstalk(account)


def _by_elastic_beanstalk(account: Account) -> Iterator[Right]:
    """It fetches the app and its secrets, writes its logs and tells its health."""
    role, at = account.named("IAM::Role", "ReviewSiteRole"), f"{REGION}:{ACCOUNT}"
    for secret in ("PeopleClientSecret", "ReviewSiteSessionSecret"):
        arn = account.arn(account.named("SecretsManager::Secret", secret))
        yield Right(role, "secretsmanager:GetSecretValue", arn)
    yield Right(role, "s3:GetObject", f"arn:aws:s3:::elasticbeanstalk-{REGION}-{ACCOUNT}/*")
    for kind in ("application", "environment"):
        yield Right(role, "elasticbeanstalk:PutInstanceStatistics", f"arn:aws:elasticbeanstalk:{at}:{kind}/*")
    for action in ("CreateLogGroup", *LOGS, "DescribeLogStreams"):
        yield Right(role, f"logs:{action}", f"arn:aws:logs:{at}:log-group:/aws/elasticbeanstalk/*")


def by_the_machine(account: Account) -> Iterator[Right]:
    """What the state machine calls, as its definition says."""
    [machine] = [
        one for one in account.resources.values() if one["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    told = machine["Properties"]["DefinitionSubstitutions"]
    states = json.loads(definition.render({name: account.value(value) for name, value in told.items()}))
    role = account.named("IAM::Role", "Machine")
    for state in states["States"].values():
        if state["Type"] == "Task" and "sqs" in state["Resource"]:
            name = state["Parameters"]["QueueUrl"].rpartition("/")[2]
            yield Right(role, "sqs:SendMessage", account.arn(name))
        elif state["Type"] == "Task":
            asked = state.get("Parameters", {}).get("FunctionName", state["Resource"])
            yield Right(role, "lambda:InvokeFunction", asked)


def wide(account: Account) -> set[str]:
    """Where a `*` may stand: names that others choose, after a deployment."""
    at, machine = f"{REGION}:{ACCOUNT}", account.named("StepFunctions::StateMachine", "Machine")
    kinds = {"AWS::S3::Bucket": "{}/*", "AWS::Logs::LogGroup": "{}"}
    return {
        *(
            kinds[one["Type"]].format(account.arn(name))
            for name, one in account.resources.items()
            if one["Type"] in kinds
        ),
        f"arn:aws:states:{at}:execution:{machine}:*",
        *(f"arn:aws:rekognition:{at}:project/{which}" for which in ("*", "*/version/*/*")),
    }


class Case:
    """One template's rights beside what was done; `faults` says what does not fit for one role."""

    def __init__(self, account: Account, recorded: Iterable[Right]) -> None:
        self.rights, self.done = set(account.rights()), set(recorded) | set(by_the_machine(account))
        self.by_aws, self.wide = set(by_aws(account)), wide(account)

    def faults(self, role: str, rights: set[Right]) -> list[str]:
        done = [one for one in self.done if one.role == role]
        by_aws = {one for one in self.by_aws if one.role == role}
        ours = rights - by_aws
        return [
            *(f"lacks {one}" for one in done if not any(right.allows(one) for right in rights)),
            *(f"lacks {one}" for one in by_aws - rights),
            *(f"never used: {right}" for right in ours if not any(map(right.allows, done))),
            *(f"too wide: {right}" for right in ours if self.is_too_wide(right, done)),
        ]

    def is_too_wide(self, right: Right, done: list[Right]) -> bool:
        """A `*` stands where none is needed, or a narrower one would do."""
        if right.resource == "*":
            return right.action != "rekognition:DescribeProjects"  # AWS knows no resource for it.
        if "*" in right.action or ("*" in right.resource and right.resource not in self.wide):
            return True
        narrower = (replace(right, resource=one) for one in self.wide - {right.resource})
        used = [one for one in done if right.allows(one)]
        return any(right.allows(one) and all(map(one.allows, used)) for one in narrower)

    def of(self, role: str) -> set[Right]:
        return {one for one in self.rights if one.role == role}

    @property
    def roles(self) -> list[str]:
        return sorted({one.role for one in self.rights | self.done | self.by_aws})


@pytest.fixture(scope="module")
def case(synthesised: Template) -> Case:
    with deployed(synthesised.resources) as stage:
        drill = Drill(stage)
        drill.live()
        drill_people.live(drill)
    return Case(stage.account, stage.recorded)


def test_each_call_is_allowed_on_its_resource_and_each_right_is_used_on_its_own(case: Case) -> None:
    assert {role: found for role in case.roles if (found := case.faults(role, case.of(role)))} == {}


def test_a_right_that_is_missing_is_found_out(case: Case) -> None:
    survived = [right for right in case.rights if not case.faults(right.role, case.of(right.role) - {right})]

    assert survived == []


def test_a_right_on_more_is_found_out(case: Case) -> None:
    survived = []
    for right in case.rights - case.by_aws:
        parts = right.resource.split(":")
        wider = ("*", f"{right.resource.rstrip('*')[:-1]}*", ":".join((*parts[:5], "*")))
        planted = {replace(right, resource=one) for one in wider} - {right}
        others = case.of(right.role) - {right}
        survived += [one for one in planted if not case.faults(right.role, others | {one})]

    assert survived == []


def test_a_right_on_something_else_or_to_something_else_is_found_out(case: Case) -> None:
    resources = {right.resource for right in case.rights} | {"arn:aws:s3:::somebody-elses/*"}
    planted = set()
    for right in case.rights - case.by_aws:
        service = right.action.split(":")[0]
        planted |= {
            replace(right, resource=one) for one in resources if one.startswith(f"arn:aws:{service}:")
        }
        planted.add(replace(right, action=f"{service}:DeleteEverything"))

    survived = [one for one in planted - case.rights if not case.faults(one.role, case.of(one.role) | {one})]

    assert survived == []


@pytest.mark.parametrize("other", [{"NotAction": "s3:*"}, {"NotResource": "*"}, {"Effect": "Deny"}])
def test_a_policy_that_says_otherwise_is_not_understood(synthesised: Template, other: dict[str, str]) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **other}
    policy = {"Statement": [statement]}
    planted = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": policy, "Roles": [{"Ref": "R"}]}}

    with pytest.raises(AssertionError):
        list(Account({**synthesised.resources, "Planted": planted}).rights())


def _queue(account: Account, name: str) -> str:
    [found] = [
        one
        for one, told in account.resources.items()
        if told["Type"] == "AWS::SQS::Queue" and one[:-8] == f"Messages{name.capitalize()}"
    ]
    return found
