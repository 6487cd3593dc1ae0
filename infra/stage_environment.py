"""The resources of one stage, with the ARN behind each grant's name and the value of each variable."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_logs import LogGroup

from infra.parameters import Parameters, parameter_arn
from infra.queues import Queues
from infra.settings import StageSettings
from infra.state_machine import StateMachine
from infra.storage import Storage
from infra.tables import Tables
from workflow.errors import ConfigurationError
from workflow.inspections.model_reference import KEY_PREFIX
from workflow.models.model import OWN_MODEL_FILES
from workflow.tables import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnvironment:
    """The resources of one stage. `log_groups` belong to the functions that the state machine calls."""

    settings: StageSettings
    storage: Storage
    tables: Tables
    queues: Queues
    parameters: Parameters
    state_machine: StateMachine
    log_groups: Mapping[str, LogGroup] = field(default_factory=dict)

    def arns(self) -> dict[str, str]:
        """Return the ARN behind every name that a grant may use."""
        stack = Stack.of(self.storage)
        tables = {name: table.table_arn for name, table in self.tables.by_name.items()}
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
            **{name: queue.queue_arn for name, queue in self.queues.by_name.items()},
            **{f"log/{name}": log_group.log_group_arn for name, log_group in self.log_groups.items()},
            "own models/*": buckets["training"].arn_for_objects(OWN_MODEL_FILES),
            "references/*": buckets["training"].arn_for_objects(f"{KEY_PREFIX}*"),
            "policy": parameter_arn(stack, self.parameters.policy),
            "model": parameter_arn(stack, self.parameters.model),
            "capacity": parameter_arn(stack, self.parameters.capacity),
            "state machine": self.state_machine.arn,
            "state machine by name": stack.format_arn(
                service="states",
                resource="stateMachine",
                resource_name=f"{self.state_machine.logical_id}-*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            "executions": stack.format_arn(
                service="states",
                resource="execution",
                resource_name=f"{self.state_machine.name}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            "models": stack.format_arn(
                service="rekognition", resource="project", resource_name="*/version/*/*"
            ),
            "projects": stack.format_arn(service="rekognition", resource="project", resource_name="*"),
            "everything": "*",
        }

    def arn(self, name: str) -> str:
        """Return the ARN behind a grant's name. Raise ConfigurationError for an unknown name."""
        arns = self.arns()
        if name not in arns:
            raise ConfigurationError(f"a grant names {name!r}, which is not a resource of the stage")
        return arns[name]

    def variables(self) -> Mapping[str, str]:
        """Return every environment variable that a function or the review app may require."""
        urls = {queue_variable(name): queue.queue_url for name, queue in self.queues.by_name.items()}
        return {
            **{table.variable: self.tables.by_name[table.name].table_name for table in TABLES},
            **urls,
            **{f"{name.upper()}_BUCKET": bucket.bucket_name for name, bucket in self.storage.buckets.items()},
            "POLICY_PARAMETER": self.parameters.policy,
            "MODEL_PARAMETER": self.parameters.model,
            "STATE_MACHINE_ARN": self.state_machine.alias_arn,
            "MAX_IN_FLIGHT": str(self.settings.in_flight_limit),
        }


def queue_variable(queue: str) -> str:
    """Return the variable that holds a queue's URL: `decisions` becomes DECISION_QUEUE_URL."""
    return f"{queue.removesuffix('s').upper()}_QUEUE_URL"
