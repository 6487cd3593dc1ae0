from local.queues import QueueUrls
from local.state_machine import placeholder_values
from workflow import state_machine_definition

QUEUES = QueueUrls(
    intake="http://q/intake",
    decisions="http://q/decisions",
    verdicts="http://q/verdicts",
    escalations="http://q/escalations",
    commands="http://q/commands",
)


def test_local_mode_fills_exactly_the_placeholders_of_the_definition() -> None:
    assert placeholder_values(QUEUES).keys() == state_machine_definition.placeholders()


def test_the_definition_can_be_rendered() -> None:
    assert QUEUES.verdicts in state_machine_definition.render(placeholder_values(QUEUES))
