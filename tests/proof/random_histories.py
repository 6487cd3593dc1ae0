"""One random history: uploads, reviewers, operators and faults, then a fault-free end and the final check."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.crafted import noisy_png, png_of_rows
from tests.proof.invariants import Invariants, ReviewerDecision, UploadedPhoto
from tests.proof.simulation import Simulation
from tests.unit.pipeline import FILED, INBOUND
from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.recovery import redrive
from workflow.recovery.consistency import check
from workflow.recovery.reconcile import reconcile
from workflow.review import decisions, revision

UNUSUAL_PHOTO = png_of_rows([b"\xff" * 64] * 64, 64, 64)  # White; the learned photos are grey.
PHOTO_KINDS = (
    *("ok", "ok", "defect", "unsure", "unsure", "unsure", "nothing", "stranger", "unusual"),
    *("text", "empty"),
)
KEYS = ("part.png", "part.png", "line 1/part.png", "ok/0123456789abcdef/part.png")
SERVICES = ("dynamodb", "s3", "stepfunctions", "rekognition", "sqs")
FAULT_PROBABILITIES = (0.0, 0.004, 0.02, 0.06, 0.15)
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryResult:
    """The counts and the log of one history."""

    seed: int
    uploads: int
    faults: int
    log: list[str]


class RandomHistory:
    """A simulation with reviewers, engineers and operators who act at random."""

    def __init__(self, seed: int, fault_probability: float | None = None) -> None:
        self.seed = seed
        self.simulation = Simulation(seed)
        self.rng = self.simulation.rng
        self.simulation.faults.fault_probability = (
            self.rng.choice(FAULT_PROBABILITIES) if fault_probability is None else fault_probability
        )
        self.invariants = Invariants(self.simulation)
        self.events: list[dict[str, object]] = []

    def run(self) -> HistoryResult:
        """Run the history. Raise InvariantViolation if an invariant does not hold."""
        with self.simulation.simulated_runtime():
            self._schedule_events()
            self.simulation.run_until(self.rng.choice((0.2, 1, 2)) * HOUR)
            self.settle()
        return HistoryResult(
            seed=self.seed,
            uploads=len(self.invariants.uploads),
            faults=sum(self.simulation.fault_counts.values()),
            log=self.simulation.log,
        )

    def settle(self) -> None:
        """Finish without faults: redeliver every message, decide, reconcile, and check the final state."""
        simulation = self.simulation
        self.disable_faults()
        for _ in range(4):
            self._run_until_idle()
            for event in self.events:
                simulation.intake.send(json.dumps(event))
            for queue, body in list(simulation.messages):
                if queue == "decisions":
                    simulation.decisions.send(body)
            self._run_until_idle()
        self._reconcile()
        self.invariants.check_final_state()

    def disable_faults(self) -> None:
        """Inject no more faults. Suspended workers still resume one after another."""
        simulation = self.simulation
        simulation.faults.disabled, simulation.faults.throttled_services = True, set()
        simulation.rekognition.running = simulation.rekognition.has_s3_access = True

    def _run_until_idle(self) -> None:
        simulation, parked = self.simulation, set[tuple[str, int]]()
        for _ in range(60):
            simulation.run_until(simulation.seconds + HOUR)
            open_uploads = [upload for upload in self.invariants.uploads if self._is_open(upload)]
            if not open_uploads and not simulation.scheduled and not simulation.step_functions.running():
                return
            self._reconcile()
            simulation.manage_capacity()
            simulation.run_until(simulation.seconds + MINUTE)
            self._decide_waiting_photos()
            missed = parked & (parked := self._list_parked())
            self.invariants.require(not missed, f"the model runs, and two runs woke none of {missed}")
        self.invariants.require(False, f"never idle: {[self.row(upload) for upload in open_uploads]}")

    def _decide_waiting_photos(self) -> None:
        """Decide every waiting photo. Without faults, each decision is applied within a minute."""
        waiting = {
            row.id: row.revision for row in self.simulation.inspections.list_by_state(InspectionState.WAITING)
        }
        for _ in waiting:
            self.review_photo("the last one")
            self.simulation.run_until(self.simulation.seconds + MINUTE)
        for inspection_id, revision_number in waiting.items():
            row = self.simulation.inspections.get(inspection_id)
            # A slow reviewer may have begun another revision meanwhile, or decided and undone the decision.
            # Then the photo is theirs until the lease ends, and is offered again in the next round.
            leased = row and row.decision is None and row.lease is not None
            applied = row and (row.settled or row.revision > revision_number or leased)
            self.invariants.require(applied, f"a decision was not delivered: {row}")

    def _list_parked(self) -> set[tuple[str, int]]:
        """Return the owners of photos that wait for the model, each with the number of its step."""
        owners = {row.owner for upload in self.invariants.uploads if (row := self.row(upload))}
        return {
            (execution.name, execution.step)
            for execution in self.simulation.step_functions.running()
            if execution.state == "Wait for the model" and execution.name in owners
        }

    def row(self, upload: UploadedPhoto) -> Inspection | None:
        """Return the row of an upload."""
        return self.simulation.inspections.get(upload.id)

    def _is_open(self, upload: UploadedPhoto) -> bool:
        row = self.simulation.inspections.get(upload.id)
        return row is None or row.state is not InspectionState.CLOSED

    def _reconcile(self) -> None:
        """Run the full check and repair of `partcheck reconcile`."""
        simulation = self.simulation
        report = check(simulation.inspections, simulation.objects, simulation.executions, INBOUND, FILED)
        reconcile(simulation.reconciler, report.issues)

    # Random events.

    def _schedule_events(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.simulation.schedule(self.rng.uniform(0, 120), self.upload)
        weighted_actions: list[tuple[float, Callable[[], None]]] = [
            (4, lambda: self.review_photo(self.rng.choice(("ann", "ben")))),
            (4, self.review_concurrently),
            (2, self.revise_verdict),
            (3, self.simulation.reconcile),
            (3, self.simulation.manage_capacity),
            (1, self.send_duplicate_event),
            (0.5, self.pause_model),
            (0.5, self.throttle_service),
            (0.4, self.stop_execution),
            (0.3, self.redrive_failed),
            (0.15, self.simulation.step_functions.lose_executions),
            (0.3, self.schedule_fault),
            (0.3, self.leave_object),
            (0.5, self.reconcile_everything),
        ]
        weights = [weight for weight, _ in weighted_actions]
        for _ in range(self.rng.randint(4, 24)):
            action = self.rng.choices([action for _, action in weighted_actions], weights)[0]
            self.simulation.schedule(self.rng.expovariate(1 / self.rng.choice((60, 900, 2400))), action)
        for minute in range(self.rng.choice((0, 5, 20))):
            self.simulation.schedule(60 * (minute + 1) * self.rng.choice((1, 3)), self.simulation.reconcile)

    def upload(self) -> None:
        """Upload a photo. Its event may be lost, late or duplicated, and may lack the version."""
        simulation, number = self.simulation, len(self.invariants.uploads)
        kind, key = self.rng.choice(PHOTO_KINDS), self.rng.choice(KEYS)
        photo = UNUSUAL_PHOTO if kind == "unusual" else noisy_png(str(number))
        content = photo + f"|{kind}|{number}".encode()
        if kind in ("text", "empty"):
            content = f"text {number}".encode() if kind == "text" or self._was_uploaded(b"") else b""
        stored = simulation.s3.put_object(INBOUND, key, content, in_parts=self.rng.random() < 0.2)
        image, uploaded_at = Image(INBOUND, key, stored["VersionId"]), timestamps.now()
        self.invariants.uploads.append(
            UploadedPhoto(image=image, content=content, kind=kind, uploaded_at=uploaded_at)
        )
        detail: dict[str, object] = {"key": key}
        if self.rng.random() < 0.7:
            detail["version-id"] = image.version_id
        self.events.append({"time": uploaded_at, "detail": {"bucket": {"name": INBOUND}, "object": detail}})
        if self.rng.random() < 0.92:
            simulation.intake.send(json.dumps(self.events[-1]))

    def _was_uploaded(self, content: bytes) -> bool:
        return any(upload.content == content for upload in self.invariants.uploads)

    def leave_object(self) -> None:
        """Put an object into the filed bucket that no row names."""
        simulation, number = self.simulation, len(self.invariants.uploads)
        content = noisy_png(str(number)) + f"|unsure|{number}".encode()
        key = self.rng.choice(("part.png", f"ok/{number:016x}/part.png", f"unclear/{number:016x}/part.png"))
        if simulation.s3.find(FILED, key, None) is None:
            stored = simulation.s3.put_object(FILED, key, content)
            image = Image(FILED, key, stored["VersionId"])
            self.invariants.uploads.append(
                UploadedPhoto(image=image, content=content, kind="unsure", uploaded_at=timestamps.now())
            )

    def reconcile_everything(self) -> None:
        """Run `partcheck reconcile` while everything else happens."""
        self.simulation.run_worker("partcheck reconcile", self._reconcile, lambda *_: None)

    def send_duplicate_event(self) -> None:
        """Send the event of an earlier upload again."""
        if self.events:
            self.simulation.intake.send(json.dumps(self.rng.choice(self.events)))

    def review_photo(self, reviewer: str) -> None:
        """Let a reviewer list the waiting photos, decide one, and sometimes undo the decision."""
        simulation, without_faults = self.simulation, self.simulation.faults.disabled
        decision_ids: list[str] = []

        def decide() -> None:
            waiting = [
                row
                for row in simulation.inspections.list_by_state(InspectionState.WAITING)
                if row.decision is None
            ]
            if not waiting:
                return
            row, verdict = self.rng.choice(waiting), self.rng.choice((Verdict.OK, Verdict.DEFECT))
            decision_ids.append(str(uuid.uuid4()))
            self.invariants.decisions[decision_ids[0]] = ReviewerDecision(row.id, verdict, "")
            self.pause_reviewer()
            undo_seconds = 0 if without_faults else self.rng.choice((0, 8, 60))
            decisions.decide(
                *(simulation.inspections, simulation.decisions, row.id, verdict, reviewer, "looked"),
                decision_id=decision_ids[0],
                undo_seconds=undo_seconds,
            )

        def record_outcome(_result: None, error: str) -> None:
            if decision_ids and not error:
                self.invariants.decisions[decision_ids[0]].outcome = "saved"
                if not without_faults and self.rng.random() < 0.4:
                    simulation.schedule(
                        self.rng.choice((0.1, 7.9, 8.1, 30)),
                        lambda: self.undo_decision(decision_ids[0], reviewer),
                    )

        simulation.run_worker(f"{reviewer} decides", decide, record_outcome)

    def undo_decision(self, decision_id: str, reviewer: str) -> None:
        """Let a reviewer undo a decision: in time, at the last moment, or too late."""
        decision, simulation = self.invariants.decisions[decision_id], self.simulation
        decision.outcome = ""

        def record_outcome(_result: None, error: str) -> None:
            if not error:
                decision.outcome = "undone"
            elif error == "Conflict" and not decision.outcome:
                decision.outcome = "saved"

        def undo() -> None:
            decisions.undo(simulation.inspections, decision.inspection_id, decision_id, reviewer)

        simulation.run_worker(f"{reviewer} undoes", undo, record_outcome)

    def revise_verdict(self) -> None:
        """Let an engineer override a verdict, or have the photo reinspected."""
        simulation = self.simulation
        decision_ids: list[str] = []

        def revise() -> None:
            closed = [
                row
                for row in simulation.inspections.list_by_state(InspectionState.CLOSED)
                if not row.withdrawn
            ]
            if not closed:
                return
            row = self.rng.choice(closed)
            self.pause_reviewer()
            adapters = (simulation.inspections, simulation.decisions)
            if row.verdict is Verdict.REJECTED or self.rng.random() < 0.4:
                revision.reinspect(*adapters, row.id, "eva", "the light was bad")
                return
            verdict = Verdict.DEFECT if row.verdict is Verdict.OK else Verdict.OK
            decision_ids.append(str(uuid.uuid4()))
            self.invariants.decisions[decision_ids[0]] = ReviewerDecision(row.id, verdict, "")
            revision.override(*adapters, row.id, verdict, "eva", "a complaint", decision_id=decision_ids[0])

        def record_outcome(_result: None, error: str) -> None:
            if decision_ids and not error:
                self.invariants.decisions[decision_ids[0]].outcome = "saved"

        simulation.run_worker("eva revises", revise, record_outcome)

    def pause_reviewer(self) -> None:
        """Suspend a reviewer between reading and acting."""
        if not self.simulation.faults.disabled:
            self.simulation.faults.suspend(self.rng.choice((0.1, 5, 60)))

    def review_concurrently(self) -> None:
        """Let two reviewers act on the same list at the same time."""
        self.review_photo("ann")
        self.review_photo("ben")

    def pause_model(self) -> None:
        """Stop the model for some time."""
        model = self.simulation.rekognition
        model.running = False

        def resume() -> None:
            model.running = True

        self.simulation.schedule(self.rng.choice((30, 600, 9000)), resume)

    def throttle_service(self) -> None:
        """Throttle most calls of one service for some time."""
        service, faults = self.rng.choice(SERVICES), self.simulation.faults
        faults.throttled_services.add(service)
        self.simulation.schedule(
            self.rng.choice((5, 60, 600)), lambda: faults.throttled_services.discard(service)
        )

    def stop_execution(self) -> None:
        """Stop one running execution."""
        running = self.simulation.step_functions.running()
        if running:
            self.simulation.step_functions.stop_execution(self.rng.choice(running).name)

    def redrive_failed(self) -> None:
        """Redrive all failed inspections."""
        simulation = self.simulation

        def run() -> int:
            rows = redrive.find_failed(simulation.inspections, simulation.executions)
            ids = [row.id for row in rows]
            return len(
                list(
                    redrive.redrive_all(simulation.reconciler, simulation.executions, ids, 5, lambda _: None)
                )
            )

        simulation.run_worker("redrive", run, lambda *_: None)

    def schedule_fault(self) -> None:
        """Schedule exactly one fault, some calls from now."""
        self.simulation.faults.calls_until_fault = self.rng.randint(1, 60)
