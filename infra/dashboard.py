"""CloudWatch dashboard: throughput, durations, queues, and the model's cost."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.functions import Functions
from infra.metrics import Metrics
from infra.prices import PRICES
from infra.stage_environment import StageEnvironment

VERDICTS = ("ok", "defect", "unclear", "rejected")


class Dashboard(Construct):
    """A CloudWatch dashboard. CloudFormation chooses its name."""

    def __init__(
        self, scope: Construct, construct_id: str, resources: StageEnvironment, functions: Functions
    ) -> None:
        super().__init__(scope, construct_id)
        self._resources, self._functions = resources, functions
        self._metrics = Metrics(resources, functions)
        page = cloudwatch.Dashboard(self, "Page", default_interval=Duration.hours(12))
        page.add_widgets(*self._throughput())
        page.add_widgets(*self._durations())
        page.add_widgets(*self._queues())
        page.add_widgets(*self._model_cost())

    def _throughput(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        claimed = [
            metrics.of_function("claim_upload", f"upload_{outcome}", 5)
            for outcome in ("readable", "unreadable")
        ]
        filed = [metrics.filed_photos(verdict, 5) for verdict in VERDICTS]
        guard = [
            metrics.of_function("detect_labels", f"photo_{kind}", 5) for kind in ("unusual", "unguarded")
        ]
        return [
            _graph("Photos in, verdicts out", claimed, filed),
            _graph("Share of photos for review", [metrics.unclear_share(15)]),
            _graph("Unusual photos, and photos compared with no reference", guard),
        ]

    def _durations(self) -> list[cloudwatch.IWidget]:
        state_machine = self._resources.state_machine.resource
        period = Duration.minutes(5)
        executions = [state_machine.metric_time(period=period, statistic=f"p{p}") for p in (50, 95)]
        functions = [
            function.metric_duration(period=period, statistic="p95", label=name)
            for name, function in self._functions.by_placeholder.items()
        ]
        return [
            _graph("Execution duration, reviews included", executions),
            _graph("Function duration, p95", functions),
        ]

    def _queues(self) -> list[cloudwatch.IWidget]:
        queues = self._resources.queues
        period = Duration.minutes(5)
        visible = [
            queue.metric_approximate_number_of_messages_visible(period=period, label=name)
            for name, queue in queues.by_name.items()
        ]
        dead_letters = [
            queue.metric_approximate_number_of_messages_visible(period=period, label=f"{name}, dead letters")
            for name, queue in queues.dead_letter_queues.items()
        ]
        pending = [self._metrics.of_function("reconcile", "reviews_waiting", 5, "max")]
        oldest = [self._metrics.of_function("reconcile", "oldest_review_seconds", 5, "max")]
        return [
            _graph("Queues", visible, dead_letters),
            _graph("Pending reviews, and the oldest", pending, oldest),
        ]

    def _model_cost(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        units = metrics.of_function("manage_model_capacity", "model_units_running", 60, "avg")
        price = cloudwatch.MathExpression(
            expression=f"{PRICES['model'].usd:g} * units",
            using_metrics={"units": units},
            period=Duration.hours(1),
            label="US$ an hour",
        )
        today = metrics.of_function("manage_model_capacity", "model_cost_today_usd", 60, "max")
        return [
            _graph("Running inference units, and their price", [units], [price]),
            _graph("Model, US$ today", [today]),
        ]


def _graph(
    title: str, left: list[cloudwatch.IMetric], right: list[cloudwatch.IMetric] | None = None
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=left, right=right or [], width=12, height=6)
