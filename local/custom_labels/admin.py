"""The page for drills: script failures and delays, count calls, age a model; never part of what AWS has."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.custom_labels.account import Account
from local.custom_labels.contract import service_model
from local.custom_labels.faults import Fault
from local.custom_labels.lifecycle import Status
from local.custom_labels.operations.catalog import OPERATIONS

OWN_NAMES = frozenset({"127.0.0.1", "localhost"})
AGES = frozenset({Status.DEPRECATED, Status.EXPIRED})


def admin_routes(account: Account) -> list[Route]:
    async def rehearsal(request: Request) -> Response:
        return await _answered(account, request, _rehearse)

    async def age(request: Request) -> Response:
        return await _answered(account, request, _age)

    return [
        Route("/admin/rehearsal", rehearsal, methods=["GET", "POST", "DELETE"]),
        Route("/admin/age", age, methods=["POST"]),
    ]


async def _answered(account: Account, request: Request, act: Any) -> Response:
    """Only for callers on this machine that mean it: a page in somebody's browser can do neither of these."""
    if request.url.hostname not in OWN_NAMES:
        return JSONResponse({"error": "unknown host"}, 403)
    if request.method == "POST" and request.headers.get("content-type") != "application/json":
        return JSONResponse({"error": "application/json is needed"}, 415)
    try:
        asked = await request.json() if request.method == "POST" else {}
        if not isinstance(asked, dict):
            raise TypeError("an object is needed")
        return JSONResponse(await run_in_threadpool(act, account, request.method, asked))
    except Fault as fault:
        return JSONResponse({"error": fault.message}, 400)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return JSONResponse({"error": f"not understood: {error}"}, 400)


def _rehearse(account: Account, method: str, asked: dict[str, Any]) -> dict[str, Any]:
    if method == "POST":
        for trouble in asked.get("troubles", []):
            _insist_on_known(trouble)
        account.rehearsal.script(asked)
    elif method == "DELETE":
        account.rehearsal.clear()
    return account.rehearsal.shown()


def _insist_on_known(trouble: dict[str, Any]) -> None:
    if trouble["operation"] not in OPERATIONS:
        raise ValueError(f"there is no operation {trouble['operation']}")
    errors = {shape.name for shape in service_model().operation_model(trouble["operation"]).error_shapes}
    if trouble["error"] not in errors:
        raise ValueError(f"{trouble['operation']} has no error {trouble['error']}")


def _age(account: Account, _: str, asked: dict[str, Any]) -> dict[str, Any]:
    """AWS retires models in its own time; a drill does it now."""
    status = Status(asked["status"])
    if status not in AGES:
        raise ValueError("a model can only be made DEPRECATED or EXPIRED")
    version = account.versions.advance(asked["arn"], status, "Aged for a drill.")
    return {"status": version.status}
