"""The adapters of one environment, for functions, web app and commands: built from settings at first use."""

import time
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from workflow.errors import ConfigurationError

if TYPE_CHECKING:
    from workflow.aws.archive import LambdaHistorySource, S3ExecutionArchive, StepFunctionsHistorySource
    from workflow.aws.archive_index import DynamoArchiveIndex
    from workflow.aws.audit_log import DynamoAuditLog
    from workflow.aws.camera_statuses import DynamoCameraStatusRepository
    from workflow.aws.cameras import DynamoCameraRepository
    from workflow.aws.capacity_store import DynamoCapacityStore
    from workflow.aws.check_progress import DynamoCheckProgressStore
    from workflow.aws.commands import DynamoCommandRepository
    from workflow.aws.executions import StepFunctionsExecutions, StepFunctionsTasks
    from workflow.aws.hourly_metrics import DynamoMetricsStore
    from workflow.aws.inspections import DynamoInspectionRepository
    from workflow.aws.logs import CloudWatchStepLogs, LambdaStepLogs
    from workflow.aws.model_control_plane import RekognitionModelControlPlane
    from workflow.aws.model_event_log import DynamoModelEventLog
    from workflow.aws.model_references import S3ReferenceRepository
    from workflow.aws.model_settings import SsmModelSettings
    from workflow.aws.object_store import S3ObjectStore
    from workflow.aws.own_models import ModelControlPlaneOfAllKinds, S3OwnModels
    from workflow.aws.parameters import CachedParameterStore
    from workflow.aws.queues import SqsMessageQueue
    from workflow.aws.reference_updates import S3ReferenceUpdates
    from workflow.aws.reviews import DynamoReviewRepository
    from workflow.aws.search import DynamoInspectionSearch
    from workflow.aws.task_tokens import DynamoTaskTokenStore
    from workflow.inspections.routing_policy import RoutingPolicy
    from workflow.models.capacity_manager import AutoStartingDetector, CapacityPorts
    from workflow.models.capacity_policy import CapacityPolicy
    from workflow.pipeline.detection import Detector

    DetectorBuilder = Callable[[str, S3OwnModels, S3ObjectStore], Detector]


class AwsContainer:
    """Every adapter of one environment. `settings` has the names of the functions' environment variables.

    An adapter's module is imported at its first use, so that a function that starts cold loads only its own.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._queues: dict[str, SqsMessageQueue] = {}

    def setting(self, name: str) -> str:
        """Return a setting. Raise ConfigurationError if it is missing or empty."""
        value = self._settings.get(name, "")
        if not value:
            raise ConfigurationError(f"the environment variable {name} is not set")
        return value

    @cached_property
    def inspections(self) -> "DynamoInspectionRepository":
        from workflow.aws.inspections import DynamoInspectionRepository

        audit_table = self._settings.get("AUDIT_TABLE", "")  # Some functions write no audit entries.
        return DynamoInspectionRepository(self.setting("INSPECTIONS_TABLE"), audit_table)

    @cached_property
    def reviews(self) -> "DynamoReviewRepository":
        from workflow.aws.reviews import DynamoReviewRepository

        return DynamoReviewRepository(self.setting("INSPECTIONS_TABLE"), self.setting("AUDIT_TABLE"))

    @cached_property
    def search(self) -> "DynamoInspectionSearch":
        from workflow.aws.search import DynamoInspectionSearch

        return DynamoInspectionSearch(self.setting("INSPECTIONS_TABLE"), self.setting("NAME_INDEX_TABLE"))

    @cached_property
    def audit_log(self) -> "DynamoAuditLog":
        from workflow.aws.audit_log import DynamoAuditLog

        return DynamoAuditLog(self.setting("AUDIT_TABLE"))

    @cached_property
    def cameras(self) -> "DynamoCameraRepository":
        from workflow.aws.cameras import DynamoCameraRepository

        return DynamoCameraRepository(self.setting("CAMERAS_TABLE"))

    @cached_property
    def camera_statuses(self) -> "DynamoCameraStatusRepository":
        from workflow.aws.camera_statuses import DynamoCameraStatusRepository

        return DynamoCameraStatusRepository(self.setting("CAMERAS_TABLE"))

    @cached_property
    def objects(self) -> "S3ObjectStore":
        from workflow.aws.object_store import S3ObjectStore

        return S3ObjectStore()

    @cached_property
    def task_tokens(self) -> "DynamoTaskTokenStore":
        from workflow.aws.task_tokens import DynamoTaskTokenStore

        return DynamoTaskTokenStore(self.setting("TASK_TOKENS_TABLE"))

    @cached_property
    def wake_tokens(self) -> "DynamoTaskTokenStore":
        from workflow.aws.task_tokens import DynamoTaskTokenStore

        return DynamoTaskTokenStore(self.setting("WAKE_TOKENS_TABLE"))

    def message_queue(self, variable: str) -> "SqsMessageQueue":
        """Return the queue whose URL is this setting."""
        from workflow.aws.queues import SqsMessageQueue

        if variable not in self._queues:
            self._queues[variable] = SqsMessageQueue(self.setting(variable))
        return self._queues[variable]

    @cached_property
    def executions(self) -> "StepFunctionsExecutions":
        from workflow.aws.executions import StepFunctionsExecutions

        return StepFunctionsExecutions(self.setting("STATE_MACHINE_ARN"))

    @cached_property
    def tasks(self) -> "StepFunctionsTasks":
        from workflow.aws.executions import StepFunctionsTasks

        return StepFunctionsTasks()

    @cached_property
    def commands(self) -> "DynamoCommandRepository":
        from workflow.aws.commands import DynamoCommandRepository

        return DynamoCommandRepository(self.setting("COMMAND_LOG_TABLE"), self.setting("AUDIT_TABLE"))

    @cached_property
    def archive(self) -> "S3ExecutionArchive":
        from workflow.aws.archive import S3ExecutionArchive

        return S3ExecutionArchive(self.setting("HISTORY_BUCKET"))

    @cached_property
    def archive_index(self) -> "DynamoArchiveIndex":
        from workflow.aws.archive_index import DynamoArchiveIndex

        return DynamoArchiveIndex(
            self.setting("INSPECTIONS_TABLE"), self.setting("NAME_INDEX_TABLE"), self.setting("METRICS_TABLE")
        )

    @cached_property
    def metrics(self) -> "DynamoMetricsStore":
        from workflow.aws.hourly_metrics import DynamoMetricsStore

        return DynamoMetricsStore(self.setting("METRICS_TABLE"))

    @cached_property
    def history_source(self) -> "StepFunctionsHistorySource":
        from workflow.aws.archive import StepFunctionsHistorySource

        return StepFunctionsHistorySource(self.executions)

    @cached_property
    def remote_history_source(self) -> "LambdaHistorySource":
        """The history through a function, for a caller without rights on Step Functions."""
        from workflow.aws.archive import LambdaHistorySource

        return LambdaHistorySource(self.setting("GET_EXECUTION_HISTORY_FUNCTION"))

    @cached_property
    def step_logs(self) -> "CloudWatchStepLogs":
        from workflow.aws.logs import CloudWatchStepLogs, parse_log_groups

        return CloudWatchStepLogs(self.executions, parse_log_groups(self.setting("LOG_GROUPS")))

    @cached_property
    def remote_step_logs(self) -> "LambdaStepLogs":
        """The logs through a function, for a caller without rights on CloudWatch."""
        from workflow.aws.logs import LambdaStepLogs

        return LambdaStepLogs(self.setting("GET_EXECUTION_HISTORY_FUNCTION"))

    @cached_property
    def parameters(self) -> "CachedParameterStore":
        from workflow.aws.parameters import CachedParameterStore

        return CachedParameterStore()

    def routing_policy(self) -> "RoutingPolicy":
        """Return the routing policy, at most some seconds old."""
        return self.parameters.routing_policy(self.setting("POLICY_PARAMETER"))

    @cached_property
    def models(self) -> "RekognitionModelControlPlane":
        from workflow.aws.model_control_plane import RekognitionModelControlPlane

        return RekognitionModelControlPlane()

    @cached_property
    def own_models(self) -> "S3OwnModels":
        from workflow.aws.own_models import S3OwnModels

        return S3OwnModels(self.setting("TRAINING_BUCKET"))

    @cached_property
    def models_of_all_kinds(self) -> "ModelControlPlaneOfAllKinds":
        from workflow.aws.own_models import ModelControlPlaneOfAllKinds

        return ModelControlPlaneOfAllKinds(self.own_models)

    @cached_property
    def model_settings(self) -> "SsmModelSettings":
        from workflow.aws.model_settings import SsmModelSettings

        return SsmModelSettings(self.setting("MODEL_PARAMETER"), self._settings.get("POLICY_PARAMETER", ""))

    @cached_property
    def references(self) -> "S3ReferenceRepository":
        from workflow.aws.model_references import S3ReferenceRepository

        return S3ReferenceRepository(self.setting("TRAINING_BUCKET"))

    @cached_property
    def reference_updates(self) -> "S3ReferenceUpdates":
        from workflow.aws.reference_updates import S3ReferenceUpdates

        return S3ReferenceUpdates(self.setting("TRAINING_BUCKET"))

    @cached_property
    def model_event_log(self) -> "DynamoModelEventLog":
        from workflow.aws.model_event_log import DynamoModelEventLog

        return DynamoModelEventLog(self.setting("AUDIT_TABLE"))

    @cached_property
    def capacity_event_log(self) -> "DynamoModelEventLog":
        from workflow.aws.model_event_log import CAPACITY_EVENTS, DynamoModelEventLog

        return DynamoModelEventLog(self.setting("AUDIT_TABLE"), CAPACITY_EVENTS)

    @cached_property
    def capacity_store(self) -> "DynamoCapacityStore":
        from workflow.aws.capacity_store import DynamoCapacityStore

        return DynamoCapacityStore(self.setting("INSPECTIONS_TABLE"))

    @cached_property
    def check_progress(self) -> "DynamoCheckProgressStore":
        from workflow.aws.check_progress import DynamoCheckProgressStore

        return DynamoCheckProgressStore(self.setting("INSPECTIONS_TABLE"))

    @property
    def capacity_ports(self) -> "CapacityPorts":
        """The ports of the capacity manager."""
        from workflow.models.capacity_manager import CapacityPorts

        return CapacityPorts(self.models, self.capacity_store, self.capacity_event_log)

    @cached_property
    def _capacity_policy_of(self) -> "Callable[[int], CapacityPolicy]":
        return lru_cache(maxsize=1)(lambda _minute: self.model_settings.get_capacity_policy())

    def detector(self, build: "DetectorBuilder") -> "AutoStartingDetector":
        """Return the detector of the current model, which starts it if the capacity policy says so.

        `build` returns the adapter that asks a model of any kind.
        """
        from workflow.models.capacity_manager import AutoStartingDetector

        model = self.parameters.text(self.setting("MODEL_PARAMETER"))
        return AutoStartingDetector(
            detector=build(model, self.own_models, self.objects),
            ports=self.capacity_ports,
            model=model if model.startswith("arn:") else "",
            policy=lambda: self._capacity_policy_of(int(time.monotonic() // 60)),
        )
