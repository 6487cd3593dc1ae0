"""The admin page: inject faults and delays, count calls, retire a model; AWS has nothing like it."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from custom_labels.account import CustomLabelsAccount
from custom_labels.errors import ServiceError
from custom_labels.lifecycle import VersionStatus
from custom_labels.operations.catalog import OPERATIONS
from custom_labels.request_validation import load_service_model

LOCAL_HOST_NAMES = frozenset({"127.0.0.1", "localhost"})
RETIRED_STATUSES = frozenset({VersionStatus.DEPRECATED, VersionStatus.EXPIRED})

AdminAction = Callable[[CustomLabelsAccount, str, dict[str, Any]], dict[str, Any]]


def admin_routes(account: CustomLabelsAccount) -> list[Route]:
    """Build the routes of the admin page."""

    async def fault_injection(request: Request) -> Response:
        return await _respond(account, request, _inject_faults)

    async def retire(request: Request) -> Response:
        return await _respond(account, request, _retire)

    return [
        Route("/admin/fault-injection", fault_injection, methods=["GET", "POST", "DELETE"]),
        Route("/admin/retire", retire, methods=["POST"]),
    ]


async def _respond(account: CustomLabelsAccount, request: Request, action: AdminAction) -> Response:
    """Accept local callers only: a web page in a browser can set neither the host nor the content type."""
    if request.url.hostname not in LOCAL_HOST_NAMES:
        return JSONResponse({"error": "unknown host"}, 403)
    if request.method == "POST" and request.headers.get("content-type") != "application/json":
        return JSONResponse({"error": "application/json is needed"}, 415)
    try:
        content = await request.json() if request.method == "POST" else {}
        if not isinstance(content, dict):
            raise TypeError("an object is needed")
        return JSONResponse(await run_in_threadpool(action, account, request.method, content))
    except ServiceError as error:
        return JSONResponse({"error": error.message}, 400)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return JSONResponse({"error": f"invalid request: {error}"}, 400)


def _inject_faults(account: CustomLabelsAccount, method: str, content: dict[str, Any]) -> dict[str, Any]:
    if method == "POST":
        for injected in content.get("errors", []):
            _check_error_exists(injected)
        account.fault_injector.configure(content)
    elif method == "DELETE":
        account.fault_injector.reset()
    return account.fault_injector.to_dict()


def _check_error_exists(injected: dict[str, Any]) -> None:
    if injected["operation"] not in OPERATIONS:
        raise ValueError(f"there is no operation {injected['operation']}")
    operation = load_service_model().operation_model(injected["operation"])
    if injected["error"] not in {shape.name for shape in operation.error_shapes}:
        raise ValueError(f"{injected['operation']} has no error {injected['error']}")


def _retire(account: CustomLabelsAccount, _: str, content: dict[str, Any]) -> dict[str, Any]:
    """Set a model's status to DEPRECATED or EXPIRED; on AWS this happens with the age of the model."""
    status = VersionStatus(content["status"])
    if status not in RETIRED_STATUSES:
        raise ValueError("a model can only be made DEPRECATED or EXPIRED")
    version = account.versions.change_status(content["arn"], status, "Retired by the admin page.")
    return {"status": version.status}
