"""`partcheck model promote`, and the promotion that `partcheck model train FOLDER` ends with."""

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import click

from cli.context import CliContext
from cli.model.evaluate import evaluate_on_hold_out, read_training_summary
from cli.model.expected_errors_output import describe_first_policy, summarize_expected_errors
from cli.model.label_verdicts import resolve_verdicts, verdict_option
from cli.model.reference_output import warn_of_missing_reference
from cli.model_services import ModelServices, open_model_services, project_options
from cli.output import note, print_json_line
from cli.printed_command import printed_command
from workflow.errors import ConfigurationError, Conflict
from workflow.inspections.default_label_rules import policy_for_labels
from workflow.inspections.routing_policy import DEFAULT_POLICY, parse
from workflow.models import promotion
from workflow.models.evaluation import TrainingSummary
from workflow.models.expected_errors import compute_expected_errors
from workflow.models.model import ACTIVE_STATUSES, ModelVersion, RequestResult, version_name
from workflow.models.promotion import PromotionCase
from workflow.models.threshold_proposal import propose_thresholds


@click.command()
@click.argument("version")
@project_options
@verdict_option
@click.option("--force", is_flag=True, help="Skip the comparison. Needs --reason.")
@click.option("--reason", default="", help="Why. Recorded with the promotion.")
@click.option("--json", "as_json", is_flag=True, help="Print both models as one JSON object.")
@click.pass_obj
def promote(
    context: CliContext,
    version: str,
    project: str,
    bucket: str,
    verdicts: Sequence[tuple[str, str]],
    force: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Put a model to use if it is better on the frozen hold-out.

    It must be judged on 30 parts of each label that it did not learn from. It must not pass more defects and
    must not call more sound parts defect than the model in use. It must be better in one of the two, and must
    not be unclear much more often. Both models run during the comparison. The first model's thresholds come
    from its training, and are shown.
    After that the routing policy gets the new model's labels. If the name of a label does not say its verdict
    for certain, the command asks, or fails without a terminal; --verdict names it. Then the environment
    switches to the new model, and the old model is stopped.

    \b
    Examples:
      partcheck model promote autumn
      partcheck model promote autumn --force --reason "new casting mould"
    """
    if force and not reason.strip():
        raise ConfigurationError("--force needs a --reason")
    services = open_model_services(context, project, bucket)
    candidate, before = services.find_version(version), services.settings.get_model()
    promote_version(services, candidate, reason=reason, force=force, verdicts=dict(verdicts))
    print_switch(candidate.arn, before, as_json)


def promote_version(
    services: ModelServices,
    candidate: ModelVersion,
    *,
    reason: str = "",
    force: bool = False,
    labels: Collection[str] = (),
    verdicts: Mapping[str, str] = MappingProxyType({}),
    units: int = 0,
) -> None:
    """Put a model to use if it is better than the model in use, or if no model is in use.

    `labels` are the labels that the routing policy gets; without them, those of the training summary.
    `verdicts` names verdicts of labels; a verdict that would be a guess is asked at the terminal. `units` are
    the inference units; 0 means as many as the model in use has. Raise Conflict with the objections. A
    candidate that was started only for the comparison is stopped then.
    """
    before = services.settings.get_model()
    if before == candidate.arn:
        raise Conflict(f"Model {candidate.name} is in use already")
    summary = read_training_summary(candidate)
    policy = _extend_policy(services, summary, before, labels, verdicts)
    warn_without_reference(services, candidate.arn)
    try:
        case = _build_case(services, candidate, before, policy, force=force, reason=reason, units=units)
        case = replace(case, judged_parts=summary.judged_parts if summary else 0)
        promotion.promote(services.registry, candidate.arn, policy, case, units)
    except BaseException:
        if candidate.status not in ACTIVE_STATUSES:
            _stop_rejected(services, candidate)
        raise


def warn_without_reference(services: ModelServices, arn: str) -> None:
    """Print a warning if the model has no reference. References are keyed by model, and switch with it."""
    if services.references.get(arn) is None:
        note(warn_of_missing_reference(version_name(arn)))


def print_switch(arn: str, before: str, as_json: bool) -> None:
    """Print the model that is in use now."""
    if as_json:
        print_json_line({"model": arn, "before": before or None})
    else:
        click.echo(arn)
    note(f"Model {version_name(arn)} judges every photo from now on.")


def _extend_policy(
    services: ModelServices,
    summary: TrainingSummary | None,
    before: str,
    labels: Collection[str],
    verdicts: Mapping[str, str],
) -> str:
    """Return the policy for the candidate's labels. Existing rules stay, unless `verdicts` names another.

    The first model's policy takes its thresholds from the training, and they are shown.
    """
    current = services.settings.get_routing_policy()
    labels = labels or ([result.label for result in summary.labels] if summary else ())
    if not labels:
        return current
    named = resolve_verdicts(current, labels, verdicts)
    policy = policy_for_labels(current, labels, named)
    if summary is None:
        return policy
    photos, rules = summary.out_of_fold, parse(policy)
    if not before and parse(current) == parse(json.dumps(DEFAULT_POLICY)):
        policy = policy_for_labels(current, labels, named, propose_thresholds(photos, rules))
        rules = parse(policy)
        note(describe_first_policy(rules, bool(photos)))
    if (expected := compute_expected_errors(photos, rules)) is not None:
        note(summarize_expected_errors(expected))
    return policy


def _build_case(
    services: ModelServices,
    candidate: ModelVersion,
    before: str,
    policy: str,
    *,
    force: bool,
    reason: str,
    units: int,
) -> PromotionCase:
    from datasets import hold_out

    frozen = hold_out.find_frozen(services.event_log, services.project)
    if frozen is None or force:
        return PromotionCase(forced=force, reason=reason)
    running = promotion.ensure_running(services.registry, candidate.arn, units)
    evaluation = evaluate_on_hold_out(services, running, frozen, policy)
    if not before:
        return PromotionCase(candidate=evaluation, reason=reason)
    if hold_out.load_scores(services.bucket, services.project, before, frozen) is None:
        promotion.ensure_running(services.registry, before)
    current = services.find_version(before)
    return PromotionCase(
        candidate=evaluation,
        current=evaluate_on_hold_out(services, current, frozen, services.settings.get_routing_policy()),
        reason=reason,
    )


def _stop_rejected(services: ModelServices, candidate: ModelVersion) -> None:
    """Stop a candidate that was started only for the comparison, however the comparison ended."""
    version = services.models.describe(candidate.arn)
    if (
        version is None
        or version.status not in ACTIVE_STATUSES
        or services.settings.get_model() == version.arn
    ):
        return
    if promotion.stop(services.registry, version.arn, "not promoted") is not RequestResult.ACCEPTED:
        note(
            f"Model {version.name} cannot be stopped while it starts, and will cost money: "
            f"`{printed_command(f'model stop {shlex.quote(version.name)}')}` waits for it."
        )
