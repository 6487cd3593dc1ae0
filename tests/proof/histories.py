"""One random history of a line: uploads, people, operators, misfortunes, then peace, then the reckoning."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.crafted import png
from tests.proof.promises import Promises, Said, Upload
from tests.proof.world import World
from tests.unit.line import FILED, INBOUND
from workflow import timestamps
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.recovery import redrive
from workflow.recovery.consistency import audit
from workflow.recovery.reconcile import reconcile
from workflow.review import decisions, revision

PHOTO = png()
KINDS = ("ok", "ok", "defect", "unsure", "unsure", "unsure", "nothing", "stranger", "text", "empty")
KEYS = ("part.png", "part.png", "line 1/part.png", "ok/0123456789abcdef/part.png")
SERVICES = ("dynamodb", "s3", "stepfunctions", "rekognition", "sqs")
CHANCES = (0.0, 0.004, 0.02, 0.06, 0.15)
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one history."""

    seed: int
    uploads: int
    misfortunes: int
    log: list[str]


class History:
    """A world with people in it."""

    def __init__(self, seed: int, chance: float | None = None) -> None:
        self.seed = seed
        self.world = World(seed)
        self.rng = self.world.rng
        self.world.fate.chance = self.rng.choice(CHANCES) if chance is None else chance
        self.promises = Promises(self.world)
        self.events: list[dict[str, object]] = []

    def live(self) -> Told:
        """Live through it; Violation if a promise is broken."""
        with self.world.at_its_own_time():
            self._plan()
            self.world.run(self.rng.choice((0.2, 1, 2)) * HOUR)
            self.settle()
        misfortunes = sum(self.world.happened.values())
        return Told(self.seed, len(self.promises.uploads), misfortunes, self.world.log)

    def settle(self) -> None:
        """Peace: whatever sleeps wakes, everything is delivered once more, people and clock work."""
        world = self.world
        self.peace()
        for _ in range(4):
            self._work_until_quiet()
            for event in self.events:
                world.intake.send(json.dumps(event))
            for queue, body in list(world.messages):
                if queue == "decisions":
                    world.decisions.send(body)
            self._work_until_quiet()
        self._tidy()
        self.promises.at_rest()

    def peace(self) -> None:
        """No misfortune any more; those that sleep wake up one after the other."""
        world = self.world
        world.fate.calm, world.fate.storms = True, set()
        world.rekognition.running = world.rekognition.rights = True

    def _work_until_quiet(self) -> None:
        world = self.world
        for _ in range(60):
            world.run(world.seconds + HOUR)
            open_ = [upload for upload in self.promises.uploads if self._is_open(upload)]
            if not open_ and not world.agenda and not world.step_functions.running():
                return
            self._tidy()
            world.run(world.seconds + MINUTE)
            self._decide_what_waits()
        self.promises.require(False, f"never at rest: {[self.row(one) for one in open_]}")

    def _decide_what_waits(self) -> None:
        """In peace a decision moves its photo within a minute, whatever happened before."""
        asked = {row.id: row.revision for row in self.world.ledger.in_state(State.WAITING)}
        for _ in asked:
            self.look_and_decide("the last one")
            self.world.run(self.world.seconds + MINUTE)
        for inspection, revision_ in asked.items():
            row = self.world.ledger.get(inspection)
            # Somebody who thought long may have begun another revision meanwhile, or decided and taken it
            # back: then the photo is theirs until the lease ends, and asked about again in the next round.
            theirs = row and row.decision is None and row.lease is not None
            done = row and (row.settled or row.revision > revision_ or theirs)
            self.promises.require(done, f"a decision was not delivered: {row}")

    def row(self, upload: Upload) -> object:
        return self.world.ledger.get(upload.id)

    def _is_open(self, upload: Upload) -> bool:
        row = self.world.ledger.get(upload.id)
        return row is None or row.state is not State.CLOSED

    def _tidy(self) -> None:
        """`partcheck reconcile`: it compares everything with everything, and mends it."""
        world = self.world
        report = audit(world.ledger, world.shelf, world.executions, INBOUND, FILED)
        reconcile(world.mender, report.findings)

    # What may happen.

    def _plan(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.world.after(self.rng.uniform(0, 120), self.upload)
        some: list[tuple[float, Callable[[], None]]] = [
            (4, lambda: self.look_and_decide(self.rng.choice(("ann", "ben")))),
            (4, self.both_at_once),
            (2, self.revise),
            (3, self.world.reconcile),
            (1, self.doubled_event),
            (0.5, self.model_pauses),
            (0.5, self.storm),
            (0.4, self.stop_an_execution),
            (0.3, self.redrive_what_failed),
            (0.15, self.world.step_functions.forget),
            (0.3, self.doom),
        ]
        weights = [weight for weight, _ in some]
        for _ in range(self.rng.randint(4, 24)):
            act = self.rng.choices([act for _, act in some], weights)[0]
            self.world.after(self.rng.expovariate(1 / self.rng.choice((60, 900, 2400))), act)
        for minute in range(self.rng.choice((0, 5, 20))):
            self.world.after(60 * (minute + 1) * self.rng.choice((1, 3)), self.world.reconcile)

    def upload(self) -> None:
        """A photo arrives; its event may get lost, late, or come twice, and may name no version."""
        world, number = self.world, len(self.promises.uploads)
        kind, key = self.rng.choice(KINDS), self.rng.choice(KEYS)
        content = PHOTO + f"|{kind}|{number}".encode()
        if kind in ("text", "empty"):
            content = f"text {number}".encode() if kind == "text" or self._is_there(b"") else b""
        stored = world.s3.put_object(INBOUND, key, content, in_parts=self.rng.random() < 0.2)
        image, at = Image(INBOUND, key, stored["VersionId"]), timestamps.now()
        self.promises.uploads.append(Upload(image, content, kind, at))
        detail: dict[str, object] = {"key": key}
        if self.rng.random() < 0.7:
            detail["version-id"] = image.version_id
        self.events.append({"time": at, "detail": {"bucket": {"name": INBOUND}, "object": detail}})
        if self.rng.random() < 0.92:
            world.intake.send(json.dumps(self.events[-1]))

    def _is_there(self, content: bytes) -> bool:
        return any(upload.content == content for upload in self.promises.uploads)

    def doubled_event(self) -> None:
        if self.events:
            self.world.intake.send(json.dumps(self.rng.choice(self.events)))

    def look_and_decide(self, who: str) -> None:
        """A person opens the list, takes a photo, says what it is, and sometimes takes it back."""
        world, calm = self.world, self.world.fate.calm
        said: list[str] = []

        def look() -> None:
            waiting = [row for row in world.ledger.in_state(State.WAITING) if row.decision is None]
            if not waiting:
                return
            row, verdict = self.rng.choice(waiting), self.rng.choice((Verdict.OK, Verdict.DEFECT))
            said.append(str(uuid.uuid4()))
            self.promises.said[said[0]] = Said(row.id, verdict, "")
            self.think()
            window = 0 if calm else self.rng.choice((0, 8, 60))
            decisions.decide(
                *(world.ledger, world.decisions, row.id, verdict, who, "looked"),
                decision_id=said[0],
                undo_seconds=window,
            )

        def told(_answer: None, error: str) -> None:
            if said and not error:
                self.promises.said[said[0]].told = "saved"
                if not calm and self.rng.random() < 0.4:
                    world.after(self.rng.choice((0.1, 7.9, 8.1, 30)), lambda: self.take_back(said[0], who))

        world.work(f"{who} decides", look, told)

    def take_back(self, decision: str, who: str) -> None:
        """A person changes his mind: in time, at the last moment, or too late."""
        said, world = self.promises.said[decision], self.world
        said.told = ""

        def told(_answer: None, error: str) -> None:
            if not error:
                said.told = "taken back"
            elif error == "Conflict" and not said.told:
                said.told = "saved"

        def undo() -> None:
            decisions.undo(world.ledger, said.inspection_id, decision, who)

        world.work(f"{who} takes back", undo, told)

    def revise(self) -> None:
        """An engineer overrules a verdict, or lets the model look again."""
        world = self.world
        said: list[str] = []

        def job() -> None:
            closed = [row for row in world.ledger.in_state(State.CLOSED) if not row.withdrawn]
            if not closed:
                return
            row = self.rng.choice(closed)
            self.think()
            if row.verdict is Verdict.REJECTED or self.rng.random() < 0.4:
                revision.inspect_again(world.ledger, world.decisions, row.id, "eva", "the light was bad")
                return
            verdict = Verdict.DEFECT if row.verdict is Verdict.OK else Verdict.OK
            said.append(str(uuid.uuid4()))
            self.promises.said[said[0]] = Said(row.id, verdict, "")
            ports = (world.ledger, world.decisions)
            revision.correct(*ports, row.id, verdict, "eva", "a complaint", decision_id=said[0])

        def told(_answer: None, error: str) -> None:
            if said and not error:
                self.promises.said[said[0]].told = "saved"

        world.work("eva revises", job, told)

    def think(self) -> None:
        """People take their time between what they see and what they do."""
        if not self.world.fate.calm:
            self.world.fate.rest(self.rng.choice((0.1, 5, 60)))

    def both_at_once(self) -> None:
        """Two people sit before the same list."""
        self.look_and_decide("ann")
        self.look_and_decide("ben")

    def model_pauses(self) -> None:
        model = self.world.rekognition
        model.running = False

        def back() -> None:
            model.running = True

        self.world.after(self.rng.choice((30, 600, 9000)), back)

    def storm(self) -> None:
        """One service has no room for anybody for a while."""
        service, fate = self.rng.choice(SERVICES), self.world.fate
        fate.storms.add(service)
        self.world.after(self.rng.choice((5, 60, 600)), lambda: fate.storms.discard(service))

    def stop_an_execution(self) -> None:
        running = self.world.step_functions.running()
        if running:
            self.world.step_functions.stop_execution(self.rng.choice(running).name)

    def redrive_what_failed(self) -> None:
        world = self.world

        def job() -> int:
            rows = redrive.failed(world.ledger, world.executions)
            ids = [row.id for row in rows]
            return len(list(redrive.redrive_all(world.mender, world.executions, ids, 5, lambda _: None)))

        world.work("redrive", job, lambda *_: None)

    def doom(self) -> None:
        """Exactly one misfortune, some calls from now."""
        self.world.fate.doom = self.rng.randint(1, 60)
