"""Security middleware: request checks and response headers for every route."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_app.settings import ReviewAppSettings

MAX_BODY_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 32 * 1024 * 1024
UPLOAD_PATH = "/executions/open"
HEALTH_PATH = "/health"
_log = logging.getLogger("review_app")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_DOCUMENT_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_NON_DOCUMENT_TYPES = ("text/css", "text/javascript")


class SecurityMiddleware:
    """Middleware that rejects foreign hosts, cross-site writes and large bodies, and adds security headers.

    Scripts and style sheets get no headers that only apply to documents.
    """

    def __init__(self, app: ASGIApp, settings: ReviewAppSettings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._public_url = settings.public_url
        self._headers = dict(_HEADERS)
        if settings.is_secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        self._document_headers = self._headers | _DOCUMENT_HEADERS
        if settings.oidc and settings.oidc.logout_url:  # The form to sign out leads there.
            provider = "{0.scheme}://{0.netloc}".format(urlsplit(settings.oidc.logout_url))
            policy = _CSP.replace("form-action 'self'", f"form-action 'self' {provider}")
            self._document_headers["Content-Security-Policy"] = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_document = not headers.get("content-type", "").startswith(_NON_DOCUMENT_TYPES)
                added = self._document_headers if is_document else self._headers
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._check(scope)
        if refusal is not None:
            _log.warning("refused with %d: %s %r", refusal[0], scope["method"], scope["path"])
        app = self._app if refusal is None else PlainTextResponse(refusal[1], refusal[0])
        await app(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and message with which a request is refused, None if it is accepted."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts and scope["path"] != HEALTH_PATH:
            return 421, f"This host name is not served. Open the review app at {self._public_url}."
        if scope["method"] in _SAFE_METHODS:
            return None
        if not is_same_origin(headers):
            return 403, "The request came from another site and was refused. Nothing was changed."
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "The request has no Content-Length header."
        limit = MAX_UPLOAD_BYTES if scope["path"] == UPLOAD_PATH else MAX_BODY_BYTES
        return (413, "The request is too large.") if int(length) > limit else None


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return True if the browser states that a page of this app sent the request.

    A request with neither `Sec-Fetch-Site` nor `Origin` is treated as foreign.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
