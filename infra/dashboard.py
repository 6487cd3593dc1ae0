"""One page for the operator: the funnel, how long it takes, what waits, what the model costs."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.functions import Functions
from infra.line import Line
from infra.metrics import Metrics
from infra.prices import PRICES

VERDICTS = ("ok", "defect", "unclear", "rejected")


class Dashboard(Construct):
    """A CloudWatch dashboard with the name that CloudFormation chose."""

    def __init__(self, scope: Construct, name: str, line: Line, functions: Functions) -> None:
        super().__init__(scope, name)
        self._line, self._functions, self._metrics = line, functions, Metrics(line, functions)
        page = cloudwatch.Dashboard(self, "Page", default_interval=Duration.hours(12))
        page.add_widgets(*self._funnel())
        page.add_widgets(*self._times())
        page.add_widgets(*self._waiting())
        page.add_widgets(*self._money())

    def _funnel(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        claimed = [metrics.of("claim_upload", f"upload_{one}", 5) for one in ("readable", "unreadable")]
        filed = [metrics.filed(verdict, 5) for verdict in VERDICTS]
        return [
            _graph("Photos in, verdicts out", claimed, filed),
            _graph("Share for people", [metrics.unclear_share(15)]),
        ]

    def _times(self) -> list[cloudwatch.IWidget]:
        machine = self._line.machine.machine
        took = [machine.metric_time(period=Duration.minutes(5), statistic=f"p{p}") for p in (50, 95)]
        functions = [
            made.metric_duration(period=Duration.minutes(5), statistic="p95", label=name)
            for name, made in self._functions.made.items()
        ]
        return [_graph("Executions, with people's time", took), _graph("Functions, p95", functions)]

    def _waiting(self) -> list[cloudwatch.IWidget]:
        queues = self._line.messages
        period = Duration.minutes(5)
        visible = [
            queue.metric_approximate_number_of_messages_visible(period=period, label=name)
            for name, queue in queues.queues.items()
        ]
        dead = [
            queue.metric_approximate_number_of_messages_visible(period=period, label=f"{name}, given up")
            for name, queue in queues.dead.items()
        ]
        reviews = [self._metrics.of("reconcile", "reviews_waiting", 5, "max")]
        oldest = [self._metrics.of("reconcile", "oldest_review_seconds", 5, "max")]
        return [_graph("Queues", visible, dead), _graph("Reviews that wait, and the oldest", reviews, oldest)]

    def _money(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        hours = metrics.of("tend_model", "model_units_running", 60, "avg")
        price = cloudwatch.MathExpression(
            expression=f"{PRICES['model'].usd:g} * units",
            using_metrics={"units": hours},
            period=Duration.hours(1),
            label="US$ an hour",
        )
        today = metrics.of("tend_model", "model_cost_today_usd", 60, "max")
        return [
            _graph("Inference units running, and their price", [hours], [price]),
            _graph("Model, US$ today", [today]),
        ]


def _graph(
    title: str, left: list[cloudwatch.IMetric], right: list[cloudwatch.IMetric] | None = None
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=left, right=right or [], width=12, height=6)
