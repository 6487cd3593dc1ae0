"""What an address asks of the list of executions, and the address that asks for the same again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from workflow import timestamps
from workflow.history.search import Mark, Query, Way
from workflow.inspections.inspection import State
from workflow.inspections.verdict import Verdict

FAILED = "failed"
STATUSES = {
    "inspecting": "running",
    "waiting": "waits for a person",
    "closed": "closed",
    FAILED: "failed",
}
SIZES = (25, 50, 100)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MARK = re.compile(r"(older|newer)~([0-9TZ:.-]{1,32})~([0-9a-f~]{0,64})")


@dataclass(frozen=True, slots=True)
class Wish:
    """The filters of the list as the address gives them; what makes no sense asks nothing."""

    q: str = ""
    status: str = ""
    verdict: str = ""
    by: str = ""
    model: str = ""
    policy: str = ""
    first_day: str = ""
    last_day: str = ""
    size: int = SIZES[0]
    mark: Mark | None = None

    @property
    def query(self) -> Query:
        """The same for the search."""
        return Query(
            self.q,
            State(self.status) if self.status in set(State) else None,
            Verdict(self.verdict) if self.verdict else None,
            self.by,
            self.model,
            self.policy,
            f"{self.first_day}T00:00:00.000Z" if self.first_day else "",
            timestamps.later(f"{self.last_day}T00:00:00Z", 86400) if self.last_day else "",
        )

    @property
    def filters(self) -> dict[str, str]:
        """The filters that ask something, by their names in addresses."""
        named = {
            "q": self.q,
            "status": self.status,
            "verdict": self.verdict,
            "by": self.by,
            "model": self.model,
            "policy": self.policy,
            "from": self.first_day,
            "to": self.last_day,
        }
        return {name: value for name, value in named.items() if value}

    def address(self, path: str = "/executions", mark: Mark | None = None) -> str:
        """Where the same is asked, from another place on if a mark says so."""
        parts = dict(self.filters)
        if self.size != SIZES[0]:
            parts["size"] = str(self.size)
        if mark:
            parts["mark"] = f"{mark.way}~{mark.at}~{mark.id}"
        return f"{path}?{urlencode(parts)}" if parts else path

    def sized(self, size: int) -> "Wish":
        """The same in pages of another size, from the beginning."""
        return replace(self, size=size, mark=None)


def wish(values: Mapping[str, str]) -> Wish:
    """What an address asks."""
    status, verdict, size = values.get("status", ""), values.get("verdict", ""), values.get("size", "")
    return Wish(
        q=values.get("q", "").strip()[:200],
        status=status if status in STATUSES else "",
        verdict=verdict if verdict in set(Verdict) else "",
        by=values.get("by", "").strip()[:100],
        model=values.get("model", "").strip()[:200],
        policy=values.get("policy", "").strip()[:100],
        first_day=_day(values.get("from", "")),
        last_day=_day(values.get("to", "")),
        size=int(size) if size in map(str, SIZES) else SIZES[0],
        mark=_mark(values.get("mark", "")),
    )


def _day(text: str) -> str:
    """A day that has a day after it; anything else asks nothing."""
    try:
        timestamps.later(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else "", 86400)
    except (ValueError, OverflowError):
        return ""
    return text


def _mark(text: str) -> Mark | None:
    found = _MARK.fullmatch(text)
    return Mark(found[2], found[3], Way(found[1])) if found else None
