"""The functions of lambdas.catalog, each with a role, a log and exactly the settings of its own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as awslambda
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.grants import Grant, grants_of
from infra.line import Line
from infra.messages import FAILURES
from lambdas import catalog
from lambdas.catalog import Function
from workflow import definition

AT_ONCE = 10


class Functions(Construct):
    """What a function is asked and answers stands in its own file in lambdas/.

    Messages of a queue come in batches, of which each message may fail on its own.
    """

    def __init__(self, scope: Construct, name: str, line: Line, code: Path) -> None:
        super().__init__(scope, name)
        bundle = awslambda.Code.from_asset(str(code))
        homes = {one: Construct(self, one.placeholder.removesuffix("Function")) for one in catalog.FUNCTIONS}
        kept = {one.placeholder: _log(home) for one, home in homes.items()}
        line = replace(line, logs={name: kept[name] for name in kept if name in definition.placeholders()})
        self.made: dict[str, awslambda.Function] = {}
        for one, home in homes.items():
            values = {**line.values(), "LOG_GROUPS": self._log_groups(line)}
            self.made[one.placeholder] = _function(home, one, line, values, kept[one.placeholder], bundle)
        for one in catalog.FUNCTIONS:
            if one.queue:
                self[one].add_event_source(
                    sources.SqsEventSource(
                        line.messages.queues[one.queue],
                        batch_size=one.batch_size,
                        max_concurrency=AT_ONCE,
                        report_batch_item_failures=True,
                    )
                )
        self[catalog.RECONCILE].add_event_source(
            sources.SqsEventSource(
                line.messages.queues[FAILURES],
                batch_size=1000,
                max_batching_window=Duration.seconds(20),
                max_concurrency=2,
            )
        )

    def _log_groups(self, line: Line) -> str:
        """Where the functions of steps log, as `read_history` is told; it is made after all of them."""
        made = [(self.made[name], log) for name, log in line.logs.items() if name in self.made]
        return ",".join(f"{one.function_name}={log.log_group_name}" for one, log in made)

    def may(self, action: str, on: str) -> list[iam.IRole]:
        """The roles to which an action on a resource was granted."""
        return [
            self[one].role
            for one in catalog.FUNCTIONS
            if any(grant.on == on and action in grant.actions for grant in grants_of(one))
        ]

    def __getitem__(self, function: Function) -> awslambda.Function:
        return self.made[function.placeholder]


def _log(home: Construct) -> logs.LogGroup:
    return logs.LogGroup(
        home, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
    )


def _function(
    home: Construct,
    one: Function,
    line: Line,
    values: Mapping[str, str],
    log: logs.LogGroup,
    code: awslambda.Code,
) -> awslambda.Function:
    role = iam.Role(home, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn]
        )
    )
    for grant in grants_of(one):
        role.add_to_policy(statement(grant, line))
    needed = one.checked({name: values[name] for name in one.needs if name in values})
    return awslambda.Function(
        home,
        "Function",
        description=f"partcheck {line.deployment.stage}: {one.module}",
        runtime=awslambda.Runtime.PYTHON_3_13,
        architecture=awslambda.Architecture.ARM_64,
        handler=one.handler,
        code=code,
        role=role,
        log_group=log,
        timeout=Duration.seconds(one.timeout_seconds),
        memory_size=one.memory_mb,
        reserved_concurrent_executions=1 if one.alone and not line.deployment.small_account else None,
        tracing=awslambda.Tracing.ACTIVE,
        environment=needed
        | {
            "LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": Stack.of(home).stack_name,
            "POWERTOOLS_SERVICE_NAME": one.module,
        },
    )


def statement(grant: Grant, line: Line) -> iam.PolicyStatement:
    """A grant as a statement of a policy."""
    return iam.PolicyStatement(actions=list(grant.actions), resources=[line.arn(grant.on)])
