"""What is measured: the functions' own figures and AWS's, under the names that alarms and dashboard use."""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.functions import Functions
from infra.line import Line
from lambdas import catalog
from workflow import definition

MOST_IN_AN_ALARM = 10


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one stage: the namespace is the stack's name, the dimension the function's module."""

    line: Line
    functions: Functions

    def of(self, service: str, name: str, minutes: int, statistic: str = "sum") -> cloudwatch.Metric:
        """A figure that a function writes into its log."""
        return cloudwatch.Metric(
            namespace=Stack.of(self.functions).stack_name,
            metric_name=name,
            dimensions_map={"service": service},
            period=Duration.minutes(minutes),
            statistic=statistic,
        )

    def filed(self, verdict: str, minutes: int) -> cloudwatch.Metric:
        return self.of("move_image", f"filed_{verdict}", minutes)

    def waiting_for_the_model(self, minutes: int) -> cloudwatch.MathExpression:
        """1 while photos ask and the model answers none."""
        return _math(
            "IF(FILL(not_ready, 0) > 0 AND FILL(answered, 0) == 0, 1, 0)",
            minutes,
            "photos wait, the model does not answer",
            not_ready=self.of("detect_labels", "detection_not_ready", minutes),
            answered=self.of("detect_labels", "detection_answered", minutes),
        )

    def running_for_nothing(self, minutes: int) -> cloudwatch.MathExpression:
        """1 while a model runs and no photo is judged."""
        return _math(
            "IF(FILL(units, 0) > 0 AND FILL(answered, 0) == 0, 1, 0)",
            minutes,
            "a model runs, nothing is judged",
            units=self.of("tend_model", "model_units_running", minutes, "min"),
            answered=self.of("detect_labels", "detection_answered", minutes),
        )

    def unclear_share(self, minutes: int) -> cloudwatch.MathExpression:
        """Of the photos that the model judged, the percentage that went to a person."""
        return _math(
            "100 * unclear / (ok + defect + unclear)",
            minutes,
            "unclear, percent",
            **{verdict: self.filed(verdict, minutes) for verdict in ("ok", "defect", "unclear")},
        )

    def throttled(self, minutes: int) -> cloudwatch.MathExpression:
        """Calls that AWS turned away: of executions, and of the functions that photos pass through."""
        period = Duration.minutes(minutes)
        passed = sorted(definition.placeholders() & self.functions.made.keys())
        parts = {
            f"m{number}": self.functions.made[name].metric_throttles(period=period)
            for number, name in enumerate([*passed, catalog.START_INSPECTION.placeholder])
        }
        parts["machine"] = self.line.machine.machine.metric_throttled(period=period)
        kept = dict(list(parts.items())[-MOST_IN_AN_ALARM:])
        return _math(" + ".join(f"FILL({part}, 0)" for part in kept), minutes, "throttled calls", **kept)


def _math(
    expression: str, minutes: int, label: str, **parts: cloudwatch.IMetric
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=parts, period=Duration.minutes(minutes), label=label
    )
