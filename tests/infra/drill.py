"""What happens to photos, once in each way that matters to rights: every function at work."""

import json
from collections.abc import Mapping
from typing import Any

from lambdas import catalog
from tests.crafted import png
from tests.infra.account import NOBODY, Stage
from tests.infra.stand_ins import MODEL
from tests.recorder import Recorder
from tests.unit.lambdas.test_queues_and_clock import batch, uploaded
from workflow import definition
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.aws.queues import SqsQueue
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.models import capacity_policy
from workflow.pipeline.intake import document
from workflow.review import decisions, revision

PHOTO = png()


class Drill:
    """The stories, on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        told = stage.setting
        self.inbound = told(catalog.RECONCILE, "INBOUND_BUCKET")
        self.token = f"{stage.executions.arn}|a token"
        self.decisions = SqsQueue(told(catalog.ASK_REVIEWER, "DECISION_QUEUE_URL"))
        self.ledger = DynamoLedger(
            told(catalog.OBEY_COMMANDS, "LEDGER_TABLE"), told(catalog.OBEY_COMMANDS, "AUDIT_TABLE")
        )
        self.model = told(catalog.DETECT_LABELS, "MODEL_PARAMETER")
        self.parameter(self.model, MODEL)

    def parameter(self, name: str, value: str) -> None:
        client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    # Steps.

    def upload(self, key: str, content: bytes = b"") -> Image:
        content = content or PHOTO + key.encode()
        with self.stage.acting(NOBODY):
            answer = client("s3").put_object(Bucket=self.inbound, Key=key, Body=content)
        return Image(self.inbound, key, answer["VersionId"])

    def start(self, image: Image) -> dict[str, Any]:
        """The event reaches the line; returns the execution's document."""
        self.stage.call(catalog.START_INSPECTION, batch(uploaded(image, with_version=False)))
        return document(image, self.stage.now(), 1)

    def claim(self, told: Mapping[str, Any]) -> str:
        event = {"upload": told, "execution": told["execution"]}
        return str(self.stage.call(catalog.CLAIM_UPLOAD, event)["outcome"])

    def detect(self, told: Mapping[str, Any], ok: float = 97.0) -> Any:
        self.stage.model.ok = ok
        return self.stage.call(catalog.DETECT_LABELS, told)

    def move(self, told: Mapping[str, Any], verdict: str) -> None:
        self.stage.call(catalog.MOVE_IMAGE, {"inspection": told, "verdict": verdict})

    def ask(self, told: Mapping[str, Any]) -> None:
        asked = {**told, "detection": {"review_seconds": 3600}}
        self.stage.call(catalog.ASK_REVIEWER, {"inspection": asked, "token": self.token})

    def close(self, told: Mapping[str, Any]) -> None:
        self.stage.call(catalog.CLOSE_INSPECTION, told)
        self.stage.executions.status[told["execution"]] = "SUCCEEDED"

    def deliver(self, inspection: str) -> None:
        self.stage.call(catalog.DELIVER_DECISION, batch(json.dumps({"inspection_id": inspection})))

    def judged(self, key: str, ok: float = 97.0, content: bytes = b"") -> dict[str, Any]:
        """A photo that the model was sure of, from its upload to its end."""
        told = self.start(self.upload(key, content))
        verdict = "rejected"
        if self.claim(told) == "readable":
            self.detect(told, ok)
            verdict = "ok" if ok > 50 else "defect"
        self.move(told, verdict)
        self.close(told)
        return told

    def waiting(self, key: str) -> dict[str, Any]:
        """A photo that waits for a person."""
        told = self.start(self.upload(key))
        self.claim(told)
        self.detect(told, 55.0)
        self.move(told, "unclear")
        self.ask(told)
        return told

    def next_attempt(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The document of the attempt that the ledger names now."""
        row = self.ledger.get(told["inspection_id"])
        assert row is not None
        return {**document(row.image, row.uploaded_at, row.attempt), "execution": row.owner}

    def decide(self, told: Mapping[str, Any], verdict: Verdict, undo_seconds: int = 0) -> None:
        decisions.decide(
            *(self.ledger, self.decisions, told["inspection_id"], verdict, "ann", "looked"),
            undo_seconds=undo_seconds,
        )

    # Stories.

    def live(self) -> None:
        """All of them, in an order in which each finds what it is about."""
        self.judged("clear.png")
        self.judged("defect.png", 3.0)
        self.a_person_decides()
        self.a_copy_lies_there_already()
        self.inspected_again()
        self.the_model_is_away()
        self.the_clock_finds_what_was_lost()
        self.the_model_is_tended()
        self.histories_are_kept_and_read()

    def a_person_decides(self) -> None:
        told = self.waiting("unclear.png")
        self.stage.call(catalog.ESCALATE_REVIEW, told)
        self.decide(told, Verdict.OK, undo_seconds=8)
        self.deliver(told["inspection_id"])  # Too early: it reminds itself.
        self.ask(told)  # Another attempt asks when the decision stands.
        self.stage.hours += 1
        self.deliver(told["inspection_id"])
        self.move(told, "reviewed")
        for _ in range(2):
            self.close(told)

    def a_copy_lies_there_already(self) -> None:
        """An attempt died between the copy and its record."""

        def copied(asked: Mapping[str, Any]) -> None:
            with self.stage.acting(NOBODY):
                content = client("s3").get_object(**asked["CopySource"])["Body"].read()
                client("s3").put_object(Bucket=asked["Bucket"], Key=asked["Key"], Body=content)

        self.stage.refuse_copy = copied
        self.judged("died.png")
        told = self.waiting("unclear, died.png")
        self.decide(told, Verdict.DEFECT)
        self.stage.refuse_copy = copied
        self.move(told, "reviewed")
        self.close(told)

    def inspected_again(self) -> None:
        """What was filed is judged anew, where it lies: a photo, and what could not be read."""
        for told in (self.judged("again.png"), self.judged("text.png", content=b"no photo")):
            revision.inspect_again(self.ledger, self.decisions, told["inspection_id"], "eva", "lens")
            self.deliver(told["inspection_id"])
            again = self.next_attempt(told)
            if self.claim(again) == "readable":
                self.stage.model.refusal = "InvalidS3ObjectException"
                self.detect(again)
                self.stage.model.refusal = ""
                self.detect(again, 3.0)
                self.move(again, "defect")
            else:
                self.move(again, "rejected")
            self.close(again)

    def the_model_is_away(self) -> None:
        """A photo asks for it to be started; where it may not see the photo, we look for ourselves."""
        told = self.start(self.upload("waits for the model.png"))
        self.claim(told)
        self.power(on_demand=True)
        for refusal in ("ResourceNotReadyException", "InvalidS3ObjectException"):
            self.stage.model.refusal = refusal
            self.detect(told)
        self.stage.model.refusal = ""
        self.detect(told)
        self.move(told, "ok")
        self.close(told)

    def power(self, **how: Any) -> None:
        self.parameter(capacity_policy.parameter_of(self.model), json.dumps({"version": "2", **how}))

    def the_clock_finds_what_was_lost(self) -> None:
        self.upload("its event was lost.png")
        stranded = self.start(self.upload("stopped.png"))
        self.stage.executions.status[stranded["execution"]] = "ABORTED"
        undelivered = self.waiting("decided.png")
        self.decide(undelivered, Verdict.OK)
        redriven = self.waiting("decided, failed.png")
        self.decide(redriven, Verdict.OK)
        self.stage.hours += 1
        self.stage.call(catalog.RECONCILE, {})
        self.stage.executions.tokens_live = False
        for told, ended in ((undelivered, "RUNNING"), (redriven, "FAILED")):
            self.stage.executions.status[told["execution"]] = ended
            self.deliver(told["inspection_id"])
        self.stage.executions.tokens_live = True
        self.ask(self.next_attempt(redriven))

    def the_model_is_tended(self) -> None:
        """It fails, is started for a photo that waits, and is stopped when none comes."""
        self.start(self.upload("waits.png"))
        self.power(on_demand=True, idle_minutes=30)
        for status, hours in (("FAILED", 1), ("RUNNING", 24), ("RUNNING", 24)):
            self.stage.model.status = status
            self.stage.hours += hours
            self.stage.call(catalog.TEND_MODEL, {})

    def histories_are_kept_and_read(self) -> None:
        """One execution whose history names every function that steps call."""
        names = sorted(definition.placeholders() & {one.placeholder for one in catalog.FUNCTIONS})
        record = Recorder()
        record("ExecutionStarted", 0, input="{}")
        steps = []
        for name in names:
            found = self.stage.account.named("Lambda::Function", f"Functions{name}")
            steps.append(record.enter("Task", name))
            record("LambdaFunctionScheduled", resource=self.stage.account.arn(found), input="{}")
            record("LambdaFunctionSucceeded", output="{}")
            record.leave("Task", name)
        self.stage.executions.events = record.events
        execution = self.judged("told.png")["execution"]
        self.stage.executions.status[self.start(self.upload("failed.png"))["execution"]] = "FAILED"
        self.stage.call(catalog.KEEP_HISTORY, {})
        self.stage.call(catalog.READ_HISTORY, {"execution": execution})
        for step in steps:
            self.stage.call(catalog.READ_HISTORY, {"execution": execution, "step": step})
