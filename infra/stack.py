"""The stack of one stage: its constructs, and the outputs that commands and other tools read."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.alarms import Alarms
from infra.authentication import Authentication
from infra.bundle import Bundles
from infra.dashboard import Dashboard
from infra.entrances import build_entrance
from infra.event_rules import EventRules
from infra.functions import Functions
from infra.nag_suppressions import suppress
from infra.parameters import Parameters
from infra.queues import Queues
from infra.review_app import ReviewApp
from infra.review_network import ReviewNetwork
from infra.settings import SETTINGS_OUTPUT, StageSettings
from infra.stage_environment import StageEnvironment
from infra.state_machine import StateMachine
from infra.storage import Storage
from infra.tables import Tables
from lambdas import catalog
from workflow import state_machine_definition


class PartcheckStack(Stack):
    """One stage: photos in a bucket become verdict messages on a queue.

    The outputs are the fields of workflow.aws.stack_outputs.StackOutputs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: StageSettings,
        bundles: Bundles,
        **properties: Any,
    ) -> None:
        super().__init__(scope, construct_id, **properties)
        resources = StageEnvironment(
            settings=settings,
            storage=Storage(self, "Storage"),
            tables=Tables(self, "Tables"),
            queues=Queues(self, "Queues"),
            parameters=Parameters(settings.stage),
            state_machine=StateMachine(self, "StateMachine"),
        )
        functions = Functions(self, "Functions", resources, bundles)
        _connect_state_machine(resources, functions)
        resources.storage.restrict_writes(
            functions.roles_with("s3:PutObject", "filed/*"),
            functions.roles_with("s3:DeleteObjectVersion", "filed/*"),
        )
        EventRules(self, "EventRules", resources, functions)
        alarms = Alarms(self, "Alarms", resources, functions)
        resources.state_machine.publish([alarms.failures])
        Dashboard(self, "Dashboard", resources, functions)
        if settings.review_app:
            network = ReviewNetwork(self, "ReviewNetwork")
            entrance = build_entrance(self, network, settings)
            ReviewApp(
                self,
                "ReviewApp",
                resources=resources,
                network=network,
                entrance=entrance,
                authentication=Authentication(self, "Authentication", settings, entrance.url),
                history_function=functions[catalog.GET_EXECUTION_HISTORY],
                source=bundles.review_app,
            )
        self._add_outputs(resources, functions)
        CfnOutput(self, SETTINGS_OUTPUT, value=settings.to_output())
        suppress(self, resources.storage.buckets, resources.state_machine.logical_id)

    def _add_outputs(self, resources: StageEnvironment, functions: Functions) -> None:
        queues, tables = resources.queues.by_name, resources.tables.by_name
        outputs = {
            "InboundBucket": resources.storage.inbound.bucket_name,
            "FiledBucket": resources.storage.filed.bucket_name,
            "TrainingBucket": resources.storage.training.bucket_name,
            "InspectionsTable": tables["inspections"].table_name,
            "AuditTable": tables["audit"].table_name,
            "TaskTokensTable": tables["task-tokens"].table_name,
            "NameIndexTable": tables["name-index"].table_name,
            "MetricsTable": tables["metrics"].table_name,
            "CommandLogTable": tables["command-log"].table_name,
            "CamerasTable": tables["cameras"].table_name,
            "HistoryBucket": resources.storage.history.bucket_name,
            "GetExecutionHistoryFunction": functions[catalog.GET_EXECUTION_HISTORY].function_name,
            "CommandQueueUrl": queues["commands"].queue_url,
            "IntakeQueueUrl": queues["intake"].queue_url,
            "DecisionQueueUrl": queues["decisions"].queue_url,
            "EscalationQueueUrl": queues["escalations"].queue_url,
            "VerdictQueueUrl": queues["verdicts"].queue_url,
            "StateMachineArn": resources.state_machine.alias_arn,
            "PolicyParameter": resources.parameters.policy,
            "ModelParameter": resources.parameters.model,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def _connect_state_machine(resources: StageEnvironment, functions: Functions) -> None:
    """Substitute the state machine's placeholders with function ARNs and the verdict queue's URL."""
    verdicts = resources.queues.by_name["verdicts"]
    placeholders = state_machine_definition.placeholders()
    arns = {
        name: str(function.function_arn)
        for name, function in functions.by_placeholder.items()
        if name in placeholders
    }
    resources.state_machine.substitute(
        {**arns, "VerdictQueueUrl": verdicts.queue_url}, list(arns.values()), verdicts.queue_arn
    )
