"""The promise of a training, printed: the error rates to expect, and the price of no escapes."""

from typing import Any

import click

from cli.output import print_table
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models.promise import ESCAPE_LIMIT, PassingThreshold, TrainingPromise
from workflow.proportion import Proportion

RATES = {
    "escapes": "defects passed as ok",
    "false_alarms": "ok parts called defect",
    "unclear": "unclear, for a reviewer",
}


def print_promise(promise: TrainingPromise | None) -> None:
    """Print the error rates of the training's own photos out of fold. Counts are parts."""
    if promise is None:
        click.echo("\nNo error rates are known: the training reports no scores of photos that it held back.")
        return
    parts = ", ".join(f"{count:,} {label}" for label, count in promise.parts.items())
    click.echo(
        f"\nExpected at the policy's thresholds, from parts that the model did not learn from ({parts}):\n"
    )
    rows = [(words, *format_proportion(getattr(promise.rates, rate))) for rate, words in RATES.items()]
    print_table(("what", "parts", "share", "95 % interval"), rows, ("parts", "share", "95 % interval"))
    click.echo(f"\n{describe_no_escape(promise)}")


def summarize_promise(promise: TrainingPromise) -> str:
    """Return the error rates and the price of no escapes as sentences."""
    rates = []
    for rate, words in RATES.items():
        count, _, interval = format_proportion(getattr(promise.rates, rate))
        rates.append(f"{words} {count} parts ({interval})")
    return f"Expected at the policy's thresholds: {'; '.join(rates)}. {describe_no_escape(promise)}"


def describe_no_escape(promise: TrainingPromise) -> str:
    """Return the sentences about the threshold from which no defect was passed."""
    threshold, total = promise.no_escape, promise.no_escape.escapes.total
    if threshold.value is None:
        sentences = [f"No threshold keeps all {total:,} defective parts from passing as ok."]
    else:
        sentences = [
            f"From an ok threshold of {threshold.value:.3f} none of {total:,} defective parts was passed: "
            f"at most {promise.bound:.1%} of them escape (95 %). {format_passing(threshold)}"
        ]
    if not promise.automatable:
        sentences.append(
            f"Not automatable at {ESCAPE_LIMIT:.0%} escapes: {format_passing(promise.within_limit)}"
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


def promise_to_dict(promise: TrainingPromise | None) -> dict[str, Any] | None:
    """Return the promise as plain JSON."""
    if promise is None:
        return None
    rates = {rate: getattr(promise.rates, rate) for rate in RATES}
    return {
        "parts": dict(promise.parts),
        **{
            rate: {"count": value.count, "of": value.total, "interval": list(value.confidence_interval)}
            for rate, value in rates.items()
        },
        "no_escape_threshold": promise.no_escape.value,
        "no_escape_bound": promise.bound,
        "ok_parts_that_pass_there": promise.no_escape.passing.share,
        "automatable": promise.automatable,
    }
