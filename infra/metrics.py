"""CloudWatch metrics for alarms and dashboard: the functions' own metrics, and AWS's.

A metric has data only for periods in which its event occurred. Each term of a sum is filled with 0, so that
the sum does not depend on the way in which CloudWatch adds a missing value.
"""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.functions import Functions
from infra.stage_environment import StageEnvironment
from lambdas import catalog
from workflow import state_machine_definition

MAX_METRICS_PER_ALARM = 10


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of one stage. The namespace is the stack's name, the dimension the function's module."""

    resources: StageEnvironment
    functions: Functions

    def of_function(self, module: str, name: str, minutes: int, statistic: str = "sum") -> cloudwatch.Metric:
        """Return a metric that a function writes to its log."""
        return cloudwatch.Metric(
            namespace=Stack.of(self.functions).stack_name,
            metric_name=name,
            dimensions_map={"service": module},
            period=Duration.minutes(minutes),
            statistic=statistic,
        )

    def filed_photos(self, verdict: str, minutes: int) -> cloudwatch.Metric:
        """Return the number of photos filed under a verdict. Those of master parts are among the rejected."""
        return self.of_function("move_image", f"filed_{verdict}", minutes)

    def model_unavailable(self, minutes: int) -> cloudwatch.MathExpression:
        """Return 1 while photos wait and the model answers none of them."""
        return _expression(
            "IF(FILL(parked, 0) + FILL(busy, 0) > 0 AND FILL(answered, 0) == 0, 1, 0)",
            minutes,
            "photos wait, the model does not answer",
            parked=self.of_function("manage_model_capacity", "photos_parked", minutes, "max"),
            busy=self.of_function("detect_labels", "detection_busy", minutes),
            answered=self.of_function("detect_labels", "detection_answered", minutes),
        )

    def model_idle(self, minutes: int) -> cloudwatch.MathExpression:
        """Return 1 while a model runs and answers for no photo."""
        return _expression(
            "IF(FILL(units, 0) > 0 AND FILL(answered, 0) == 0, 1, 0)",
            minutes,
            "a model runs without a photo",
            units=self.of_function("manage_model_capacity", "model_units_running", minutes, "min"),
            answered=self.of_function("detect_labels", "detection_answered", minutes),
        )

    def unclear_share(self, minutes: int) -> cloudwatch.MathExpression:
        """Return the percentage of unclear photos among those that the model answered for."""
        parts = {name: f"FILL({name}, 0)" for name in ("ok", "defect", "unclear")}
        total = " + ".join(parts.values())
        return _expression(
            f"IF({total} > 0, 100 * {parts['unclear']} / ({total}))",
            minutes,
            "unclear, percent",
            **{verdict: self.filed_photos(verdict, minutes) for verdict in ("ok", "defect", "unclear")},
        )

    def throttled_calls(self, minutes: int) -> cloudwatch.MathExpression:
        """Return the number of throttled calls: executions, and the functions that photos pass through."""
        period = Duration.minutes(minutes)
        by_placeholder = self.functions.by_placeholder
        state_functions = sorted(state_machine_definition.placeholders() & by_placeholder.keys())
        parts = {
            f"m{number}": by_placeholder[name].metric_throttles(period=period)
            for number, name in enumerate([*state_functions, catalog.START_INSPECTION.placeholder])
        }
        parts["executions"] = self.resources.state_machine.resource.metric_throttled(period=period)
        limited = dict(list(parts.items())[-MAX_METRICS_PER_ALARM:])
        return _expression(
            " + ".join(f"FILL({part}, 0)" for part in limited), minutes, "throttled calls", **limited
        )


def _expression(
    expression: str, minutes: int, label: str, **parts: cloudwatch.IMetric
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=parts, period=Duration.minutes(minutes), label=label
    )
