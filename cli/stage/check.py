"""`partcheck stage check`: run each state of the state machine on Step Functions, with mocked results."""

from typing import TYPE_CHECKING

import click

from cli.aws_options import aws_options, resolve_account, resolve_target
from cli.context import CliContext
from cli.output import note, print_json_line, print_table
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from deployment.account import AwsAccount
    from deployment.state_check import StateOutcome


@click.command()
@aws_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per case.")
@click.pass_obj
def check(context: CliContext, stage: str, profile: str, region: str, as_json: bool) -> None:
    """Run each state of the state machine on Step Functions' own engine, with mocked results.

    The results, retries and catchers of each task and the branches of each choice are compared with the
    definition. This needs no stage and calls no function, so that it works before the first deployment. The
    credentials need the permission states:TestState. The exit code is 1 if an outcome differs.

    \b
    Example:
      partcheck stage check --region eu-central-1
    """
    account = resolve_account(resolve_target(context, stage, profile, region))
    from deployment.state_check import build_cases, run_case

    definition = _render(account)
    cases = build_cases(definition)
    outcomes = [(case, run_case(definition, case)) for case in cases]
    wrong = [(case, outcome) for case, outcome in outcomes if outcome != case.expected]
    if as_json:
        for case, outcome in outcomes:
            print_json_line(
                {
                    "state": case.state,
                    "event": case.event,
                    "as_defined": outcome == case.expected,
                    "outcome": _describe(outcome),
                }
            )
    else:
        rows = [(c.state, c.event, _describe(c.expected), _describe(outcome)) for c, outcome in wrong]
        print_table(("state", "event", "by the definition", "on AWS"), rows)
    states = pluralize(len({case.state for case in cases}), "state")
    note(f"{states}, {pluralize(len(cases), 'case')}: {len(wrong) or 'none'} different on AWS.")
    if wrong:
        click.get_current_context().exit(1)


def _render(account: "AwsAccount") -> str:
    """Render the definition with names that no resource needs to have."""
    from workflow import state_machine_definition as definition

    place = f"{account.region}:{account.id}"
    return definition.render(
        {
            name: f"https://sqs.{account.region}.amazonaws.com/{account.id}/check"
            if name.endswith("QueueUrl")
            else f"arn:aws:lambda:{place}:function:{name}"
            for name in definition.placeholders()
        }
    )


def _describe(outcome: "StateOutcome") -> str:
    return " ".join(filter(None, (outcome.status.lower(), outcome.next_state, outcome.error)))
