"""One stage of the line: what it is composed of, and what it tells other tools."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.alarms import Alarms
from infra.books import Books
from infra.bundle import Bundles
from infra.dashboard import Dashboard
from infra.functions import Functions
from infra.intake import Intake
from infra.knobs import Knobs
from infra.line import Line
from infra.machine import Machine
from infra.messages import Messages
from infra.people import People
from infra.review_site import ReviewSite
from infra.settings import OUTPUT, Deployment
from infra.storage import Storage
from lambdas import catalog
from workflow import definition


class PartcheckStack(Stack):
    """Photos in a bucket become verdict messages on a queue; outputs have the names of workflow's Site."""

    def __init__(
        self, scope: Construct, name: str, deployment: Deployment, bundles: Bundles, **settings: Any
    ) -> None:
        super().__init__(scope, name, **settings)
        line = Line(
            deployment,
            Storage(self, "Storage"),
            Books(self, "Books"),
            Messages(self, "Messages"),
            Knobs(self, "Knobs", deployment.stage),
            Machine(self, "Machine"),
        )
        functions = Functions(self, "Functions", line, bundles.functions)
        _connect(line, functions)
        line.storage.kept_by(
            functions.may("s3:PutObject", "filed/*"), functions.may("s3:DeleteObjectVersion", "filed/*")
        )
        Intake(self, "Intake", line, functions)
        alarms = Alarms(self, "Alarms", line, functions)
        line.machine.publish([alarms.failures])
        Dashboard(self, "Dashboard", line, functions)
        if deployment.has_review_app:
            people = People(self, "People", deployment)
            ReviewSite(self, "ReviewSite", line, people, functions[catalog.READ_HISTORY], bundles.review_app)
        self._tell(line, functions)
        CfnOutput(self, OUTPUT, value=deployment.remembered())
        acknowledge(self, list(line.storage.buckets.values()), line.machine.logical_id)

    def _tell(self, line: Line, functions: Functions) -> None:
        queues, tables = line.messages.queues, line.books.tables
        addresses = {
            "InboundBucket": line.storage.inbound.bucket_name,
            "FiledBucket": line.storage.filed.bucket_name,
            "TrainingBucket": line.storage.training.bucket_name,
            "LedgerTable": tables["ledger"].table_name,
            "AuditTable": tables["audit"].table_name,
            "TokenTable": tables["tokens"].table_name,
            "NamesTable": tables["names"].table_name,
            "FiguresTable": tables["figures"].table_name,
            "CommandTable": tables["command-log"].table_name,
            "HistoryBucket": line.storage.history.bucket_name,
            "ReadHistoryFunction": functions[catalog.READ_HISTORY].function_name,
            "CommandQueueUrl": queues["commands"].queue_url,
            "IntakeQueueUrl": queues["intake"].queue_url,
            "DecisionQueueUrl": queues["decisions"].queue_url,
            "EscalationQueueUrl": queues["escalations"].queue_url,
            "VerdictQueueUrl": queues["verdicts"].queue_url,
            "StateMachineArn": line.machine.live_arn,
            "PolicyParameter": line.knobs.policy.parameter_name,
            "ModelParameter": line.knobs.model.parameter_name,
        }
        for name, value in addresses.items():
            CfnOutput(self, name, value=value)


def _connect(line: Line, functions: Functions) -> None:
    """Give the state machine what stands behind its placeholders."""
    verdicts = line.messages.queues["verdicts"]
    known = {name: str(made.function_arn) for name, made in functions.made.items()}
    named = definition.placeholders()
    called = {name: arn for name, arn in known.items() if name in named}
    line.machine.connect(
        {**called, "VerdictQueueUrl": verdicts.queue_url}, list(called.values()), verdicts.queue_arn
    )
