"""The state machine from its file, as a published version behind an alias that moves to it by degrees."""

from collections.abc import Mapping

from aws_cdk import CfnDeletionPolicy, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflow import definition
from workflow.errors import ConfigurationError

ALIAS = "live"
FIRST_PERCENT, FIRST_MINUTES = 20, 5


class Machine(Construct):
    """The input of an execution is what workflow.pipeline.intake.document makes; its name is an inspection's attempt.

    Executions are started through the alias. A deployment that changes the definition publishes a version
    and gives it a fifth of the new executions for some minutes; an alarm takes them back. The functions'
    ARNs have no version: an execution that is redriven after a repair meets the repaired function.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        history = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.machine = sfn.StateMachine(
            self,
            "Inspection",
            definition_body=sfn.DefinitionBody.from_file(str(definition.FILE)),
            # Documents name photos and people, so that errors are logged without them.
            logs=sfn.LogOptions(destination=history, level=sfn.LogLevel.ERROR, include_execution_data=False),
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    @property
    def arn(self) -> str:
        return str(self.machine.state_machine_arn)

    @property
    def name(self) -> str:
        return str(self.machine.state_machine_name)

    @property
    def logical_id(self) -> str:
        """What the template calls the state machine."""
        return str(Stack.of(self).get_logical_id(self.machine.node.default_child))

    @property
    def live_arn(self) -> str:
        """Where executions are started: the alias."""
        return f"{self.arn}:{ALIAS}"

    def connect(self, values: Mapping[str, str], functions: list[str], verdicts: str) -> None:
        """Fill in the placeholders; let the machine call exactly what stands behind them."""
        if wrong := definition.placeholders() ^ values.keys():
            raise ConfigurationError(f"state machine: placeholders differ by {sorted(wrong)}")
        self.machine.node.default_child.definition_substitutions = dict(values)
        self.machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=functions)
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[verdicts])
        )

    def publish(self, alarms: list[cloudwatch.Alarm]) -> None:
        """Point the alias at the newest version; any of these alarms turns it back."""
        resource = self.machine.node.default_child
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
                percentage=FIRST_PERCENT,
                interval=FIRST_MINUTES,
                alarms=[alarm.alarm_name for alarm in alarms],
            ),
        )


def failed(machine: Machine) -> cloudwatch.Metric:
    """Executions that failed, were aborted, or ran out of time, in five minutes."""
    names = ("failed", "aborted", "timed_out")
    parts = {
        name: getattr(machine.machine, f"metric_{name}")(period=Duration.minutes(5), statistic="sum")
        for name in names
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(parts),
        using_metrics=parts,
        period=Duration.minutes(5),
        label="failed executions",
    )
