"""What engineers ask of inspections: kept, hinted to the line, and shown with its progress."""

import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from review_app.pages import page, tell
from review_app.ports import Ports
from review_app.routes.executions import Found, shown_page
from review_app.users import Role, User, require
from review_app.wishes import FAILED, wish
from workflow import timestamps
from workflow.history.search import Query
from workflow.inspections.inspection import State
from workflow.recovery import commands
from workflow.recovery.commands import MOST_TARGETS, Command, Kind

router = APIRouter(prefix="/commands")
Engineer = Annotated[User, Depends(require(Role.ENGINEER))]
Text = Annotated[str, Form()]


async def _fields(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


Fields = Annotated[dict[str, str], Depends(_fields)]
_HERE = ("/executions", "/commands", "/dashboard", "/compare")


@router.post("")
def ask(
    request: Request,
    user: Engineer,
    kind: Annotated[Kind, Form()],
    reason: Text = "",
    ids: Text = "",
    token: Text = "",
    back: Text = "/executions",
) -> Response:
    """Ask something of some inspections; the same token asks once however often it is sent."""
    chosen = tuple(dict.fromkeys(one for one in ids.split() if one))
    command = _command(kind, user, reason, token, ids=chosen)
    _keep(request, command)
    if len(chosen) == 1:
        tell(request, f"Asked: {kind.value}. It is done within seconds; this page then tells.", "ok")
        return RedirectResponse(back if back.startswith(_HERE) else "/executions", 303)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.post("/failed")
def start_failed(request: Request, user: Engineer, found: Found, form: Fields) -> Response:
    """Start everything again that answers to the list's filters and whose own execution failed."""
    rows = shown_page(request, found, replace(wish(form), status=FAILED)).rows[:MOST_TARGETS]
    if not rows:
        raise HTTPException(409, "None of these failed any more: there is nothing to start again.")
    ids = tuple(row.id for row in rows)
    command = _command(Kind.REDRIVE, user, form.get("reason", ""), form.get("token", ""), ids=ids)
    _keep(request, command)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.post("/contain")
def contain(request: Request, user: Engineer, form: Fields) -> Response:
    """Inspect everything again that answers to the list's filters and that no person decided."""
    asked = wish(form)
    if asked.status not in ("", State.CLOSED):
        raise HTTPException(400, "Nothing was asked: only what is closed can be inspected again.")
    query = replace(asked.query, state=State.CLOSED)
    command = _command(Kind.AGAIN, user, form.get("reason", ""), form.get("token", ""), query=query)
    _keep(request, command)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.get("/{command_id}", dependencies=[Depends(require(Role.ENGINEER))])
def progress(request: Request, command_id: str) -> Response:
    ports: Ports = request.app.state.ports
    command = ports.commands.get(command_id)
    if command is None:
        raise HTTPException(404, "Nobody asked for this.")
    asked = commands.described(command.query) if command.query else ""
    return page(request, "command.html", partial="_command.html", command=command, asked=asked)


def _command(
    kind: Kind,
    user: User,
    reason: str,
    token: str,
    ids: tuple[str, ...] = (),
    query: Query | None = None,
) -> Command:
    try:
        known = str(uuid.UUID(token))
    except ValueError:
        known = str(uuid.uuid4())
    return Command(known, kind, user.name, reason.strip(), timestamps.now(), ids, query)


def _keep(request: Request, command: Command) -> None:
    ports: Ports = request.app.state.ports
    if ports.commands.get(command.id) is not None:
        return
    try:
        commands.ask(ports.commands, command)
    except ValueError as error:
        raise HTTPException(400, f"Nothing was asked: {error}.") from error
    ports.command_queue.send(command.id)
