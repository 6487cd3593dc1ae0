"""The line's tables as data, with their keys and indexes: what infra/ and local/ create, and nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """A view of a table under another key; sparse, since items without both attributes are not in it.

    `holds` names the attributes that the view repeats besides all keys; None is everything.
    """

    name: str
    key: tuple[str, ...]
    holds: tuple[str, ...] | None = None

    @property
    def projection(self) -> str:
        """The kind of view, as DynamoDB names it."""
        if self.holds is None:
            return "ALL"
        return "INCLUDE" if self.others else "KEYS_ONLY"

    @property
    def others(self) -> tuple[str, ...]:
        """What it repeats besides all keys and is none of its own."""
        return tuple(attribute for attribute in self.holds or () if attribute not in self.key)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what settings call it, the partition key with the sort key, its indexes.

    Every key attribute is text. A deployment chooses the real name; `variable` is the setting that tells it
    to functions and apps. `expires` names the attribute that says, in seconds since 1970, from when on an
    item may be forgotten.
    """

    name: str
    variable: str
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    expires: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute that some key needs, in the order of the alphabet."""
        keys = (self.key, *(index.key for index in self.indexes))
        return tuple(sorted({attribute for key in keys for attribute in key}))


_FACTS = ("state", "text", "filed_as", "decided_by", "model", "policy_version")
# What a list of photos that persons work on tells of each.
_REVIEW_FACTS = ("review", "lease", "hold", "skipped", "decision", "second")

LEDGER = Table(
    "ledger",
    "LEDGER_TABLE",
    ("id",),
    (
        *(Index(f"by_{attribute}", (attribute, "claimed_at")) for attribute in ("state", "day", "name")),
        Index("by_verdict", ("filed_as", "claimed_at"), _FACTS),
        Index("by_decider", ("decided_by", "claimed_at"), _FACTS),
        Index("by_model", ("model", "claimed_at"), _FACTS),
        Index("by_policy", ("policy_version", "claimed_at"), _FACTS),
        Index("by_pile", ("pile", "rank"), _REVIEW_FACTS),
        Index("unkept", ("unkept", "claimed_at"), ("text",)),
    ),
)
AUDIT = Table("audit", "AUDIT_TABLE", ("inspection_id", "at"), (Index("by_day", ("day", "at")),))
TOKENS = Table("tokens", "TOKEN_TABLE", ("inspection_id",), expires="expires_at")
NAMES = Table("names", "NAMES_TABLE", ("beginning", "text"))
COMMANDS = Table("command-log", "COMMAND_TABLE", ("id",), (Index("open", ("open", "asked_at"), ()),))
FIGURES = Table("figures", "FIGURES_TABLE", ("book", "page"))

TABLES = (LEDGER, AUDIT, TOKENS, NAMES, FIGURES, COMMANDS)
