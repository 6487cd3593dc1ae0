"""The state machine, rendered from the definition in the repository."""

from collections.abc import Mapping

from lambdas import catalog
from local.functions import ROLE, function_arn
from local.queues import QueueUrls
from local.settings import ACCOUNT, REGION
from workflow import state_machine_definition
from workflow.aws.clients import client

NAME = "partcheck"
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}"


def placeholder_values(queues: QueueUrls) -> Mapping[str, str]:
    """Return the value of each placeholder of the definition."""
    functions = {function.placeholder: function_arn(function) for function in catalog.FUNCTIONS}
    values = {**functions, "VerdictQueueUrl": queues.verdicts}
    return {name: values[name] for name in state_machine_definition.placeholders() if name in values}


def deploy_state_machine(queues: QueueUrls) -> None:
    """Create or update the state machine."""
    stepfunctions, text = client("stepfunctions"), state_machine_definition.render(placeholder_values(queues))
    try:
        stepfunctions.create_state_machine(name=NAME, definition=text, roleArn=ROLE)
    except stepfunctions.exceptions.StateMachineAlreadyExists:
        stepfunctions.update_state_machine(stateMachineArn=ARN, definition=text, roleArn=ROLE)
