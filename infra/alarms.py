"""Actionable alarms: each alarm has a section of its name in docs/runbook.md."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.functions import Functions
from infra.metrics import Metrics
from infra.prices import PRICES
from infra.stage_environment import StageEnvironment
from infra.state_machine import failed_executions
from infra.tables import to_logical_id
from lambdas import catalog

RUNBOOK = "docs/runbook.md"
REVIEW_WAIT_HOURS = 8
IDLE_HOURS = 2
FAILURES_IN_FIVE_MINUTES = 5
UNGUARDED_PHOTOS_IN_AN_HOUR = 3  # A slow line raises it, too; one photo that cannot be measured does not.
QUEUES_WITH_OWN_SECTION = {"intake", "decisions"}
# A metric that each successful call of a scheduled function writes, and what does not happen without it.
HEARTBEATS = {
    catalog.RECONCILE: ("ReconcilerStopped", "reconciled", "nothing is repaired"),
    catalog.MANAGE_MODEL_CAPACITY: (
        "CapacityManagerStopped",
        "model_units_running",
        f"no model is stopped, at US${PRICES['model'].usd:g} an hour per inference unit",
    ),
    catalog.ARCHIVE_EXECUTIONS: ("ArchiverStopped", "history_runs", "no execution is archived"),
    catalog.PROCESS_COMMANDS: ("CommandsStopped", "commands_tried", "no command of an engineer is executed"),
    catalog.WATCH_CAMERAS: ("CameraWatchStopped", "cameras_frozen", "no camera raises an alarm"),
}


class Alarms(Construct):
    """CloudWatch alarms that notify an SNS topic, which sends e-mails to the configured address.

    Missing data means OK, except for the heartbeats of the scheduled functions.
    """

    def __init__(
        self, scope: Construct, construct_id: str, resources: StageEnvironment, functions: Functions
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self.topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        if resources.settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(resources.settings.alarm_email))
        self._resources, self._functions = resources, functions
        self._metrics = Metrics(resources, functions)
        self.by_name: dict[str, cloudwatch.Alarm] = {}
        self._add_dead_letters()
        self.failures = self._add(
            "FailedExecutions",
            failed_executions(resources.state_machine),
            FAILURES_IN_FIVE_MINUTES,
            "Executions fail. The reconciler starts them again, up to ten times.",
        )
        self._add_reviews()
        self._add_repairs()
        self._add_model()
        self._add_throttling()
        self._add_cameras()
        self._add_scheduled_functions()

    def _add_dead_letters(self) -> None:
        for name, queue in self._resources.queues.dead_letter_queues.items():
            self._add(
                f"{to_logical_id(name)}DeadLetters",
                queue.metric_approximate_number_of_messages_visible(
                    period=Duration.minutes(1), statistic="max"
                ),
                1,
                f"Messages of the queue {name} failed repeatedly. They are kept for 14 days.",
                section="" if name in QUEUES_WITH_OWN_SECTION else "OtherDeadLetters",
            )

    def _add_reviews(self) -> None:
        metrics = self._metrics
        self._add(
            "OldestReview",
            metrics.of_function("reconcile", "oldest_review_seconds", 5, "max"),
            REVIEW_WAIT_HOURS * 3600,
            f"A photo has waited for a reviewer for {REVIEW_WAIT_HOURS} hours.",
        )
        self._add(
            "UndeliveredDecisions",
            metrics.of_function("reconcile", "reconciled_undelivered_decision", 5),
            1,
            "Saved decisions did not move their photos within a minute, repeatedly.",
            periods=3,
        )
        self._add_unclear_share()

    def _add_repairs(self) -> None:
        metrics = self._metrics
        self._add(
            "OrphanedInspections",
            metrics.of_function("reconcile", "reconciled_orphaned_inspection", 15),
            10,
            "Many inspections lost their execution and had to be started again.",
        )
        self._add(
            "ManualRepair",
            metrics.of_function("reconcile", "reconciled_left_to_a_person", 5),
            1,
            "The reconciler found an issue that it cannot repair.",
            periods=3,
        )
        self._add(
            "Unaccounted",
            metrics.of_function("reconcile", "unaccounted", 15, "max"),
            1,
            "The daily check found photos, objects or executions that are not accounted for.",
        )

    def _add_model(self) -> None:
        metrics = self._metrics
        self._add(
            "ModelNotReady",
            metrics.model_unavailable(5),
            1,
            "Photos have waited for the model for half an hour.",
            periods=6,
        )
        self._add(
            "ModelIdle",
            metrics.model_idle(60),
            1,
            f"A model has run for {IDLE_HOURS} hours without a photo, at US${PRICES['model'].usd:g} an hour "
            "per inference unit.",
            periods=IDLE_HOURS,
        )

    def _add_throttling(self) -> None:
        self._add(
            "Throttling",
            self._metrics.throttled_calls(5),
            10,
            "AWS throttles calls: a quota is too small for the load.",
            periods=3,
        )

    def _add_cameras(self) -> None:
        self._add(
            "UnguardedPhotos",
            self._metrics.of_function("detect_labels", "photo_unguarded", 60),
            UNGUARDED_PHOTOS_IN_AN_HOUR,
            "The model in use has no reference that fits: the photo guard compares no photo.",
        )
        cameras = {
            "UnusualCamera": ("unusual", "Photos of a camera are unlike those from which the model learned."),
            "FrozenCamera": ("frozen", "A camera repeats a frame. Its photos wait for people."),
            "LightDrift": ("drift", "The light of a camera moves away from its baseline."),
            "MasterParts": ("master", "Master parts of a camera are overdue or were judged wrongly."),
        }
        for name, (alarm, sentence) in cameras.items():
            metric = self._metrics.of_function("watch_cameras", f"cameras_{alarm}", 5, "max")
            self._add(name, metric, 1, sentence)

    def _add_scheduled_functions(self) -> None:
        for function in catalog.FUNCTIONS:
            if not function.schedule_minutes:
                continue
            self._add(
                f"{function.placeholder.removesuffix('Function')}Errors",
                self._functions[function].metric_errors(period=Duration.minutes(1)),
                1,
                f"The scheduled function {function.module} fails in three of five minutes.",
                periods=5,
                datapoints=3,
                section="ScheduledFunctionErrors",
            )
            name, metric, consequence = HEARTBEATS[function]
            self._add(
                name,
                self._metrics.of_function(function.module, metric, 5, "n"),
                1,
                f"The function {function.module} has not succeeded for ten minutes: {consequence}.",
                periods=2,
                below=True,
            )

    def _add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        sentence: str,
        *,
        periods: int = 1,
        datapoints: int | None = None,
        below: bool = False,
        section: str = "",
    ) -> cloudwatch.Alarm:
        operator = cloudwatch.ComparisonOperator
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            comparison_operator=operator.LESS_THAN_THRESHOLD
            if below
            else operator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if below else missing.NOT_BREACHING,
            alarm_description=f"{sentence} What to do: {RUNBOOK}#{(section or name).lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.by_name[name] = alarm
        return alarm

    def _add_unclear_share(self) -> None:
        """Add an alarm for an hour outside three standard deviations of the values CloudWatch has learned."""
        alarm = cloudwatch.AnomalyDetectionAlarm(
            self,
            "UnclearShare",
            metric=self._metrics.unclear_share(15),
            std_devs=3,
            evaluation_periods=4,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=(
                "The share of photos that need a reviewer is far from its usual range. "
                f"What to do: {RUNBOOK}#unclearshare"
            ),
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.by_name["UnclearShare"] = alarm
