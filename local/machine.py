"""The line's state machine, rendered from the one definition in the repository."""

from collections.abc import Mapping

from lambdas import catalog
from local.functions import ROLE, function_arn
from local.queues import Queues
from local.settings import ACCOUNT, REGION
from workflow import definition
from workflow.aws.clients import client

NAME = "partcheck"
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}"


def placeholder_values(queues: Queues) -> Mapping[str, str]:
    """What stands behind each placeholder of the definition here."""
    functions = {function.placeholder: function_arn(function) for function in catalog.FUNCTIONS}
    known = {**functions, "VerdictQueueUrl": queues.verdicts}
    return {name: known[name] for name in definition.placeholders() if name in known}


def deploy_machine(queues: Queues) -> None:
    """Create the state machine, or bring it up to date."""
    stepfunctions, text = client("stepfunctions"), definition.render(placeholder_values(queues))
    try:
        stepfunctions.create_state_machine(name=NAME, definition=text, roleArn=ROLE)
    except stepfunctions.exceptions.StateMachineAlreadyExists:
        stepfunctions.update_state_machine(stateMachineArn=ARN, definition=text, roleArn=ROLE)
