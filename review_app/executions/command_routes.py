"""Commands of engineers: stored with their reason, sent to the command queue, shown with their progress."""

import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from review_app.container import Container
from review_app.executions.list_filters import parse_filters
from review_app.executions.list_routes import History, find_page
from review_app.rendering import flash, render_page
from review_app.users import Engineer, Role, User, require_role
from workflow import timestamps
from workflow.history.open_failures import FAILED
from workflow.history.search import InspectionQuery
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import InspectionId
from workflow.plurals import pluralize
from workflow.recovery import commands
from workflow.recovery.commands import MAX_TARGETS, Command, CommandKind

router = APIRouter(prefix="/commands")
Text = Annotated[str, Form()]
_RETURN_PATHS = ("/executions", "/commands", "/dashboard", "/compare")


async def _form_fields(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


FormFields = Annotated[dict[str, str], Depends(_form_fields)]


@router.post("")
def submit(
    request: Request,
    user: Engineer,
    kind: Annotated[CommandKind, Form()],
    reason: Text = "",
    ids: Text = "",
    token: Text = "",
    back: Text = "/executions",
) -> Response:
    """Submit a command for inspections by id; a repeated request with the same token has no effect."""
    inspection_ids = tuple(dict.fromkeys(map(InspectionId, ids.split())))
    command = _build_command(kind, user, reason, token, ids=inspection_ids)
    _submit(request, command)
    if len(inspection_ids) == 1:
        flash(request, f"Submitted: {kind.value}. The result appears on this page within seconds.", "ok")
        return RedirectResponse(back if back.startswith(_RETURN_PATHS) else "/executions", 303)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.post("/failed")
def redrive_failed(request: Request, user: Engineer, history: History, form: FormFields) -> Response:
    """Redrive all failed executions that match the list's filters."""
    filters = replace(parse_filters(form), status=FAILED)
    rows = find_page(request, history, filters).rows[:MAX_TARGETS]
    if not rows:
        raise HTTPException(
            409, "None of these executions is failed any more, so there is nothing to redrive."
        )
    ids = tuple(row.id for row in rows)
    command = _build_command(
        CommandKind.REDRIVE, user, form.get("reason", ""), form.get("token", ""), ids=ids
    )
    _submit(request, command)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.post("/reinspect")
def reinspect_matching(request: Request, user: Engineer, form: FormFields) -> Response:
    """Reinspect all closed inspections that match the list's filters and that no person decided."""
    filters = parse_filters(form)
    if filters.status not in ("", InspectionState.CLOSED):
        raise HTTPException(400, "Not submitted: only closed inspections can be reinspected.")
    query = replace(filters.query, state=InspectionState.CLOSED)
    command = _build_command(
        CommandKind.REINSPECT, user, form.get("reason", ""), form.get("token", ""), query=query
    )
    _submit(request, command)
    return RedirectResponse(f"/commands/{command.id}", 303)


@router.get("/{command_id}", dependencies=[Depends(require_role(Role.ENGINEER))])
def progress(request: Request, command_id: str) -> Response:
    """Show a command and its progress."""
    container: Container = request.app.state.container
    command = container.commands.get(command_id)
    if command is None:
        raise HTTPException(404, "Command not found.")
    return render_page(
        request,
        "executions/command.html",
        partial="executions/_command.html",
        command=command,
        targets=_describe_targets(command),
    )


def _describe_targets(command: Command) -> str:
    if command.query:
        return commands.describe_query(command.query)
    return pluralize(len(command.ids), "inspection")


def _build_command(
    kind: CommandKind,
    user: User,
    reason: str,
    token: str,
    *,
    ids: tuple[InspectionId, ...] = (),
    query: InspectionQuery | None = None,
) -> Command:
    try:
        command_id = str(uuid.UUID(token))
    except ValueError:
        command_id = str(uuid.uuid4())
    return Command(
        id=command_id,
        kind=kind,
        actor=user.name,
        reason=reason.strip(),
        requested_at=timestamps.now(),
        ids=ids,
        query=query,
    )


def _submit(request: Request, command: Command) -> None:
    """Store a new command and send it to the queue. Raise 400 if it is invalid."""
    container: Container = request.app.state.container
    if container.commands.get(command.id) is not None:
        return
    try:
        commands.submit(container.commands, command)
    except ValueError as error:
        raise HTTPException(400, f"Not submitted: {error}.") from error
    container.command_queue.send(command.id)
