"""The state machine from its definition file, with published versions and an alias that shifts gradually."""

from collections.abc import Mapping

from aws_cdk import CfnDeletionPolicy, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflow import state_machine_definition
from workflow.errors import ConfigurationError

ALIAS = "live"
CANARY_PERCENT, CANARY_MINUTES = 20, 5


class StateMachine(Construct):
    """The state machine. workflow.pipeline.executions.execution_input builds an execution's input.

    An execution is named after an inspection's attempt and is started through the alias. A deployment that
    changes the definition publishes a version and gives it a fifth of the new executions for five minutes.
    An alarm rolls it back. The functions' ARNs have no version, so that a redriven execution calls the
    repaired function.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # Below this prefix no account runs out of room in its resource policy for log delivery.
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{Stack.of(self).stack_name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.resource = sfn.StateMachine(
            self,
            "Inspection",
            definition_body=sfn.DefinitionBody.from_file(str(state_machine_definition.DEFINITION_FILE)),
            # Inputs and outputs name photos and people, so that errors are logged without them.
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False
            ),
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    @property
    def arn(self) -> str:
        return str(self.resource.state_machine_arn)

    @property
    def name(self) -> str:
        return str(self.resource.state_machine_name)

    @property
    def logical_id(self) -> str:
        """The state machine's logical id in the template."""
        return str(Stack.of(self).get_logical_id(self.resource.node.default_child))

    @property
    def alias_arn(self) -> str:
        """The ARN of the alias, through which executions are started."""
        return f"{self.arn}:{ALIAS}"

    def substitute(self, values: Mapping[str, str], function_arns: list[str], verdict_queue_arn: str) -> None:
        """Fill in the placeholders of the definition, and grant exactly the calls behind them."""
        if wrong := state_machine_definition.placeholders() ^ values.keys():
            raise ConfigurationError(f"state machine: placeholders differ by {sorted(wrong)}")
        self.resource.node.default_child.definition_substitutions = dict(values)
        self.resource.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=function_arns)
        )
        self.resource.add_to_role_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[verdict_queue_arn])
        )

    def publish(self, rollback_alarms: list[cloudwatch.Alarm]) -> None:
        """Point the alias to the newest version. If one of `rollback_alarms` fires, the alias points back."""
        resource = self.resource.node.default_child
        version = sfn.CfnStateMachineVersion(
            self,
            "Version",
            state_machine_arn=self.arn,
            state_machine_revision_id=resource.attr_state_machine_revision_id,
        )
        version.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        version.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
        sfn.CfnStateMachineAlias(
            self,
            "Live",
            name=ALIAS,
            deployment_preference=sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
                type="CANARY",
                state_machine_version_arn=version.attr_arn,
                percentage=CANARY_PERCENT,
                interval=CANARY_MINUTES,
                alarms=[alarm.alarm_name for alarm in rollback_alarms],
            ),
        )


def failed_executions(state_machine: StateMachine) -> cloudwatch.MathExpression:
    """Return the number of failed, aborted and timed-out executions per five minutes."""
    names = ("failed", "aborted", "timed_out")
    parts = {
        name: getattr(state_machine.resource, f"metric_{name}")(period=Duration.minutes(5), statistic="sum")
        for name in names
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in parts),
        using_metrics=parts,
        period=Duration.minutes(5),
        label="failed executions",
    )
