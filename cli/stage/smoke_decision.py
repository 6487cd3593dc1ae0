"""Decide the smoke test's photo as a reviewer does: through the pages of the review app, in this process."""

import asyncio
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from workflow.errors import PartcheckError

if TYPE_CHECKING:
    from review_app.container import Container

REVIEWER = "partcheck smoke-test"
ADDRESS = "http://127.0.0.1:8080"
REVIEW_COMMENT = "smoke test"


def decide_in_review_app(container: "Container", inspection_id: str) -> None:
    """Sign in, open the photo, look at it and decide OK, by the app's own requests.

    The app runs in this process on the stage's tables and queues, because no one but a person with a second
    factor signs in to the deployed one. Raise PartcheckError if a page refuses.
    """
    from review_app.app import create_app
    from review_app.settings import ReviewAppSettings

    settings = ReviewAppSettings(public_url=ADDRESS, session_secret=secrets.token_urlsafe(48), undo_seconds=0)
    asyncio.run(_decide(create_app(settings, container), inspection_id))


async def _decide(app: Any, inspection_id: str) -> None:
    import httpx2

    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 0))
    headers = {"Origin": ADDRESS, "Accept": "text/html"}
    async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as browser:
        steps: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("POST", "/sign-in", {"name": REVIEWER, "role": "reviewer"}),
            ("GET", f"/review?first={inspection_id}", {}),
            ("GET", f"/photos/{inspection_id}/review", {}),
            (
                "POST",
                f"/review/{inspection_id}/decide",
                {"verdict": "ok", "comment": REVIEW_COMMENT, "decision_id": str(uuid.uuid4())},
            ),
            ("POST", "/sign-out", {}),
        )
        for method, path, data in steps:
            answer = await browser.request(method, path, data=data or None)
            if answer.status_code not in (200, 303):
                page = path.replace(inspection_id, "ID")
                raise PartcheckError(f"the review app refuses {method} {page} with {answer.status_code}")
