"""The DynamoDB tables as data: keys and indexes. infra/ and local/ create exactly these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index. It is sparse: an item without both key attributes is not in it.

    `projected_attributes` are the attributes that the index repeats besides all keys; None means all.
    """

    name: str
    key: tuple[str, ...]
    projected_attributes: tuple[str, ...] | None = None

    @property
    def projection_type(self) -> str:
        """Return DynamoDB's ProjectionType."""
        if self.projected_attributes is None:
            return "ALL"
        return "INCLUDE" if self.non_key_attributes else "KEYS_ONLY"

    @property
    def non_key_attributes(self) -> tuple[str, ...]:
        """Return the projected attributes that are not part of the index's key."""
        return tuple(attribute for attribute in self.projected_attributes or () if attribute not in self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: its name here, its environment variable, its partition and sort key, and its indexes.

    Every key attribute is a string. A deployment chooses the physical name and passes it in the environment
    variable `variable`. `ttl_attribute` is the attribute that holds an item's expiry in seconds since 1970.
    """

    name: str
    variable: str
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str = ""

    @property
    def key_attributes(self) -> tuple[str, ...]:
        """Return every attribute of a key, sorted."""
        keys = (self.key, *(index.key for index in self.indexes))
        return tuple(sorted({attribute for key in keys for attribute in key}))


_SEARCH_ATTRIBUTES = ("state", "search_text", "filed_as", "decided_by", "model", "policy_version")
# Attributes that the review queues show of each photo.
_REVIEW_ATTRIBUTES = ("review", "lease", "hold", "skipped", "decision", "second_review")

INSPECTIONS = Table(
    name="inspections",
    variable="INSPECTIONS_TABLE",
    key=("id",),
    indexes=(
        *(Index(f"by_{attribute}", (attribute, "claimed_at")) for attribute in ("state", "day", "name")),
        # Back-pressure counts rows often. An entry with keys only is a fraction of a row.
        Index("count_by_state", ("state", "claimed_at"), ()),
        Index("by_verdict", ("filed_as", "claimed_at"), _SEARCH_ATTRIBUTES),
        Index("by_reviewer", ("decided_by", "claimed_at"), _SEARCH_ATTRIBUTES),
        Index("by_model", ("model", "claimed_at"), _SEARCH_ATTRIBUTES),
        Index("by_policy", ("policy_version", "claimed_at"), _SEARCH_ATTRIBUTES),
        Index("by_review_queue", ("review_queue", "priority"), _REVIEW_ATTRIBUTES),
        Index("unarchived", ("unarchived", "claimed_at"), ("search_text",)),
        Index("by_id", ("kind", "id"), ()),
    ),
)
AUDIT = Table(
    name="audit",
    variable="AUDIT_TABLE",
    key=("inspection_id", "at"),
    indexes=(Index("by_day", ("day", "at")),),
)
TASK_TOKENS = Table(
    name="task-tokens", variable="TASK_TOKENS_TABLE", key=("inspection_id",), ttl_attribute="expires_at"
)
WAKE_TOKENS = Table(
    name="wake-tokens", variable="WAKE_TOKENS_TABLE", key=("inspection_id",), ttl_attribute="expires_at"
)
NAME_INDEX = Table(name="name-index", variable="NAME_INDEX_TABLE", key=("initials", "search_text"))
COMMAND_LOG = Table(
    name="command-log",
    variable="COMMAND_LOG_TABLE",
    key=("id",),
    indexes=(Index("open", ("open", "requested_at"), ()),),
)
METRICS = Table(name="metrics", variable="METRICS_TABLE", key=("series", "entry"))
CAMERAS = Table(
    name="cameras",
    variable="CAMERAS_TABLE",
    key=("series", "entry"),
    indexes=(Index("by_day", ("day", "observed_at")),),
    ttl_attribute="expires_at",
)

TABLES = (INSPECTIONS, AUDIT, TASK_TOKENS, WAKE_TOKENS, NAME_INDEX, METRICS, COMMAND_LOG, CAMERAS)
