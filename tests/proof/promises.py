"""The invariants: what must be true at every instant, and what must be true when all has come to rest."""

import hashlib
import json
from dataclasses import dataclass, field

from tests.proof.world import Violation, World
from tests.unit.line import FILED, INBOUND
from workflow.audit import audit
from workflow.images import Image, inspection_id
from workflow.inspection import Decision, Inspection, State
from workflow.verdict import Verdict

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
class Promises:
    """What was promised so far in one world."""

    world: World
    uploads: list[Upload] = field(default_factory=list)
    told: dict[str, Decision] = field(default_factory=dict)

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
        self._decision(row)

    def _expected(self, upload: Upload, row: Inspection) -> set[Verdict]:
        if upload.kind in ("ok", "defect") and row.prediction and not row.prediction.note:
            return {Verdict(upload.kind)}
        if upload.kind in ("text", "empty"):
            return {Verdict.REJECTED}
        return {row.decision.verdict} if row.decision else set()

    def _announcements(self, row: Inspection) -> None:
        told = {body for body in self.world.announced if json.loads(body)["inspection_id"] == row.id}
        self.require(told == {row.announcement}, f"{row.image.key}: {len(told)} different announcements")
        self.require(json.loads(row.announcement)["verdict"] == row.verdict, "announced another verdict")

    def _decision(self, row: Inspection) -> None:
        trail = self.world.ledger.audit_trail(row.id)
        entries = [one.decision_id for one in trail if one.action == "decide"]
        self.require(entries == ([row.decision.id] if row.decision else []), f"audited {entries}")
        told = self.told.get(row.id)
        if told is not None:
            self.require(row.decision is not None, f"{row.image.key}: a saved decision is gone")
            self.require(row.decision and row.decision.id == told.id, f"{row.image.key}: another decision")
            self.require(row.verdict is told.verdict, f"{row.image.key}: a saved decision was overruled")

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
