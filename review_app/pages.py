"""Templates become pages: one environment, the values every page has, partial answers for htmx."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from review_app.assets import shapes, static
from review_app.users import Role, signed_in
from workflow import timestamps
from workflow.review.decisions import MAX_REASON

_TEMPLATES = Path(__file__).resolve().parent / "templates"
MAX_SENTENCE = 160
NAVIGATION = [
    ("/review", "Review", "eye"),
    ("/executions", "Executions", "list"),
    ("/dashboard", "Dashboard", "chart"),
    ("/audit", "Audit", "book"),
]


def span(seconds: float) -> str:
    """A duration for people: 2.8 s, 7 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    hours, minutes = divmod(whole.seconds // 60, 60)
    if whole.days:
        return f"{whole.days} d {hours} h" if hours else f"{whole.days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def exact(seconds: float) -> str:
    """The same, to the millisecond below a second."""
    return f"{round(seconds * 1000)} ms" if seconds < 1 else span(seconds)


def clock(at: str) -> str:
    """A moment to the second, as the ledger's UTC text shows it best."""
    return at[:19].replace("T", " ")


def ago(at: str) -> str:
    """How long ago a moment was."""
    return span(max(0.0, timestamps.seconds_between(at, timestamps.now())))


def countdown(at: str) -> str:
    """Minutes and seconds until a moment."""
    seconds = max(0, round(timestamps.seconds_between(timestamps.now(), at)))
    return f"{seconds // 60}:{seconds % 60:02}"


def percent(share: float) -> str:
    """A share for people: 61.3 %, 80 %."""
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


@cache
def environment() -> Environment:
    """The one template environment: everything is escaped, and a name that is missing is an error.

    All templates are compiled here, so that no visitor waits for it.
    """
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(
        static=static, shapes=shapes(), navigation=NAVIGATION, Role=Role, max_reason=MAX_REASON
    )
    made.filters.update(span=span, exact=exact, clock=clock, ago=ago, countdown=countdown, percent=percent)
    for template in made.list_templates(("html",)):
        made.get_template(template)
    return made


def part(template: str, **values: Any) -> str:
    """A part of a page, for a script that puts it in its place."""
    return environment().get_template(template).render(**values)


def page(
    request: Request, template: str, *, status: int = 200, partial: str = "", **values: Any
) -> HTMLResponse:
    """Render a template; `partial` instead, when htmx asks for a part of the page."""
    wanted = partial if partial and request.headers.get("HX-Request") == "true" else template
    html = (
        environment()
        .get_template(wanted)
        .render(
            request=request,
            user=signed_in(request) if "session" in request.scope else None,
            messages=_messages(request),
            **values,
        )
    )
    return HTMLResponse(html, status, {"Vary": "HX-Request"} if partial else {})


def tell(request: Request, sentence: str, kind: str = "info") -> None:
    """Keep a sentence for the next page: `info`, `ok`, `warn` or `defect`.

    It lies in the session's cookie, which browsers drop when it is larger than 4 KB.
    """
    short = sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[: MAX_SENTENCE - 1]}…"
    request.session["messages"] = [[kind, short]]


def _messages(request: Request) -> list[list[str]]:
    if "messages" not in request.scope.get("session", {}):
        return []
    messages: list[list[str]] = request.session.pop("messages")
    return messages
