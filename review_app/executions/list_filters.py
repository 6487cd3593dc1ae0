"""List filters: parse them from the query string, and build URLs from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from workflow import timestamps
from workflow.history.open_failures import FAILED
from workflow.history.search import Cursor, Direction, InspectionQuery
from workflow.inspections.inspection import InspectionState
from workflow.inspections.verdict import Verdict

STATUSES = (*(state.value for state in InspectionState), FAILED)
PAGE_SIZES = (25, 50, 100)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CURSOR = re.compile(r"(older|newer)~([0-9TZ:.-]{1,32})~([0-9a-f~]{0,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilters:
    """Filters, page size and position of the list of executions; an empty filter matches everything.

    `failure` is the state and error of a failed execution. With it, the first day bounds the failure.
    """

    q: str = ""
    status: str = ""
    verdict: str = ""
    by: str = ""
    model: str = ""
    policy: str = ""
    asked: bool = False
    unusual: bool = False
    failure: str = ""
    first_day: str = ""
    last_day: str = ""
    size: int = PAGE_SIZES[0]
    cursor: Cursor | None = None

    @property
    def query(self) -> InspectionQuery:
        """The filters as a search query; the status `failed` is not part of it."""
        return InspectionQuery(
            name=self.q,
            state=InspectionState(self.status) if self.status in set(InspectionState) else None,
            verdict=Verdict(self.verdict) if self.verdict else None,
            decided_by=self.by,
            model=self.model,
            policy=self.policy,
            asked=self.asked,
            unusual=self.unusual,
            since=f"{self.first_day}T00:00:00.000Z" if self.first_day else "",
            until=timestamps.add_seconds(f"{self.last_day}T00:00:00Z", 86400) if self.last_day else "",
        )

    @property
    def parameters(self) -> dict[str, str]:
        """The filters in use, by the names of their URL parameters."""
        values = {
            "q": self.q,
            "status": self.status,
            "verdict": self.verdict,
            "by": self.by,
            "model": self.model,
            "policy": self.policy,
            "asked": "yes" if self.asked else "",
            "unusual": "yes" if self.unusual else "",
            "failure": self.failure,
            "from": self.first_day,
            "to": self.last_day,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def can_reinspect(self) -> bool:
        """True if all matching inspections are settled by a model or policy that the filters name."""
        is_by_model = bool(self.model or self.policy)
        is_by_other = bool(self.by or self.asked or self.unusual or self.failure)
        return is_by_model and not is_by_other and self.status in ("", InspectionState.CLOSED)

    @property
    def description(self) -> str:
        """The filters in words, for the confirmation of a bulk command."""
        name = f" whose name matches “{self.q}”" if self.q else ""
        settled_by = f"model {self.model}" if self.model else f"policy {self.policy}"
        policy = f" under policy {self.policy}" if self.model and self.policy else ""
        verdict = f" as {self.verdict}" if self.verdict else ""
        first_day = f" from {self.first_day}" if self.first_day else ""
        last_day = f" to {self.last_day}" if self.last_day else ""
        return f"All closed inspections{name} that {settled_by} settled{policy}{verdict}{first_day}{last_day}"

    def url(self, path: str = "/executions", cursor: Cursor | None = None) -> str:
        """Return the URL of the list with these filters, continued at a cursor if one is given."""
        parameters = dict(self.parameters)
        if self.size != PAGE_SIZES[0]:
            parameters["size"] = str(self.size)
        if cursor:
            parameters["cursor"] = f"{cursor.direction}~{cursor.at}~{cursor.id}"
        return f"{path}?{urlencode(parameters)}" if parameters else path

    def with_page_size(self, size: int) -> "ListFilters":
        """Return the same filters with another page size, from the first page."""
        return replace(self, size=size, cursor=None)


def parse_filters(values: Mapping[str, str]) -> ListFilters:
    """Parse filters from URL parameters or form fields; invalid values count as empty."""
    status, verdict, size = values.get("status", ""), values.get("verdict", ""), values.get("size", "")
    return ListFilters(
        q=values.get("q", "").strip()[:200],
        status=status if status in STATUSES else "",
        verdict=verdict if verdict in set(Verdict) else "",
        by=values.get("by", "").strip()[:100],
        model=values.get("model", "").strip()[:200],
        policy=values.get("policy", "").strip()[:100],
        asked=values.get("asked") == "yes",
        unusual=values.get("unusual") == "yes",
        failure=values.get("failure", "")[:300],
        first_day=_parse_day(values.get("from", "")),
        last_day=_parse_day(values.get("to", "")),
        size=int(size) if size in map(str, PAGE_SIZES) else PAGE_SIZES[0],
        cursor=_parse_cursor(values.get("cursor", "")),
    )


def _parse_day(text: str) -> str:
    """Return the day if it is valid and the next day can be represented, otherwise an empty text."""
    try:
        timestamps.add_seconds(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else "", 86400)
    except (ValueError, OverflowError):
        return ""
    return text


def _parse_cursor(text: str) -> Cursor | None:
    match = _CURSOR.fullmatch(text)
    return Cursor(match[2], match[3], Direction(match[1])) if match else None
