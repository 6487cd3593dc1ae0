"""The functions of lambdas.catalog, each with its own role, log group and environment variables."""

from collections.abc import Mapping
from dataclasses import replace

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as awslambda
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.bundle import Bundles
from infra.grants import Grant, client_names, grants_of
from infra.stage_environment import StageEnvironment
from lambdas import catalog
from lambdas.catalog import LambdaFunction
from workflow import state_machine_definition

READ_TIMEOUT_SECONDS = 15
QUEUE_CALLS_IN_SMALL_ACCOUNT = 2  # The least that Lambda accepts.


class Functions(Construct):
    """The Lambda functions. Each module in lambdas/ documents its function's input and output.

    Queues deliver messages in batches, and each message of a batch may fail on its own.
    """

    def __init__(
        self, scope: Construct, construct_id: str, resources: StageEnvironment, bundles: Bundles
    ) -> None:
        super().__init__(scope, construct_id)
        code = awslambda.Code.from_asset(str(bundles.functions))
        measuring_code = awslambda.Code.from_asset(str(bundles.measuring_functions))
        scopes = {
            entry: Construct(self, entry.placeholder.removesuffix("Function")) for entry in catalog.FUNCTIONS
        }
        log_groups = {entry.placeholder: _build_log_group(scope) for entry, scope in scopes.items()}
        state_placeholders = state_machine_definition.placeholders()
        resources = replace(
            resources,
            log_groups={name: log_groups[name] for name in log_groups if name in state_placeholders},
        )
        self.by_placeholder: dict[str, awslambda.Function] = {}
        for entry, function_scope in scopes.items():
            variables = {**resources.variables(), "LOG_GROUPS": self._log_groups_variable(resources)}
            self.by_placeholder[entry.placeholder] = _build_function(
                function_scope,
                entry,
                resources,
                variables=variables,
                log_group=log_groups[entry.placeholder],
                code=measuring_code if entry.decodes_photos else code,
            )
        for entry in catalog.FUNCTIONS:
            if entry.queue:
                self[entry].add_event_source(
                    sources.SqsEventSource(
                        resources.queues.by_name[entry.queue],
                        batch_size=entry.batch_size,
                        max_concurrency=QUEUE_CALLS_IN_SMALL_ACCOUNT
                        if resources.settings.small_account
                        else entry.queue_calls,
                        report_batch_item_failures=True,
                    )
                )
            if entry.schedule_minutes:  # The next scheduled call does the work of a failed or delayed one.
                self[entry].configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))

    def _log_groups_variable(self, resources: StageEnvironment) -> str:
        """Return the state functions' log groups. `get_execution_history` is built after these functions."""
        pairs = [
            (self.by_placeholder[name], log_group)
            for name, log_group in resources.log_groups.items()
            if name in self.by_placeholder
        ]
        return ",".join(
            f"{function.function_name}={log_group.log_group_name}" for function, log_group in pairs
        )

    def roles_with(self, action: str, resource: str) -> list[iam.IRole]:
        """Return the roles that hold a grant of this action on this resource."""
        return [
            self[entry].role
            for entry in catalog.FUNCTIONS
            if any(grant.resource == resource and action in grant.actions for grant in grants_of(entry))
        ]

    def __getitem__(self, function: LambdaFunction) -> awslambda.Function:
        return self.by_placeholder[function.placeholder]


def _build_log_group(scope: Construct) -> logs.LogGroup:
    return logs.LogGroup(
        scope, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
    )


def _build_function(
    scope: Construct,
    entry: LambdaFunction,
    resources: StageEnvironment,
    *,
    variables: Mapping[str, str],
    log_group: logs.LogGroup,
    code: awslambda.Code,
) -> awslambda.Function:
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
        )
    )
    for grant in grants_of(entry):
        role.add_to_policy(policy_statement(grant, resources))
    environment = entry.validate_environment(
        {name: variables[name] for name in entry.required_variables if name in variables}
    )
    reserved = entry.exclusive and not resources.settings.small_account
    return awslambda.Function(
        scope,
        "Function",
        description=f"partcheck {resources.settings.stage}: {entry.module}",
        runtime=awslambda.Runtime.PYTHON_3_13,
        architecture=awslambda.Architecture.ARM_64,
        handler=entry.handler,
        code=code,
        role=role,
        log_group=log_group,
        timeout=Duration.seconds(entry.timeout_seconds),
        memory_size=entry.memory_mb,
        reserved_concurrent_executions=1 if reserved else None,
        tracing=awslambda.Tracing.ACTIVE,
        environment=environment
        | {
            "CLIENTS": " ".join(client_names(entry)),
            "LOG_LEVEL": "INFO",
            "READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS),
            "POWERTOOLS_METRICS_NAMESPACE": Stack.of(scope).stack_name,
            "POWERTOOLS_SERVICE_NAME": entry.module,
        },
    )


def policy_statement(grant: Grant, resources: StageEnvironment) -> iam.PolicyStatement:
    """Convert a grant to a statement of a policy."""
    return iam.PolicyStatement(actions=list(grant.actions), resources=[resources.arn(grant.resource)])
