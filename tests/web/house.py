"""One app with something of everything, for whoever looks at all of its history pages."""

from tests.web import crowds, stories
from tests.web.world import World
from workflow.recovery.commands import Command, Kind

COMMAND = Command("c0ffee", Kind.REDRIVE, "eve", "a jam", "2026-01-01", ("a",), told=("one: done",), done=1)


class House:
    """One app with something of everything, and the addresses of its pages."""

    def __init__(self) -> None:
        self.world = World.new()
        self.rows = stories.told(self.world)
        crowds.fill(self.world)
        self.world.commands.ask(COMMAND, ())
        first, second = (self.rows[name].owner for name in ("reviewed", "plain"))
        self.pages = {
            "list": "/executions",
            "nothing found": "/executions?q=nowhere",
            "failed ones": "/executions?status=failed",
            **{name: f"/executions/{row.owner}" for name, row in self.rows.items()},
            "a state": f"/executions/{first}?state=Wait%20for%20model",
            "compare": f"/compare?a={first}&b={second}",
            "dashboard": "/dashboard?days=7",
            "hours": "/dashboard?days=1",
            "command": f"/commands/{COMMAND.id}",
        }
