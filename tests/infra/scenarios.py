"""Scenarios of photos, one for each use of a permission, in which every function runs."""

import json
from collections.abc import Mapping
from typing import Any

from lambdas import catalog
from tests.crafted import noisy_png
from tests.infra.fake_services import MODEL
from tests.infra.in_memory_account import NO_ROLE, InMemoryStage
from tests.recorder import Recorder
from tests.references import learned_reference
from tests.unit.custom_labels.in_memory_service import build_small_model
from tests.unit.lambdas.test_triggered_functions import batch, uploaded
from workflow import state_machine_definition
from workflow.aws.cameras import DynamoCameraRepository
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.model_references import S3ReferenceRepository
from workflow.aws.own_models import S3OwnModels, describe_training
from workflow.aws.queues import SqsMessageQueue
from workflow.cameras.camera import MasterPart
from workflow.cameras.masters import add_master
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.models import capacity_policy
from workflow.pipeline.executions import execution_input
from workflow.review import decisions, revision


class Scenarios:
    """The scenarios, on one in-memory stage."""

    def __init__(self, stage: InMemoryStage) -> None:
        self.stage = stage
        variable = stage.variable
        self.inbound = variable(catalog.RECONCILE, "INBOUND_BUCKET")
        self.filed = variable(catalog.RECONCILE, "FILED_BUCKET")
        self.token = f"{stage.executions.arn}|a token"
        self.parks, self.prefix = False, ""
        self.decisions = SqsMessageQueue(variable(catalog.ASK_REVIEWER, "DECISION_QUEUE_URL"))
        self.inspections = DynamoInspectionRepository(
            variable(catalog.PROCESS_COMMANDS, "INSPECTIONS_TABLE"),
            variable(catalog.PROCESS_COMMANDS, "AUDIT_TABLE"),
        )
        self.camera_repository = DynamoCameraRepository(variable(catalog.WATCH_CAMERAS, "CAMERAS_TABLE"))
        self.model = variable(catalog.DETECT_LABELS, "MODEL_PARAMETER")
        self.put_parameter(self.model, MODEL)
        with self.stage.acting_as(NO_ROLE):
            references = S3ReferenceRepository(variable(catalog.DETECT_LABELS, "TRAINING_BUCKET"))
            references.put(learned_reference(MODEL, noisy_png("learned")))

    def put_parameter(self, name: str, value: str) -> None:
        client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    # Steps.

    def upload(self, key: str, content: bytes = b"") -> Image:
        content = content or noisy_png(f"{self.prefix}{key}")
        folder, separator, name = key.rpartition("/")
        key = f"{folder}{separator}{self.prefix}{name}"
        with self.stage.acting_as(NO_ROLE):
            answer = client("s3").put_object(Bucket=self.inbound, Key=key, Body=content)
        return Image(self.inbound, key, answer["VersionId"])

    def start(self, image: Image) -> dict[str, Any]:
        """Deliver the upload event twice, as SQS may. Return the execution's input."""
        for _ in range(2):
            self.stage.call(catalog.START_INSPECTION, batch(uploaded(image, with_version=False)))
        return execution_input(image, self.stage.now(), 1)

    def claim(self, document: Mapping[str, Any]) -> str:
        event = {"upload": document, "execution": document["execution"]}
        return str(self.stage.call(catalog.CLAIM_UPLOAD, event)["outcome"])

    def detect(self, document: Mapping[str, Any], ok: float = 97.0) -> Any:
        """Detect labels. A photo that parks is parked first, and the look of its wait may find an answer."""
        self.stage.model.ok = ok
        if self.parks:
            self.park(document)
        return self.stage.call(catalog.DETECT_LABELS, document)

    def park(self, document: Mapping[str, Any], **waiting: Any) -> None:
        detection = {"reason": "stopped", "timeout_seconds": 3600, "review_seconds": 3600, **waiting}
        event = {"inspection": {**document, "detection": detection}, "token": self.token}
        self.stage.call(catalog.WAIT_FOR_MODEL, event)

    def move(self, document: Mapping[str, Any], verdict: str) -> None:
        self.stage.call(catalog.MOVE_IMAGE, {"inspection": document, "verdict": verdict})

    def ask(self, document: Mapping[str, Any]) -> None:
        review = {**document, "detection": {"review_seconds": 3600}}
        self.stage.call(catalog.ASK_REVIEWER, {"inspection": review, "token": self.token})

    def close(self, document: Mapping[str, Any]) -> None:
        self.stage.call(catalog.CLOSE_INSPECTION, document)
        self.stage.executions.statuses[document["execution"]] = "SUCCEEDED"

    def deliver(self, inspection: str) -> None:
        self.stage.call(catalog.DELIVER_DECISION, batch(json.dumps({"inspection_id": inspection})))

    def inspect(self, key: str, ok: float = 97.0, content: bytes = b"") -> dict[str, Any]:
        """Inspect a photo with a confident verdict, from its upload to the end."""
        document = self.start(self.upload(key, content))
        verdict = "rejected"
        if self.claim(document) == "readable":
            self.detect(document, ok)
            verdict = "ok" if ok > 50 else "defect"
        self.move(document, verdict)
        self.close(document)
        return document

    def open_review(self, key: str) -> dict[str, Any]:
        """Inspect a photo until it waits for a reviewer."""
        document = self.start(self.upload(key))
        self.claim(document)
        self.detect(document, 55.0)
        self.move(document, "unclear")
        self.ask(document)
        return document

    def next_attempt(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the execution input of the inspection's current attempt."""
        row = self.inspections.get(document["inspection_id"])
        assert row is not None
        return {**execution_input(row.image, row.uploaded_at, row.attempt), "execution": row.owner}

    def decide(self, document: Mapping[str, Any], verdict: Verdict, undo_seconds: int = 0) -> None:
        decisions.decide(
            *(self.inspections, self.decisions, document["inspection_id"], verdict, "ann", "looked"),
            undo_seconds=undo_seconds,
        )

    # Scenarios.

    def run_all(self) -> None:
        """Run all scenarios. The order provides each one with its preconditions."""
        self.review_by_a_person()
        self.copy_without_record()
        for self.parks, self.prefix in ((False, ""), (True, "parked ")):
            self.inspect("clear.png")
            self.inspect("defect.png", 3.0)
            self.reinspection()
            self.model_not_running()
            self.own_model()
            self.cameras()
            self.stage.hours += 1
        self.parks, self.prefix = False, ""
        self.reconciliation()
        self.capacity_management()
        self.wake_ups()
        self.archiving()

    def review_by_a_person(self) -> None:
        document = self.open_review("unclear.png")
        self.stage.call(catalog.ESCALATE_REVIEW, document)
        self.decide(document, Verdict.OK, undo_seconds=8)
        self.deliver(document["inspection_id"])  # Too early: the function sends itself a delayed message.
        self.ask(document)  # Another attempt asks although the decision exists.
        self.stage.hours += 1
        self.deliver(document["inspection_id"])
        self.move(document, "reviewed")
        for _ in range(2):
            self.close(document)

    def copy_without_record(self) -> None:
        """An attempt stops between the copy and its record."""

        def copy(request: Mapping[str, Any]) -> None:
            with self.stage.acting_as(NO_ROLE):
                content = client("s3").get_object(**request["CopySource"])["Body"].read()
                client("s3").put_object(Bucket=request["Bucket"], Key=request["Key"], Body=content)

        self.stage.refuse_copy = copy
        self.inspect("died.png")
        document = self.open_review("unclear, died.png")
        self.decide(document, Verdict.DEFECT)
        self.stage.refuse_copy = copy
        self.move(document, "reviewed")
        self.close(document)

    def reinspection(self) -> None:
        """A filed photo and a filed unreadable file are inspected a second time at their locations."""
        for document in (self.inspect("again.png"), self.inspect("text.png", content=b"no photo")):
            revision.reinspect(self.inspections, self.decisions, document["inspection_id"], "eva", "lens")
            self.deliver(document["inspection_id"])
            again = self.next_attempt(document)
            if self.claim(again) == "readable":
                self.stage.model.refusal = "InvalidS3ObjectException"
                self.detect(again)
                self.stage.model.refusal = ""
                self.detect(again, 3.0)
                self.move(again, "defect")
            else:
                self.move(again, "rejected")
            self.close(again)

    def model_not_running(self) -> None:
        """A photo requests a start. If the model cannot read the photo, the function looks for the photo."""
        document = self.start(self.upload("waits for the model.png"))
        self.claim(document)
        self.set_capacity_policy(on_demand=True)
        for refusal in ("ResourceNotReadyException", "InvalidS3ObjectException"):
            self.stage.model.refusal = refusal
            self.detect(document)
        self.stage.model.refusal = ""
        self.detect(document)
        self.move(document, "ok")
        self.close(document)

    def own_model(self) -> None:
        """An own model judges a photo: its file is read from the training bucket."""
        self.put_parameter(self.model, self.put_own_model())
        self.stage.hours += 1
        document = self.start(self.upload("own.png"))
        self.claim(document)
        self.detect(document)
        self.put_parameter(self.model, MODEL)
        self.stage.hours += 1

    def put_own_model(self) -> str:
        """Store an own model. Return its ARN."""
        with self.stage.acting_as(NO_ROLE):
            models = S3OwnModels(self.stage.variable(catalog.DETECT_LABELS, "TRAINING_BUCKET"))
            name = f"winter-{self.stage.hours:.0f}"
            return models.put("parts", name, build_small_model().to_bytes(), describe_training("", "", 7))

    def set_capacity_policy(self, **settings: Any) -> None:
        self.put_parameter(
            capacity_policy.capacity_parameter(self.model), json.dumps({"version": "2", **settings})
        )

    def reconciliation(self) -> None:
        self.upload("its event was lost.png")
        orphaned = self.start(self.upload("stopped.png"))
        self.stage.executions.statuses[orphaned["execution"]] = "ABORTED"
        undelivered = self.open_review("decided.png")
        self.decide(undelivered, Verdict.OK)
        redriven = self.open_review("decided, failed.png")
        self.decide(redriven, Verdict.OK)
        deleted = self.upload("deleted.png")
        self.start(deleted)
        with self.stage.acting_as(NO_ROLE):
            client("s3").delete_object(Bucket=self.inbound, Key=deleted.key, VersionId=deleted.version_id)
            client("s3").put_object(Bucket=self.filed, Key="without a row.png", Body=noisy_png("deleted"))
        self.stage.hours += 1
        self.stage.call(catalog.RECONCILE, {})
        self.stage.executions.tokens_live = False
        for document, status in ((undelivered, "RUNNING"), (redriven, "FAILED")):
            self.stage.executions.statuses[document["execution"]] = status
            self.deliver(document["inspection_id"])
        self.stage.executions.tokens_live = True
        self.ask(self.next_attempt(redriven))

    def capacity_management(self) -> None:
        """The model fails, is started for a waiting photo, and is stopped when it is idle."""
        self.start(self.upload("waits.png"))
        self.set_capacity_policy(on_demand=True, idle_minutes=30)
        for status, hours in (("FAILED", 1), ("RUNNING", 24), ("RUNNING", 24)):
            self.stage.model.status = status
            self.stage.hours += hours
            self.stage.call(catalog.MANAGE_MODEL_CAPACITY, {})

    def wake_ups(self) -> None:
        """The capacity manager tries parked photos in both buckets, and the reconciler wakes a missed one."""
        again = self.inspect("parked later.png")
        revision.reinspect(self.inspections, self.decisions, again["inspection_id"], "eva", "lens")
        self.deliver(again["inspection_id"])
        filed = self.next_attempt(again)
        inbound = self.start(self.upload("parked.png"))
        self.stage.model.refusal = "InvalidParameterException"
        for document in (inbound, filed):
            self.claim(document)
            self.park(document, broken=True)
        self.stage.model.status = "RUNNING"
        self.stage.call(catalog.MANAGE_MODEL_CAPACITY, {})
        self.put_parameter(self.model, self.put_own_model())
        self.stage.hours += 1
        self.stage.call(catalog.MANAGE_MODEL_CAPACITY, {})
        self.put_parameter(self.model, MODEL)
        self.stage.hours += 1
        self.stage.call(catalog.MANAGE_MODEL_CAPACITY, {})  # It counts the running model of Custom Labels.
        self.stage.model.refusal = ""
        image = self.upload("missed.png")
        missed = self.start(image)
        self.start(image)  # The event comes twice.
        self.claim(missed)
        self.stage.model.refusal = "ResourceNotReadyException"
        self.park(missed)
        self.stage.model.refusal = ""
        self.stage.hours += 1
        self.stage.call(catalog.RECONCILE, {})
        for document in (inbound, filed, missed):
            self.detect(document)
            self.move(document, "ok")
            self.close(document)

    def cameras(self) -> None:
        """A camera repeats a frame, and a master part is judged; the monitoring counts, reopens and tells."""
        frame = noisy_png("frozen")
        name = f"{self.prefix}good".replace(" ", "-")
        with self.stage.acting_as(NO_ROLE):
            master = MasterPart(name=name, expected=Verdict.OK, added_at=self.stage.now(), added_by="eva")
            add_master(self.camera_repository, "line", master)
        self.stage.call(catalog.WATCH_CAMERAS, {})
        self.master_part(f"masters/{name}/1.png")
        self.inspect("line/1.png", content=frame)
        for number in range(2, 5):
            document = self.start(self.upload(f"line/{number}.png", frame))
            self.claim(document)
            self.detect(document)
        self.stage.hours += 1
        self.stage.call(catalog.WATCH_CAMERAS, {})

    def master_part(self, key: str) -> None:
        document = self.start(self.upload(key))
        self.claim(document)
        self.detect(document)
        self.move(document, "rejected")
        self.close(document)

    def archiving(self) -> None:
        """Archive an execution whose history names every state function."""
        names = sorted(
            state_machine_definition.placeholders() & {function.placeholder for function in catalog.FUNCTIONS}
        )
        record = Recorder()
        record("ExecutionStarted", 0, input="{}")
        steps = []
        for name in names:
            function = self.stage.account.find_logical_id("Lambda::Function", f"Functions{name}")
            steps.append(record.enter("Task", name))
            record("LambdaFunctionScheduled", resource=self.stage.account.arn(function), input="{}")
            record("LambdaFunctionSucceeded", output="{}")
            record.leave("Task", name)
        self.stage.executions.events = record.events
        execution = self.inspect("told.png")["execution"]
        self.archived = f"{execution}?step={steps[0]}"
        self.stage.executions.statuses[self.start(self.upload("failed.png"))["execution"]] = "FAILED"
        self.stage.call(catalog.ARCHIVE_EXECUTIONS, {})
        self.stage.call(catalog.GET_EXECUTION_HISTORY, {"execution": execution})
        for step in steps:
            self.stage.call(catalog.GET_EXECUTION_HISTORY, {"execution": execution, "step": step})
