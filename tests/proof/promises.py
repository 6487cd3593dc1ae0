"""The invariants: what must be true at every instant, and what must be true when all has come to rest."""

import hashlib
import json
from dataclasses import dataclass, field

from tests.proof.world import Violation, World
from tests.unit.line import FILED, INBOUND
from workflow.inspections.inspection import Inspection, Outcome, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery.consistency import audit

TOKEN = "TOKEN<"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded version: its bytes, and what the line must make of it."""

    image: Image
    content: bytes
    kind: str
    at: str

    @property
    def id(self) -> str:
        return inspection_id(self.image)


@dataclass
class Said:
    """A decision, and what its person was told of it: saved, taken back, or nothing that can be relied on."""

    inspection_id: str
    verdict: Verdict
    told: str


@dataclass
class Promises:
    """What was promised so far in one world."""

    world: World
    uploads: list[Upload] = field(default_factory=list)
    said: dict[str, Said] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.watch = self.at_every_instant

    def require(self, truth: object, what: str) -> None:
        if not truth:
            raise Violation(what)

    # At every instant.

    def at_every_instant(self) -> None:
        alive: dict[bytes, list[tuple[str, str, str]]] = {}
        places: set[tuple[str, str]] = set()
        for version in self.world.s3.contents():
            alive.setdefault(version.content or b"", []).append((version.bucket, version.key, version.id))
            if version.bucket == FILED:
                self.require((FILED, version.key) not in places, f"{version.key} was overwritten")
                places.add((FILED, version.key))
        items = self.world.dynamodb.tables["ledger"].items
        for upload in self.uploads:
            where = alive.get(upload.content)
            self.require(where, f"the bytes of {upload.image.key} are lost")
            item = items.get((upload.id,))
            if item is not None:
                told = {name: value["S"] for name, value in item["location"]["M"].items()}
                place = (told["bucket"], told["key"], told["version_id"])
                self.require(place in (where or ()), f"the ledger points at nothing for {upload.image.key}")

    # At rest.

    def at_rest(self) -> None:
        rows = {upload.id: self.world.ledger.get(upload.id) for upload in self.uploads}
        for upload in self.uploads:
            row = rows[upload.id]
            self.require(row is not None, f"{upload.image.key} has no row")
            if row is not None:
                self._one(upload, row)
        self._books()
        self._secrets()

    def _one(self, upload: Upload, row: Inspection) -> None:
        self.require(row.state is State.CLOSED and row.settled, f"{upload.image.key} is {row.state}: {row}")
        self.require(row.verdict in self._expected(upload, row), f"{upload.kind} became {row.verdict}")
        found = self.world.s3.find(row.location.bucket, row.location.key, row.location.version_id)
        self.require(
            found and hashlib.sha256(found.content or b"").hexdigest() == row.sha256
            and found.content == upload.content,
            f"{upload.image.key} is not what was uploaded",
        )  # fmt: skip
        copies = [one for one in self.world.s3.contents() if one.content == upload.content]
        self.require(len(copies) == 1, f"{upload.image.key} lies in {len(copies)} places")
        self._announcements(row)
        self._decisions(row)

    def _expected(self, upload: Upload, row: Inspection) -> set[Verdict]:
        if row.decision is not None:
            return {row.decision.verdict}
        if upload.kind in ("text", "empty"):
            return {Verdict.REJECTED}
        sure = upload.kind in ("ok", "defect") and row.prediction and not row.prediction.note
        return {Verdict(upload.kind)} if sure else set()

    def _announcements(self, row: Inspection) -> None:
        """Each revision in one wording; the last one as the ledger has it; those before as they ended."""
        told: dict[str, set[str]] = {}
        for body in self.world.announced:
            content = json.loads(body)
            if content["inspection_id"] == row.id:
                told.setdefault(content["announcement_id"], set()).add(body)
        name = row.image.key
        wanted = {f"{row.id}-{revision}" for revision in range(1, row.revision + 1)}
        self.require(told.keys() == wanted, f"{name}: announced {sorted(told)}")
        self.require(all(len(bodies) == 1 for bodies in told.values()), f"{name}: announced in other words")
        self.require(
            told[f"{row.id}-{row.revision}"] == {row.announcement}, f"{name}: not what was announced"
        )
        ended = {f"{row.id}-{one.revision}": one for one in (*row.earlier, _last(row))}
        for announcement, (body,) in told.items():
            content, end = json.loads(body), ended[announcement]
            self.require(content["verdict"] == end.verdict, f"{name}: announced another verdict")
            by = content["review"]["decision_id"] if content["review"] else None
            self.require(by == (end.decision.id if end.decision else None), f"{name}: announced {by}")

    def _decisions(self, row: Inspection) -> None:
        """What people were told holds, and every decision is audited once."""
        name, made = row.image.key, [one.decision for one in (*row.earlier, _last(row)) if one.decision]
        standing = {decision.id: decision.verdict for decision in made}
        for decision, said in self.said.items():
            if said.inspection_id != row.id:
                continue
            if said.told == "saved":
                self.require(standing.get(decision) is said.verdict, f"{name}: a saved decision is gone")
            elif said.told == "taken back":
                self.require(decision not in standing, f"{name}: a decision that was taken back was used")
        entries = self.world.ledger.audit_trail(row.id)
        by = {
            action: [one.decision_id for one in entries if one.action == action]
            for action in ("decide", "correct", "undo")
        }
        for action, ids in by.items():
            self.require(len(ids) == len(set(ids)), f"{name}: {action} was audited twice")
        audited = (set(by["decide"]) | set(by["correct"])) - set(by["undo"])
        self.require(audited == standing.keys(), f"{name}: audited {audited}, standing {standing}")
        self.require(set(by["undo"]) == set(row.undone), f"{name}: undone {row.undone}")

    def _books(self) -> None:
        world = self.world
        report = audit(world.ledger, world.shelf, world.executions, INBOUND, FILED)
        self.require(report.clean, f"the books do not balance: {report}")
        self.require(report.balance.uploads == len(self.uploads), f"{report.balance}")

    def _secrets(self) -> None:
        tables = self.world.dynamodb.tables
        texts = [*self.world.announced, repr(tables["ledger"].items), repr(tables["audit"].items)]
        texts += [body for _, body in self.world.messages]
        texts += [one.input for one in self.world.step_functions.executions.values()]
        texts += [json.dumps(one.document) for one in self.world.step_functions.executions.values()]
        self.require(not any(TOKEN in text for text in texts), "a task token is where anybody can read it")


def _last(row: Inspection) -> Outcome:
    """The present revision as an outcome."""
    verdict = row.verdict or Verdict.UNCLEAR
    return Outcome(row.revision, verdict, row.settled_at, row.owner, row.prediction, row.decision)
