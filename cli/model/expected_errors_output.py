"""The expected errors of a training, printed: the error rates, and the price of no escapes."""

from typing import Any

import click

from cli.output import print_table
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models.expected_errors import ESCAPE_LIMIT, ExpectedErrors, PassingThreshold
from workflow.proportion import Proportion

RATES = {
    "escapes": "defects passed as ok",
    "false_alarms": "ok parts called defect",
    "unclear": "unclear, for a reviewer",
}


def print_expected_errors(expected: ExpectedErrors | None) -> None:
    """Print the error rates of the training's own photos out of fold. Counts are parts."""
    if expected is None:
        click.echo("\nNo error rates are known: the training reports no scores of photos that it held back.")
        return
    parts = ", ".join(f"{count:,} {label}" for label, count in expected.parts.items())
    click.echo(
        f"\nExpected at the policy's thresholds, from parts that the model did not learn from ({parts}):\n"
    )
    rows = [(words, *format_proportion(getattr(expected.rates, rate))) for rate, words in RATES.items()]
    print_table(("what", "parts", "share", "95 % interval"), rows, ("parts", "share", "95 % interval"))
    click.echo(f"\n{describe_no_escape(expected)}")


def summarize_expected_errors(expected: ExpectedErrors) -> str:
    """Return the error rates and the price of no escapes as sentences."""
    rates = []
    for rate, words in RATES.items():
        count, _, interval = format_proportion(getattr(expected.rates, rate))
        rates.append(f"{words} {count} parts ({interval})")
    return f"Expected at the policy's thresholds: {'; '.join(rates)}. {describe_no_escape(expected)}"


def describe_no_escape(expected: ExpectedErrors) -> str:
    """Return the sentences about the threshold from which no defect was passed."""
    threshold, total = expected.no_escape, expected.no_escape.escapes.total
    if threshold.value is None:
        sentences = [f"No threshold keeps all {total:,} defective parts from passing as ok."]
    else:
        sentences = [
            f"From an ok threshold of {threshold.value:.3f} none of {total:,} defective parts was passed: "
            f"at most {expected.bound:.1%} of them escape (95 %). {format_passing(threshold)}"
        ]
    if not expected.automatable:
        sentences.append(
            f"Not automatable at {ESCAPE_LIMIT:.0%} escapes: {format_passing(expected.within_limit)}"
        )
    return " ".join(sentences)


def describe_first_policy(policy: RoutingPolicy, known: bool) -> str:
    """Return the sentence about the thresholds of a first policy."""
    rules = ", ".join(
        f"{label} ({rule.verdict}) from {rule.threshold:.2f}" for label, rule in sorted(policy.labels.items())
    )
    source = "from the training" if known else "the default: the training reports no scores out of fold"
    return f"First routing policy, {source}: {rules}."


def format_passing(threshold: PassingThreshold) -> str:
    """Return the sentence about the sound parts that pass at a threshold."""
    passing = threshold.passing
    return f"{passing.share:.0%} of {passing.total:,} ok parts pass there, and people review the others."


def format_proportion(proportion: Proportion) -> tuple[str, str, str]:
    """Return count, share and interval as words."""
    low, high = proportion.confidence_interval
    return (
        f"{proportion.count:,} of {proportion.total:,}",
        f"{proportion.share:.1%}",
        f"{low:.1%} – {high:.1%}",
    )


def expected_errors_to_dict(expected: ExpectedErrors | None) -> dict[str, Any] | None:
    """Return the expected errors as plain JSON."""
    if expected is None:
        return None
    rates = {rate: getattr(expected.rates, rate) for rate in RATES}
    return {
        "parts": dict(expected.parts),
        **{
            rate: {"count": value.count, "of": value.total, "interval": list(value.confidence_interval)}
            for rate, value in rates.items()
        },
        "no_escape_threshold": expected.no_escape.value,
        "no_escape_bound": expected.bound,
        "ok_parts_that_pass_there": expected.no_escape.passing.share,
        "automatable": expected.automatable,
    }
