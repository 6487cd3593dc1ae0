"""What every request must prove and every answer must carry, before any page is asked."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_app.settings import Settings

MAX_BODY = 64 * 1024
MAX_FILE = 32 * 1024 * 1024
FILES = "/executions/open"
HEALTH = "/health"
_log = logging.getLogger("review_app")
_SAFE = ("GET", "HEAD", "OPTIONS")
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
_NEVER_DOCUMENTS = ("text/css", "text/javascript")


class Guard:
    """Refuses foreign hosts, cross-site writes and large bodies; every answer gets the security headers.

    Scripts and style sheets, which no browser opens as a page, do without those that only a page heeds.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._address = settings.public_url
        self._headers = dict(_HEADERS)
        if settings.is_secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        self._document_headers = self._headers | _DOCUMENT_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                bare = headers.get("content-type", "").startswith(_NEVER_DOCUMENTS)
                wanted = self._headers if bare else self._document_headers
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            _log.warning("refused with %d: %s %r", refusal[0], scope["method"], scope["path"])
        app = self._app if refusal is None else PlainTextResponse(refusal[1], refusal[0])
        await app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts and scope["path"] != HEALTH:
            return 421, f"This address is not served here; open the review app at {self._address}."
        if scope["method"] in _SAFE:
            return None
        if not came_from_here(headers):
            return 403, "This request came from another site, so nothing was changed."
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "The request does not say how long it is."
        most = MAX_FILE if scope["path"] == FILES else MAX_BODY
        return (413, "The request is too large.") if int(length) > most else None


def came_from_here(headers: Mapping[str, str]) -> bool:
    """Whether the browser vouches that our own page sent this; without its word nothing is believed."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
