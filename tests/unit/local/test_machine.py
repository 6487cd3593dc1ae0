from local.machine import placeholder_values
from local.queues import Queues
from workflow import definition

QUEUES = Queues(
    "http://q/intake", "http://q/decisions", "http://q/verdicts", "http://q/escalations", "http://q/commands"
)


def test_local_mode_fills_exactly_the_placeholders_of_the_definition() -> None:
    assert placeholder_values(QUEUES).keys() == definition.placeholders()


def test_the_definition_can_be_rendered() -> None:
    assert QUEUES.verdicts in definition.render(placeholder_values(QUEUES))
