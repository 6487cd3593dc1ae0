"""The service over HTTP: Rekognition's JSON 1.1 protocol, a health check, an admin page for drills."""

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

from local.custom_labels.account import Account
from local.custom_labels.admin import admin_routes
from local.custom_labels.contract import read_request
from local.custom_labels.faults import Fault
from local.custom_labels.operations.catalog import OPERATIONS

TARGET_PREFIX = "RekognitionService."
LARGEST_REQUEST = 8 * 1024 * 1024
CONTENT_TYPE = "application/x-amz-json-1.1"

logger = logging.getLogger(__name__)


def create_app(account: Account) -> Starlette:
    """The account is opened and recovered by the caller, and closed here when the server stops."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(account.close)

    async def protocol(request: Request) -> Response:
        return await _protocol(account, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[Route("/", protocol, methods=["POST"]), Route("/health", health), *admin_routes(account)],
        lifespan=lifespan,
    )


async def _protocol(account: Account, request: Request) -> Response:
    try:
        operation = _operation(request)
        asked = _parsed(await _body(request))
        answer = await run_in_threadpool(perform, account, operation, asked)
    except Fault as fault:
        return _answer({"__type": fault.code, "Message": fault.message}, fault.status, fault.code)
    return _answer(answer)


def _operation(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    operation = target.removeprefix(TARGET_PREFIX)
    if operation == target or operation not in OPERATIONS:
        raise Fault("UnknownOperationException", f"This service has no operation {target!r}")
    return operation


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            raise Fault("InvalidParameterException", f"The request is larger than {LARGEST_REQUEST} bytes")
    return body


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Fault("SerializationException", "The request is not JSON") from error


def perform(account: Account, operation: str, asked: Any) -> dict[str, Any]:
    request = read_request(operation, asked)
    account.rehearsal.meet(operation)
    account.rates.admit_call(operation)
    try:
        return OPERATIONS[operation](account, request)
    except Fault:
        raise
    except Exception as error:
        logger.exception("%s failed", operation)
        raise Fault("InternalServerError", "The service failed; its log says why") from error


def _answer(content: dict[str, Any], status: int = 200, error: str = "") -> Response:
    headers = {"x-amzn-errortype": error} if error else None
    return Response(json.dumps(content), status, headers, CONTENT_TYPE)
