"""The line's tables as data, with their keys and indexes: what infra/ and local/ create, and nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """A view of a table under another key; sparse, since items without both attributes are not in it.

    `keys_only` leaves all other attributes out: a list of what to look up in the table.
    """

    name: str
    key: tuple[str, ...]
    keys_only: bool = False


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


LEDGER = Table(
    "ledger",
    "LEDGER_TABLE",
    ("id",),
    tuple(Index(f"by_{attribute}", (attribute, "claimed_at")) for attribute in ("state", "day", "name")),
)
AUDIT = Table("audit", "AUDIT_TABLE", ("inspection_id", "at"))
TOKENS = Table("tokens", "TOKEN_TABLE", ("inspection_id",), expires="expires_at")

TABLES = (LEDGER, AUDIT, TOKENS)
