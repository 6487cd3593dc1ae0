"""The invariants: conditions that hold after every write, and conditions that hold in the final state."""

import hashlib
import json
from dataclasses import dataclass, field

from tests.proof.simulation import InvariantViolation, Simulation
from tests.unit.pipeline import FILED, INBOUND
from workflow.inspections.inspection import Inspection, InspectionState, PreviousRevision
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery.consistency import check
from workflow.tables import AUDIT, INSPECTIONS

TOKEN_PREFIX = "TOKEN<"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedPhoto:
    """One uploaded version: its bytes, its kind (the last part of its content) and the upload time."""

    image: Image
    content: bytes
    kind: str
    uploaded_at: str

    @property
    def id(self) -> str:
        """Return the inspection id."""
        return inspection_id(self.image)


@dataclass
class ReviewerDecision:
    """A decision and the outcome that its reviewer saw: "saved", "undone", or "" for an unknown outcome."""

    inspection_id: str
    verdict: Verdict
    outcome: str


@dataclass
class Invariants:
    """The invariants of one simulation, with the uploads and decisions that they are about."""

    simulation: Simulation
    uploads: list[UploadedPhoto] = field(default_factory=list)
    decisions: dict[str, ReviewerDecision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulation.on_write = self.check_after_write

    def require(self, holds: object, message: str) -> None:
        """Raise InvariantViolation with this message unless the condition holds."""
        if not holds:
            raise InvariantViolation(message)

    # After every write.

    def check_after_write(self) -> None:
        """Check that no bytes are lost or overwritten, and that every row points at its photo."""
        locations: dict[bytes, list[tuple[str, str, str]]] = {}
        filed: set[tuple[str, str]] = set()
        for version in self.simulation.s3.contents():
            locations.setdefault(version.content or b"", []).append((version.bucket, version.key, version.id))
            if version.bucket == FILED:
                self.require((FILED, version.key) not in filed, f"{version.key} was overwritten")
                filed.add((FILED, version.key))
        items = self.simulation.dynamodb.tables[INSPECTIONS.name].items
        for upload in self.uploads:
            copies = locations.get(upload.content)
            self.require(copies, f"the bytes of {upload.image.key} are lost")
            item = items.get((upload.id,))
            if item is not None:
                stored = {name: value["S"] for name, value in item["location"]["M"].items()}
                location = (stored["bucket"], stored["key"], stored["version_id"])
                self.require(location in (copies or ()), f"the row of {upload.image.key} points at nothing")

    # In the final state.

    def check_final_state(self) -> None:
        """Check every upload, the consistency report, and that no task token is visible."""
        rows = {upload.id: self.simulation.inspections.get(upload.id) for upload in self.uploads}
        for upload in self.uploads:
            row = rows[upload.id]
            self.require(row is not None, f"{upload.image.key} has no row")
            if row is not None:
                self._check_upload(upload, row)
        self._check_consistency()
        self._check_tokens_are_hidden()

    def _check_upload(self, upload: UploadedPhoto, row: Inspection) -> None:
        self.require(
            row.state is InspectionState.CLOSED and row.settled, f"{upload.image.key} is {row.state}: {row}"
        )
        self.require(
            row.verdict in self._expected_verdicts(upload, row), f"{upload.kind} became {row.verdict}"
        )
        version = self.simulation.s3.find(row.location.bucket, row.location.key, row.location.version_id)
        self.require(
            version and hashlib.sha256(version.content or b"").hexdigest() == row.sha256
            and version.content == upload.content,
            f"{upload.image.key} differs from its upload",
        )  # fmt: skip
        copies = [version for version in self.simulation.s3.contents() if version.content == upload.content]
        self.require(len(copies) == 1, f"{upload.image.key} has {len(copies)} copies")
        self._check_announcements(row)
        self._check_decisions(row)

    def _expected_verdicts(self, upload: UploadedPhoto, row: Inspection) -> set[Verdict]:
        if row.decision is not None:
            return {row.decision.verdict}
        if upload.kind in ("text", "empty"):
            return {Verdict.REJECTED}
        confident = upload.kind in ("ok", "defect") and row.prediction and not row.prediction.note
        return {Verdict(upload.kind)} if confident else set()

    def _check_announcements(self, row: Inspection) -> None:
        """Check that each revision has one announcement body, which matches its row and its verdict."""
        announced: dict[str, set[str]] = {}
        for body in self.simulation.announcements:
            content = json.loads(body)
            if content["inspection_id"] == row.id:
                announced.setdefault(content["announcement_id"], set()).add(body)
        name = row.image.key
        expected = {f"{row.id}-{revision}" for revision in range(1, row.revision + 1)}
        self.require(announced.keys() == expected, f"{name}: announced {sorted(announced)}")
        self.require(
            all(len(bodies) == 1 for bodies in announced.values()), f"{name}: announced with different bodies"
        )
        self.require(
            announced[f"{row.id}-{row.revision}"] == {row.announcement}, f"{name}: announced another body"
        )
        revisions = {
            f"{row.id}-{revision.revision}": revision
            for revision in (*row.previous_revisions, _current_revision(row))
        }
        for announcement, (body,) in announced.items():
            content, revision = json.loads(body), revisions[announcement]
            self.require(content["verdict"] == revision.verdict, f"{name}: announced another verdict")
            decision_id = content["review"]["decision_id"] if content["review"] else None
            self.require(
                decision_id == (revision.decision.id if revision.decision else None),
                f"{name}: announced decision {decision_id}",
            )

    def _check_decisions(self, row: Inspection) -> None:
        """Check that the outcomes that reviewers saw hold, and that each decision is audited once."""
        name = row.image.key
        standing = {
            revision.decision.id: revision.decision.verdict
            for revision in (*row.previous_revisions, _current_revision(row))
            if revision.decision
        }
        for decision_id, decision in self.decisions.items():
            if decision.inspection_id != row.id:
                continue
            if decision.outcome == "saved":
                self.require(
                    standing.get(decision_id) is decision.verdict, f"{name}: a saved decision is gone"
                )
            elif decision.outcome == "undone":
                self.require(decision_id not in standing, f"{name}: an undone decision was used")
        entries = self.simulation.inspections.get_audit_trail(row.id)
        ids_by_action = {
            action: [entry.decision_id for entry in entries if entry.action == action]
            for action in ("decide", "override", "undo")
        }
        for action, ids in ids_by_action.items():
            self.require(len(ids) == len(set(ids)), f"{name}: {action} was audited twice")
        undone = set(ids_by_action["undo"])
        audited = (set(ids_by_action["decide"]) | set(ids_by_action["override"])) - undone
        self.require(audited == standing.keys(), f"{name}: audited {audited}, standing {standing}")
        self.require(undone == set(row.undone_ids), f"{name}: undone {row.undone_ids}")

    def _check_consistency(self) -> None:
        simulation = self.simulation
        report = check(simulation.inspections, simulation.objects, simulation.executions, INBOUND, FILED)
        self.require(report.is_clean, f"the consistency check found issues: {report}")
        self.require(report.balance.uploads == len(self.uploads), f"{report.balance}")

    def _check_tokens_are_hidden(self) -> None:
        tables = self.simulation.dynamodb.tables
        executions = self.simulation.step_functions.executions.values()
        texts = [
            *self.simulation.announcements,
            repr(tables[INSPECTIONS.name].items),
            repr(tables[AUDIT.name].items),
        ]
        texts += [body for _, body in self.simulation.messages]
        texts += [execution.input for execution in executions]
        texts += [json.dumps(execution.document) for execution in executions]
        self.require(not any(TOKEN_PREFIX in text for text in texts), "a task token is visible")


def _current_revision(row: Inspection) -> PreviousRevision:
    """Return the current revision in the form of a previous one."""
    verdict = row.verdict or Verdict.UNCLEAR
    return PreviousRevision(
        revision=row.revision,
        verdict=verdict,
        settled_at=row.settled_at,
        execution=row.owner,
        prediction=row.prediction,
        decision=row.decision,
    )
