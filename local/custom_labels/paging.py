"""Pages of a list, with a token that fits only the question it came from."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from local.custom_labels.faults import Fault

LARGEST_PAGE = 100

Item = TypeVar("Item")


def paged(
    items: Sequence[Item], key: Callable[[Item], str], request: dict[str, Any], default: int = LARGEST_PAGE
) -> tuple[list[Item], dict[str, str]]:
    """One page in the order of key, with the answer's NextToken when there is more.

    The token names the last key, not a position: deleting between two pages neither hides nor repeats.
    """
    after = last_seen(request)
    size = page_size(request, default)
    waiting = [item for item in sorted(items, key=key) if after is None or key(item) > after]
    shown = waiting[:size]
    if len(waiting) <= size:
        return shown, {}
    return shown, token_after(request, key(shown[-1]))


def page_size(request: dict[str, Any], default: int = LARGEST_PAGE) -> int:
    return int(request.get("MaxResults") or default)


def last_seen(request: dict[str, Any]) -> str | None:
    """The key at which the previous page ended; AWS's own examples begin with an empty token."""
    return _read(request.get("NextToken") or None, _question(request))


def token_after(request: dict[str, Any], key: str) -> dict[str, str]:
    return {"NextToken": _token(_question(request), key)}


def newest_first(created: float, arn: str) -> str:
    return f"{10**14 - round(created * 1000):015d}{arn}"


def _question(request: dict[str, Any]) -> str:
    asked = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _token(question: str, last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([question, last]).encode()).decode()


def _read(token: str | None, question: str) -> str | None:
    if token is None:
        return None
    try:
        asked, last = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _stale() from error
    if asked != question or not isinstance(last, str):
        raise _stale()
    return last


def _stale() -> Fault:
    return Fault("InvalidPaginationTokenException", "Invalid pagination token")
