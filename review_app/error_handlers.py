"""Error handlers: each error becomes a page with one sentence, or JSON for the review page's script."""

import logging
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from review_app.rendering import render_page
from review_app.users import NotSignedIn, session_user
from workflow.errors import Conflict, NotFound, PartcheckError

_log = logging.getLogger("review_app")
_MESSAGES = {
    404: "Page not found.",
    405: "This address does not support this kind of request.",
}


def install(app: FastAPI) -> None:
    """Register a handler for each kind of error."""
    app.add_exception_handler(NotSignedIn, _handle_not_signed_in)
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(RequestValidationError, _handle_invalid_request)
    app.add_exception_handler(PartcheckError, _handle_domain_error)
    app.add_exception_handler(Exception, _handle_unexpected_error)


def error_response(request: Request, status: int, message: str) -> Response:
    """Return an error as JSON or a page, by the Accept header. Statuses 401 and 403 are logged."""
    if status in (401, 403):
        user = session_user(request)
        name = user.name if user else ""
        _log.warning("refused with %d: %s %r by %r", status, request.method, request.url.path, name)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": message}, status)
    title = HTTPStatus(status).phrase
    return render_page(request, "error.html", status=status, title=title, code=status, message=message)


def _handle_not_signed_in(request: Request, _: Exception) -> Response:
    if request.method != "GET" or "text/html" not in request.headers.get("accept", "text/html"):
        return error_response(request, 401, "You are not signed in. Sign in and try again.")
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(target, safe='/')}", 303)


def _handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    status = HTTPStatus(error.status_code)
    detail = error.detail if error.detail != status.phrase else ""
    return error_response(request, status, detail or _MESSAGES.get(status, status.description))


def _handle_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    first = error.errors()[0]
    field = str(first["loc"][-1])[:40]
    return error_response(request, 400, f"The field {field!r} is missing or invalid: {first['msg']}.")


def _handle_domain_error(request: Request, error: Exception) -> Response:
    if isinstance(error, NotFound):
        return error_response(request, 404, str(error))
    if isinstance(error, Conflict):
        return error_response(request, 409, str(error))
    return _handle_unexpected_error(request, error)


def _handle_unexpected_error(request: Request, error: Exception) -> Response:
    _log.error("request failed", exc_info=error, extra={"path": request.url.path})
    return error_response(request, 500, "Internal error (logged). Saved decisions are not affected.")
