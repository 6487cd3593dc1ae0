"""Page rendering: the template environment, full pages, partial pages for htmx, and flash messages."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from review_app import chips, formatting
from review_app.assets import load_icons, static_url
from review_app.users import Role, session_user
from workflow.review.decisions import MAX_REASON_LENGTH

_ROOT = Path(__file__).resolve().parent
MAX_FLASH_LENGTH = 160
NAVIGATION = [
    ("/review", "Review", "eye"),
    ("/executions", "Executions", "list"),
    ("/dashboard", "Dashboard", "chart"),
    ("/audit", "Audit", "book"),
]
FILTERS = {
    "coordinate": formatting.format_coordinate,
    "countdown": formatting.format_countdown,
    "duration": formatting.format_duration,
    "elapsed": formatting.format_elapsed,
    "percent": formatting.format_percent,
    "precise_duration": formatting.format_precise_duration,
    "thousands": formatting.format_thousands,
    "timestamp": formatting.format_timestamp,
}


@cache
def template_environment() -> Environment:
    """Return the template environment: autoescaped, with an error for each undefined name.

    All templates are compiled here, so that no request waits for it.
    """
    environment = Environment(
        loader=_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        static_url=static_url,
        icons=load_icons(),
        navigation=NAVIGATION,
        Role=Role,
        max_reason=MAX_REASON_LENGTH,
        decision_status_chip=chips.decision_status_chip,
        step_chip=chips.step_chip,
        step_icons=chips.STEP_ICONS,
        verdict_chip=chips.verdict_chip,
    )
    environment.filters.update(FILTERS)
    for template in environment.list_templates(("html",)):
        environment.get_template(template)
    return environment


def _loader() -> BaseLoader:
    """Load shared templates by name, and those of a page family as `<family>/<page>.html`."""
    families = {folder.parent.name: FileSystemLoader(folder) for folder in sorted(_ROOT.glob("*/templates"))}
    return ChoiceLoader([FileSystemLoader(_ROOT / "templates"), PrefixLoader(families)])


def render_partial(template: str, **values: Any) -> str:
    """Render a part of a page, which a script inserts."""
    return template_environment().get_template(template).render(**values)


def render_page(
    request: Request, template: str, *, status: int = 200, partial: str = "", **values: Any
) -> HTMLResponse:
    """Render a page; render `partial` instead if htmx sent the request."""
    is_partial = partial and request.headers.get("HX-Request") == "true"
    html = (
        template_environment()
        .get_template(partial if is_partial else template)
        .render(
            request=request,
            user=session_user(request) if "session" in request.scope else None,
            messages=_pop_messages(request),
            **values,
        )
    )
    return HTMLResponse(html, status, {"Vary": "HX-Request"} if partial else {})


def flash(request: Request, text: str, kind: str = "info") -> None:
    """Store a message for the next page. `kind` is `info`, `ok`, `warn` or `defect`.

    The message is in the session's cookie, which browsers drop above 4 KB, so long texts are cut.
    """
    short = text if len(text) <= MAX_FLASH_LENGTH else f"{text[: MAX_FLASH_LENGTH - 1]}…"
    request.session["messages"] = [[kind, short]]


def _pop_messages(request: Request) -> list[list[str]]:
    if "messages" not in request.scope.get("session", {}):
        return []
    messages: list[list[str]] = request.session.pop("messages")
    return messages
