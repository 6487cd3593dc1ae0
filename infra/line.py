"""Everything that functions and apps work with: the ARN behind each name, the value of each setting."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_logs import LogGroup

from infra.books import Books
from infra.knobs import Knobs
from infra.machine import Machine
from infra.messages import Messages
from infra.settings import Deployment
from infra.storage import Storage
from workflow.errors import ConfigurationError
from workflow.tables import TABLES


@dataclass(frozen=True, slots=True)
class Line:
    """The resources of one stage. `logs` are those of the functions that the state machine calls."""

    deployment: Deployment
    storage: Storage
    books: Books
    messages: Messages
    knobs: Knobs
    machine: Machine
    logs: Mapping[str, LogGroup] = field(default_factory=dict)

    def arns(self) -> dict[str, str]:
        """Every name that a grant may use."""
        stack = Stack.of(self.storage)
        tables = {name: table.table_arn for name, table in self.books.tables.items()}
        indexes = {
            f"{table.name}/{index.name}": f"{tables[table.name]}/index/{index.name}"
            for table in TABLES
            for index in table.indexes
        }
        buckets = self.storage.buckets
        return {
            **tables,
            **indexes,
            **{name: bucket.bucket_arn for name, bucket in buckets.items()},
            **{f"{name}/*": bucket.arn_for_objects("*") for name, bucket in buckets.items()},
            **{name: queue.queue_arn for name, queue in self.messages.queues.items()},
            **{f"log/{name}": log.log_group_arn for name, log in self.logs.items()},
            "policy": self.knobs.policy.parameter_arn,
            "model": self.knobs.model.parameter_arn,
            "power": self.knobs.power.parameter_arn,
            "machine": self.machine.arn,
            "executions": stack.format_arn(
                service="states",
                resource="execution",
                resource_name=f"{self.machine.name}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            "models": stack.format_arn(
                service="rekognition", resource="project", resource_name="*/version/*/*"
            ),
            "projects": stack.format_arn(service="rekognition", resource="project", resource_name="*"),
            "everything": "*",
        }

    def arn(self, name: str) -> str:
        """The ARN behind a name; ConfigurationError when the name means nothing."""
        known = self.arns()
        if name not in known:
            raise ConfigurationError(f"a grant names {name!r}, which is no resource of the line")
        return known[name]

    def values(self) -> Mapping[str, str]:
        """The value of every setting that some function or app may insist on."""
        queues = self.messages.queues
        urls = {queue_variable(name): queue.queue_url for name, queue in queues.items()}
        return {
            **{table.variable: self.books.tables[table.name].table_name for table in TABLES},
            **urls,
            **{f"{name.upper()}_BUCKET": one.bucket_name for name, one in self.storage.buckets.items()},
            "POLICY_PARAMETER": self.knobs.policy.parameter_name,
            "MODEL_PARAMETER": self.knobs.model.parameter_name,
            "STATE_MACHINE_ARN": self.machine.live_arn,
            "MAX_IN_FLIGHT": str(self.deployment.max_in_flight),
        }


def queue_variable(name: str) -> str:
    """The setting that holds a queue's URL: `decisions` becomes DECISION_QUEUE_URL."""
    return f"{name.removesuffix('s').upper()}_QUEUE_URL"
