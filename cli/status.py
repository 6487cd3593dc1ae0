"""`partcheck status`: how a stage on AWS is."""

from typing import TYPE_CHECKING, Any

import click

from cli.output import clock, json_document, table, tally
from cli.place import chosen_place, placed_on_aws
from cli.reach import Chosen, find_stage, stack_of
from workflow import timestamps
from workflow.inspections.inspection import State
from workflow.models.model import in_words

if TYPE_CHECKING:
    from cli.reach import Place
    from workflow.aws.watch import Alarm

COUNTED = 1000


@click.command()
@placed_on_aws
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON document.")
@click.pass_obj
def status(chosen: Chosen, stage: str, profile: str, region: str, as_json: bool) -> None:
    """Say how a stage is: its stack, its model, what waits, which alarms are raised.

    The exit code is 1 if an alarm is raised.

    \b
    Example:
      partcheck status --stage prod
    """
    place = chosen_place(chosen, stage, profile, region)
    facts, alarms = _facts(place)
    raised = [alarm for alarm in alarms if alarm.state == "ALARM"]
    if as_json:
        json_document({**facts, "alarms": {alarm.name: alarm.state for alarm in alarms}})
    else:
        table(("", ""), [(name, _cell(value)) for name, value in facts.items()])
        table(("alarm", "what it means"), [(alarm.name, alarm.about) for alarm in raised])
    if raised:
        click.get_current_context().exit(1)


def _facts(place: "Place") -> tuple[dict[str, Any], "list[Alarm]"]:
    from workflow.aws import watch
    from workflow.aws.stacks import CloudFormationStacks

    stack, _ = stack_of(place)
    resources = CloudFormationStacks().resources(place.stack_name)
    queues = {one.logical_id: one.physical_id for one in resources if one.kind == "AWS::SQS::Queue"}
    names = [one.physical_id for one in resources if one.kind == "AWS::CloudWatch::Alarm"]
    line = find_stage(place)
    facts = {
        "stack": f"{stack.name}, {stack.status.lower().replace('_', ' ')}",
        "changed": clock(stack.changed_at.isoformat()) if stack.changed_at else "",
        "model": _model(line.site.model_parameter),
        "photos": {
            state.value: line.ledger.count_recent(state, timestamps.EVER, COUNTED)
            for state in State
            if state is not State.CLOSED
        },
        "messages": {name.removeprefix("Messages")[:-8]: watch.waiting(url) for name, url in queues.items()},
        "review app": stack.outputs.get("ReviewAppUrl", "none"),
    }
    return facts, watch.alarms(names)


def _model(parameter: str) -> str:
    from workflow.aws.model_settings import ParameterSettings
    from workflow.aws.models import RekognitionModels

    arn = ParameterSettings(parameter).model()
    version = RekognitionModels().describe(arn) if arn else None
    if version is None:
        return f"{arn} is gone" if arn else "none is chosen"
    return f"{version.name}: {in_words(version, '', timestamps.now())}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return tally({str(name): int(count) for name, count in value.items()}) or "none"
    return str(value)
