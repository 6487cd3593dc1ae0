"""`partcheck model promote` and `partcheck model rollback`."""

import click

from cli.model_bench import Bench, bench, placed
from cli.model_evaluate import on_hold_out, summary_of
from cli.output import json_line, note
from cli.reach import Chosen
from workflow.errors import ConfigurationError, Conflict
from workflow.models import promotion
from workflow.models.model import UP, Asked, ModelVersion, name_of
from workflow.models.promotion import Case


@click.command()
@click.argument("version")
@placed
@click.option("--force", is_flag=True, help="Do without the comparison; --reason is needed.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--json", "as_json", is_flag=True, help="The switch as one JSON object.")
@click.pass_obj
def promote(
    chosen: Chosen, version: str, project: str, bucket: str, force: bool, reason: str, as_json: bool
) -> None:
    """Put a model to use, if the frozen hold-out says that it is better.

    It may let no more defects pass and call no more sound parts defect than the model in use, must be better
    in one of the two, and may not ask people much more often. Both models run meanwhile. Then the routing
    policy gets the new model's labels, the line is switched over, and the old model is stopped.

    \b
    Example:
      partcheck model promote autumn
      partcheck model promote autumn --force --reason "new casting mould"
    """
    if force and not reason.strip():
        raise ConfigurationError("--force needs a --reason")
    work = bench(chosen, project, bucket)
    candidate, before = work.version(version), work.settings.model()
    if before == candidate.arn:
        raise Conflict(f"Model {candidate.name} is in use already")
    policy = _policy(work, candidate)
    try:
        case = _case(work, candidate, before, policy, force, reason)
        promotion.promote(work.desk, candidate.arn, policy, case)
    except BaseException:
        if candidate.status not in UP:
            _given_up(work, candidate)
        raise
    _tell(candidate.arn, before, as_json)


@click.command()
@placed
@click.option("--reason", default="asked for", help="Why, for the record.")
@click.option("--json", "as_json", is_flag=True, help="The switch as one JSON object.")
@click.pass_obj
def rollback(chosen: Chosen, project: str, bucket: str, reason: str, as_json: bool) -> None:
    """Bring back the model that the present one replaced.

    It is started first; when it runs, the line is switched to it, with the routing policy of that time, and
    only then the other one is stopped.

    \b
    Example:
      partcheck model rollback --reason "too many good parts called defect"
    """
    work = bench(chosen, project, bucket)
    before = work.settings.model()
    _tell(promotion.rollback(work.desk, reason), before, as_json)


def _policy(work: Bench, candidate: ModelVersion) -> str:
    """The policy for the candidate's labels; rules that are there stay."""
    from local.training import routing_policy

    summary = summary_of(candidate)
    current = work.settings.policy()
    return routing_policy(current, [one.label for one in summary.labels]) if summary else current


def _case(work: Bench, candidate: ModelVersion, before: str, policy: str, force: bool, reason: str) -> Case:
    from local.data_sets import hold_out

    frozen = hold_out.frozen(work.record, work.project)
    if frozen is None or force:
        return Case(forced=force, reason=reason)
    running = promotion.running(work.desk, candidate.arn)
    new = on_hold_out(work, running, frozen, policy)
    if not before:
        return Case(new, reason=reason)
    if hold_out.kept(work.bucket, work.project, before, frozen) is None:
        promotion.running(work.desk, before)
    old = on_hold_out(work, work.version(before), frozen, work.settings.policy())
    return Case(new, old, reason=reason)


def _given_up(work: Bench, candidate: ModelVersion) -> None:
    """What was started for the comparison only does not run on, whatever ended that."""
    found = work.models.describe(candidate.arn)
    if found is None or found.status not in UP or work.settings.model() == found.arn:
        return
    if promotion.stop(work.desk, found.arn, "not promoted") is not Asked.ACCEPTED:
        note(
            f"Model {found.name} cannot be stopped while it starts, and will cost: "
            f"`partcheck model stop {found.name}` waits for it."
        )


def _tell(arn: str, before: str, as_json: bool) -> None:
    if as_json:
        json_line({"model": arn, "before": before or None})
    else:
        click.echo(arn)
    note(f"Model {name_of(arn)} judges every photo from now on.")
