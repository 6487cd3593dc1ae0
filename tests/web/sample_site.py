"""A sample site: an app with all kinds of inspections, and the paths of its pages."""

from tests.web import sample_executions, sample_metrics
from tests.web.world import World
from workflow.recovery.commands import Command, CommandKind

COMMAND = Command(
    id="c0ffee",
    kind=CommandKind.REDRIVE,
    actor="eve",
    reason="a jam",
    requested_at="2026-01-01",
    ids=("a",),
    messages=("one: done",),
    done=1,
)


class SampleSite:
    """An app with all kinds of inspections, executions and metrics, and the paths of its pages."""

    def __init__(self) -> None:
        self.world = World.new()
        self.rows = sample_executions.add_samples(self.world)
        sample_metrics.add_metrics(self.world)
        self.world.commands.add(COMMAND, ())
        first, second = (self.rows[name].owner for name in ("reviewed", "plain"))
        self.pages = {
            "list": "/executions",
            "nothing found": "/executions?q=nowhere",
            "failed ones": "/executions?status=failed",
            **{name: f"/executions/{row.owner}" for name, row in self.rows.items()},
            "a state": f"/executions/{first}?state=Wait%20for%20the%20model",
            "compare": f"/compare?a={first}&b={second}",
            "dashboard": "/dashboard?days=7",
            "hours": "/dashboard?days=1",
            "command": f"/commands/{COMMAND.id}",
        }
