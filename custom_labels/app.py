"""The HTTP application: Rekognition's JSON 1.1 protocol, a health check, and the admin page."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from custom_labels.account import CustomLabelsAccount
from custom_labels.admin import admin_routes
from custom_labels.errors import ServiceError
from custom_labels.operations.catalog import OPERATIONS
from custom_labels.request_validation import validate_request

TARGET_PREFIX = "RekognitionService."
MAX_REQUEST_BYTES = 8 * 1024 * 1024
CONTENT_TYPE = "application/x-amz-json-1.1"

logger = logging.getLogger(__name__)


def create_app(account: CustomLabelsAccount) -> Starlette:
    """Build the application.

    The caller opens and recovers the account. The application closes it when the server stops.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(account.close)

    async def protocol(request: Request) -> Response:
        return await _handle(account, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[Route("/", protocol, methods=["POST"]), Route("/health", health), *admin_routes(account)],
        lifespan=lifespan,
    )


async def _handle(account: CustomLabelsAccount, request: Request) -> Response:
    try:
        operation = _read_operation(request)
        content = _parse(await _read_body(request))
        result = await run_in_threadpool(execute_operation, account, operation, content)
    except ServiceError as error:
        return _json_response({"__type": error.code, "Message": error.message}, error.status, error.code)
    return _json_response(result)


def _read_operation(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    operation = target.removeprefix(TARGET_PREFIX)
    if operation == target or operation not in OPERATIONS:
        raise ServiceError("UnknownOperationException", f"This service has no operation {target!r}")
    return operation


async def _read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            message = f"The request is larger than {MAX_REQUEST_BYTES} bytes"
            raise ServiceError("InvalidParameterException", message)
    return body


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", "The request is not JSON") from error


def execute_operation(account: CustomLabelsAccount, operation: str, content: Any) -> dict[str, Any]:
    """Validate and execute one request. Raise ServiceError, also for unexpected errors, which are logged."""
    request = validate_request(operation, content)
    account.fault_injector.before_call(operation)
    account.rate_limits.check_call(operation)
    try:
        return OPERATIONS[operation](account, request)
    except ServiceError:
        raise
    except Exception as error:
        logger.exception("%s failed", operation)
        raise ServiceError("InternalServerError", "The service failed; its log says why") from error


def _json_response(content: dict[str, Any], status: int = 200, error: str = "") -> Response:
    headers = {"x-amzn-errortype": error} if error else None
    return Response(json.dumps(content), status, headers, CONTENT_TYPE)
