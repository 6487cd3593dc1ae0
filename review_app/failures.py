"""Whatever goes wrong, as one clear sentence: a page for people, JSON for the review loop."""

import logging
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from review_app.pages import page
from review_app.users import NotSignedIn, signed_in
from workflow.errors import Conflict, NotFound, PartcheckError

_log = logging.getLogger("review_app")
_SENTENCES = {
    404: "There is no such page.",
    405: "This address does not answer that kind of request.",
}


def install(app: FastAPI) -> None:
    """Answer every kind of failure."""
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(PartcheckError, _fault)
    app.add_exception_handler(Exception, _unexpected)


def failure(request: Request, status: int, sentence: str) -> Response:
    """One sentence with its status, in the form that the caller reads; what was refused is logged."""
    if status in (401, 403):
        user = signed_in(request)
        name = user.name if user else ""
        _log.warning("refused with %d: %s %r by %r", status, request.method, request.url.path, name)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": sentence}, status)
    title = HTTPStatus(status).phrase
    return page(request, "failure.html", status=status, title=title, code=status, sentence=sentence)


def _to_sign_in(request: Request, _: Exception) -> Response:
    if request.method != "GET" or "text/html" not in request.headers.get("accept", "text/html"):
        return failure(request, 401, "You are not signed in, or no longer; sign in again.")
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(wanted, safe='/')}", 303)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    sentence = said or _SENTENCES.get(error.status_code, HTTPStatus(error.status_code).description)
    return failure(request, error.status_code, sentence)


def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    first = error.errors()[0]
    field = str(first["loc"][-1])[:40]
    return failure(request, 400, f"The field {field!r} is missing or wrong: {first['msg']}.")


def _fault(request: Request, error: Exception) -> Response:
    if isinstance(error, NotFound):
        return failure(request, 404, str(error))
    if isinstance(error, Conflict):
        return failure(request, 409, str(error))
    return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("request failed", exc_info=error, extra={"path": request.url.path})
    return failure(request, 500, "Something broke here; it was noted, and nothing you saved is lost.")
