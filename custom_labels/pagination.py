"""Pagination: pages of a list, with tokens that are valid only for the request that they came from."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from custom_labels.errors import ServiceError

MAX_PAGE_SIZE = 100

Item = TypeVar("Item")


def paginate(
    items: Sequence[Item], key: Callable[[Item], str], request: dict[str, Any], default: int = MAX_PAGE_SIZE
) -> tuple[list[Item], dict[str, str]]:
    """Return one page in the order of `key`, and the response's NextToken if there are more items.

    The token holds the last key, not a position: a deletion between two pages neither hides nor repeats
    items.
    """
    after = last_key(request)
    size = page_size(request, default)
    remaining = [item for item in sorted(items, key=key) if after is None or key(item) > after]
    page = remaining[:size]
    if len(remaining) <= size:
        return page, {}
    return page, next_token(request, key(page[-1]))


def page_size(request: dict[str, Any], default: int = MAX_PAGE_SIZE) -> int:
    return int(request.get("MaxResults") or default)


def last_key(request: dict[str, Any]) -> str | None:
    """Return the last key of the previous page, or None for the first page.

    An empty token is valid: AWS's own examples begin with it. Raise ServiceError for an invalid token.
    """
    return _decode_token(request.get("NextToken") or None, _request_hash(request))


def next_token(request: dict[str, Any], key: str) -> dict[str, str]:
    """Return the NextToken field for a page that ends with `key`."""
    return {"NextToken": _encode_token(_request_hash(request), key)}


def newest_first_key(created: float, arn: str) -> str:
    """Return a sort key that orders by creation time (seconds since the epoch), the newest first."""
    return f"{10**14 - round(created * 1000):015d}{arn}"


def _request_hash(request: dict[str, Any]) -> str:
    filters = {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]


def _encode_token(request_hash: str, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([request_hash, key]).encode()).decode()


def _decode_token(token: str | None, request_hash: str) -> str | None:
    if token is None:
        return None
    try:
        token_hash, key = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _invalid_token() from error
    if token_hash != request_hash or not isinstance(key, str):
        raise _invalid_token()
    return key


def _invalid_token() -> ServiceError:
    return ServiceError("InvalidPaginationTokenException", "Invalid pagination token")
