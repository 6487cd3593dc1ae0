"""Alarms on which a person can act: each has a section of its name in docs/runbook.md."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.books import logical
from infra.functions import Functions
from infra.line import Line
from infra.machine import failed
from infra.messages import FAILURES
from infra.metrics import Metrics
from infra.prices import PRICES
from lambdas import catalog

RUNBOOK = "docs/runbook.md"
WAITING_HOURS = 8
IDLE_HOURS = 2
FAILURES_IN_FIVE_MINUTES = 5
OWN_DEAD_LETTERS = {"intake", "decisions", FAILURES}


class Alarms(Construct):
    """Alarms tell a topic, and the topic tells the e-mail address that was named.

    Where nothing is measured nothing is wrong, but for the clock: a reconciler that does not run is.
    """

    def __init__(self, scope: Construct, name: str, line: Line, functions: Functions) -> None:
        super().__init__(scope, name)
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self.topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        if line.deployment.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(line.deployment.alarm_email))
        self._line, self._functions, self._metrics = line, functions, Metrics(line, functions)
        self.made: dict[str, cloudwatch.Alarm] = {}
        self._dead_letters()
        self.failures = self._add(
            "FailedExecutions",
            failed(line.machine),
            FAILURES_IN_FIVE_MINUTES,
            "Executions fail. The reconciler starts them again, up to ten times.",
        )
        for build in (self._reviews, self._mending, self._model, self._load):
            build()

    def _dead_letters(self) -> None:
        for queue, dead in self._line.messages.dead.items():
            about = queue if queue in OWN_DEAD_LETTERS else "other"
            self._add(
                f"{logical(queue)}Dead",
                dead.metric_approximate_number_of_messages_visible(
                    period=Duration.minutes(1), statistic="max"
                ),
                1,
                f"Messages of the queue {queue} were given up; they are kept for 14 days.",
                section="" if about == queue else "OtherDead",
            )

    def _reviews(self) -> None:
        metrics = self._metrics
        self._add(
            "OldestReview",
            metrics.of("reconcile", "oldest_review_seconds", 5, "max"),
            WAITING_HOURS * 3600,
            f"A photo has waited for a person for {WAITING_HOURS} hours.",
        )
        self._add(
            "UndeliveredDecisions",
            metrics.of("reconcile", "reconciled_undelivered_decision", 5),
            1,
            "Decisions that were saved did not move their photos within a minute, again and again.",
            periods=3,
        )
        self._unusual_share()

    def _mending(self) -> None:
        metrics = self._metrics
        self._add(
            "StrandedInspections",
            metrics.of("reconcile", "reconciled_stranded_inspection", 15),
            10,
            "Many inspections lost their execution and had to be started again.",
        )
        self._add(
            "LeftToAPerson",
            metrics.of("reconcile", "reconciled_left_to_a_person", 5),
            1,
            "The reconciler found what it cannot mend.",
            periods=3,
        )
        self._add(
            "ClockStopped",
            self._functions[catalog.RECONCILE].metric_invocations(period=Duration.minutes(5)),
            1,
            "The reconciler has not run for ten minutes: nothing is mended.",
            periods=2,
            below=True,
        )

    def _model(self) -> None:
        metrics = self._metrics
        self._add(
            "ModelNotReady",
            metrics.waiting_for_the_model(5),
            1,
            "Photos have waited for the model for half an hour.",
            periods=6,
        )
        self._add(
            "ModelIdle",
            metrics.running_for_nothing(60),
            1,
            f"A model has run for {IDLE_HOURS} hours without a photo, at US${PRICES['model'].usd:g} an hour "
            "for each unit.",
            periods=IDLE_HOURS,
        )

    def _load(self) -> None:
        self._add(
            "Throttling",
            self._metrics.throttled(5),
            10,
            "AWS turns calls away: a quota is too small for the load.",
            periods=3,
        )

    def _add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        sentence: str,
        periods: int = 1,
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
            comparison_operator=operator.LESS_THAN_THRESHOLD
            if below
            else operator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if below else missing.NOT_BREACHING,
            alarm_description=f"{sentence} What to do: {RUNBOOK}#{(section or name).lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.made[name] = alarm
        return alarm

    def _unusual_share(self) -> None:
        """Outside three standard deviations for an hour; CloudWatch learns what is usual."""
        alarm = cloudwatch.AnomalyDetectionAlarm(
            self,
            "UnclearShare",
            metric=self._metrics.unclear_share(15),
            std_devs=3,
            evaluation_periods=4,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=(
                "The share of photos that people must look at is far from its usual. "
                f"What to do: {RUNBOOK}#unclearshare"
            ),
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.made["UnclearShare"] = alarm
