"""`partcheck stage status`: the state of a stage on AWS."""

from typing import TYPE_CHECKING, Any

import click

from cli.aws_options import aws_options, resolve_target
from cli.context import AwsTarget, CliContext, find_stack, find_stage_environment
from cli.output import format_counts, format_timestamp, print_json, print_table
from workflow import timestamps
from workflow.inspections.inspection import InspectionState
from workflow.models.model import describe_status

if TYPE_CHECKING:
    from deployment.status import AlarmStatus

MAX_COUNT = 1000


@click.command()
@aws_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON document.")
@click.pass_obj
def status(context: CliContext, stage: str, profile: str, region: str, as_json: bool) -> None:
    """Show the state of a stage: its stack, its model, open inspections, messages, and raised alarms.

    The exit code is 1 if an alarm is raised.

    \b
    Example:
      partcheck stage status --stage prod
    """
    target = resolve_target(context, stage, profile, region)
    state, alarms = _read_state(target)
    raised = [alarm for alarm in alarms if alarm.state == "ALARM"]
    if as_json:
        print_json({**state, "alarms": {alarm.name: alarm.state for alarm in alarms}})
    else:
        print_table(("", ""), [(name, _format_cell(value)) for name, value in state.items()])
        print_table(("alarm", "what it means"), [(alarm.name, alarm.description) for alarm in raised])
    if raised:
        click.get_current_context().exit(1)


def _read_state(target: AwsTarget) -> tuple[dict[str, Any], "list[AlarmStatus]"]:
    from deployment import status as stage_status
    from deployment.stacks import CloudFormationStacks

    stack, _ = find_stack(target)
    resources = CloudFormationStacks().resources(target.stack_name)
    queues = {
        resource.logical_id: resource.physical_id
        for resource in resources
        if resource.resource_type == "AWS::SQS::Queue"
    }
    alarm_names = [
        resource.physical_id for resource in resources if resource.resource_type == "AWS::CloudWatch::Alarm"
    ]
    environment = find_stage_environment(target)
    state_of_stage = {
        "stack": f"{stack.name}, {stack.status.lower().replace('_', ' ')}",
        "changed": format_timestamp(stack.changed_at.isoformat()) if stack.changed_at else "",
        "model": _describe_model(environment.outputs.model_parameter),
        "photos": {
            state.value: environment.inspections.count_recent(state, timestamps.EARLIEST, MAX_COUNT)
            for state in InspectionState
            if state is not InspectionState.CLOSED
        },
        "messages": {
            name.removeprefix("Queues")[:-8]: stage_status.count_messages(url) for name, url in queues.items()
        },
        "review app": stack.outputs.get("ReviewAppUrl", "none"),
    }
    return state_of_stage, stage_status.get_alarms(alarm_names)


def _describe_model(parameter: str) -> str:
    from workflow.aws.model_control_plane import RekognitionModelControlPlane
    from workflow.aws.model_settings import SsmModelSettings

    arn = SsmModelSettings(parameter).get_model()
    version = RekognitionModelControlPlane().describe(arn) if arn else None
    if version is None:
        return f"{arn} does not exist" if arn else "none"
    return f"{version.name}: {describe_status(version, '', timestamps.now())}"


def _format_cell(value: Any) -> str:
    if isinstance(value, dict):
        return format_counts({str(name): int(count) for name, count in value.items()}) or "none"
    return str(value)
