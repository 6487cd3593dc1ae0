"""`partcheck model train`: from photos or data sets to a trained model."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.model_bench import CLOCK, Bench, bench, placed
from cli.output import duration, json_line, note, plural, safe, tally
from cli.reach import Chosen
from workflow import timestamps
from workflow.errors import ConfigurationError
from workflow.models.model import ModelVersion, Status, wait_until
from workflow.models.promotion import ModelEvent

TRAINING_PATIENCE = 24 * 3600.0


@click.command()
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path), default=None
)
@placed
@click.option("--name", default="", help="The model version's name.  [default: the time]")
@click.option("--wait/--no-wait", default=True, help="Wait for the end of the training (a day at most).")
@click.option("--json", "as_json", is_flag=True, help="The model's ARN and its status as one JSON object.")
@click.pass_obj
def train(
    chosen: Chosen, folder: Path | None, project: str, bucket: str, name: str, wait: bool, as_json: bool
) -> None:
    """Train a model: on the data sets of a project, or on a FOLDER in one go.

    Without FOLDER it trains on what `partcheck model import` made. Ctrl-C leaves the training alone:
    `partcheck model status NAME` tells later how it is. On AWS a training takes half an hour to a day and
    costs US$1 an hour.

    With FOLDER, which holds one folder of photos for each label, it uploads, trains, starts the model and
    puts it to use, all in one. Labels that begin with `ok` or `good` mean sound parts, all others defects.
    The model in use before is stopped; `partcheck model rollback` brings it back.

    \b
    Example: photos/ok/*.jpg and photos/scratch/*.jpg
      partcheck model train photos/
      partcheck model train --name autumn --no-wait
    """
    if folder is not None and not wait:
        raise ConfigurationError(
            "--no-wait needs data sets: import the folder first, then train without FOLDER"
        )
    work = bench(chosen, project, bucket)
    if folder is not None:
        _in_one_go(work, folder, name, as_json)
        return
    arn = _begin(work, name or f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}")
    version = _followed(work, arn) if wait else None
    if as_json:
        status = version.status if version else Status.TRAINING_IN_PROGRESS
        json_line({"model": arn, "status": status.value})
    else:
        click.echo(arn)


def _begin(work: Bench, name: str) -> str:
    project = work.models.project_arn(work.project)
    if project is None:
        raise ConfigurationError(f"There is no project {work.project}: import photos into it first")
    arn = work.models.train(project, name, work.bucket, f"{work.project}/evaluation/{name}")
    work.record.add(ModelEvent(timestamps.now(), work.who, "train", arn))
    note(f"Training model {name} …")
    return arn


def _followed(work: Bench, arn: str) -> ModelVersion:
    last = ""

    def tell(version: ModelVersion, seconds: float) -> None:
        nonlocal last
        if version.message and version.message != last:
            note(f"{duration(seconds)}: {version.message}")
            last = version.message

    try:
        return wait_until(work.models, arn, Status.TRAINING_COMPLETED, CLOCK, TRAINING_PATIENCE, tell)
    except KeyboardInterrupt:
        note("The training goes on; `partcheck model status` tells how it is.")
        raise


def _in_one_go(work: Bench, folder: Path, name: str, as_json: bool) -> None:
    from local import training
    from local.labelled_parts import parts_from_folder

    parts = parts_from_folder(folder)
    labels = dict(sorted(Counter(part.label for part in parts).items()))
    note(f"Training on {plural(len(parts), 'photo')}: {safe(tally(labels))}.")
    before, policy = work.settings.model(), work.settings.policy()
    arn = training.train(work.line.site, parts, work.bucket, name, note)
    at, facts = timestamps.now(), {"forced": True, "policy_before": policy}
    work.record.add(ModelEvent(at, work.who, "start", arn))
    work.record.add(ModelEvent(at, work.who, "promote", arn, before, "trained in one go", facts))
    if as_json:
        json_line({"model": arn, "labels": labels})
    else:
        click.echo(arn)
    note("The model runs and judges every photo from now on.")
