"""A whole line in one thread: the product's code and adapters on services in memory, with its own clock."""

import heapq
import itertools
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from greenlet import getcurrent, greenlet

from tests.proof.dynamodb import MemoryDynamoDB, Stored
from tests.proof.fate import Client, Fate, Killed
from tests.proof.rekognition import MemoryRekognition
from tests.proof.s3 import MemoryS3
from tests.proof.step_functions import MemoryStepFunctions
from tests.unit.line import FILED, INBOUND
from workflow import definition, detection, filing, intake, moment, review
from workflow.aws.detector import RekognitionDetector
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import PartcheckError
from workflow.images import Image
from workflow.policy import LabelRule, RoutingPolicy
from workflow.reconcile import Mender, findings, reconcile
from workflow.tables import AUDIT, LEDGER, TABLES, TOKENS
from workflow.verdict import Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/1/1"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:parts"
POLICY = RoutingPolicy(
    version="1",
    labels={"ok": LabelRule(Verdict.OK, 0.8), "defect": LabelRule(Verdict.DEFECT, 0.8)},
    review_seconds=900,
    model_wait_seconds=7200,
)
MAX_RECEIVES = 20
EXPECTED = (PartcheckError, ClientError, BotoCoreError)


class Violation(AssertionError):
    """A promise was broken."""


class World:
    """Everything of one line. `chance` is how likely a misfortune is at each call of a service."""

    def __init__(self, seed: int, chance: float = 0.02) -> None:
        self.rng = random.Random(seed)
        random.seed(seed)
        self.seconds = 0.0
        self.ticket = itertools.count()
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.workers: dict[greenlet, str] = {}
        self.fate = Fate(self.rng, chance, self._rest)
        self.watch: Callable[[], None] = lambda: None
        self.announced: list[str] = []
        self.messages: list[tuple[str, str]] = []
        self.log: list[str] = []
        self.happened: Counter[str] = Counter()
        self._make_services()
        self._make_ports()

    def _make_services(self) -> None:
        tables = [Stored(table) for table in TABLES]
        self.dynamodb = MemoryDynamoDB(tables, lambda: self.seconds, self._lags, lambda: self.watch())
        self.s3 = MemoryS3(self.now, lambda: self.watch())
        self.rekognition = MemoryRekognition(self.s3)
        places = {name: name for name in definition.placeholders()}
        machine = json.loads(definition.render(places))
        self.step_functions = MemoryStepFunctions(machine, self)

    def _make_ports(self) -> None:
        clients = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "rekognition": self.rekognition,
            "stepfunctions": self.step_functions,
            "sqs": self,
        }
        made = {name: Client(name, behind, self.fate, self.workers) for name, behind in clients.items()}
        self.ledger = DynamoLedger(LEDGER.name, AUDIT.name, made["dynamodb"])
        self.tokens = DynamoTokens(TOKENS.name, made["dynamodb"], lambda: self.seconds)
        self.shelf = S3Shelf(made["s3"])
        self.executions = StepFunctionsExecutions(MACHINE, made["stepfunctions"])
        self.detector = RekognitionDetector(MODEL, made["rekognition"])
        self.intake, self.decisions, self.escalations = (
            SqsQueue(name, made["sqs"]) for name in ("intake", "decisions", "escalations")
        )
        self.mender = Mender(self.ledger, self.shelf, self.executions, self.decisions)

    # Time, and workers that take their time.

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (self.seconds + seconds, next(self.ticket), act))

    def run(self, until: float) -> None:
        """Let happen what is due by then."""
        while self.agenda and self.agenda[0][0] <= until:
            self.seconds, _, act = heapq.heappop(self.agenda)
            act()
        self.seconds = max(self.seconds, until)

    @contextmanager
    def at_its_own_time(self) -> Iterator[None]:
        """Our code asks this world what time it is, and for ids that nobody had before."""
        with (
            patch.object(moment, "now", lambda: moment.text(self.now())),
            patch.object(uuid, "uuid4", lambda: uuid.UUID(int=self.rng.getrandbits(128), version=4)),
        ):
            yield

    def work(self, what: str, job: Callable[[], Any], done: Callable[[Any, str], None]) -> None:
        """Run a worker; `done` gets its answer or the name of the error that ended it."""

        def live() -> None:
            try:
                answer, error = job(), ""
            except Killed:
                answer, error = None, "Killed"
            except EXPECTED as fault:
                answer, error = None, type(fault).__name__
            finally:
                self.workers.pop(getcurrent(), None)
            if error:
                self.happened[error] += 1
            self.log.append(f"{self.seconds:10.2f} {what}: {error or answer}")
            # Its caller hears of it in its own time, not within the worker.
            self.after(0, lambda: done(answer, error))

        def begin() -> None:
            worker = greenlet(live)
            self.workers[worker] = what
            worker.switch()

        self.after(0, begin)

    def _rest(self, seconds: float) -> None:
        worker = getcurrent()
        self.happened["rest"] += 1
        self.log.append(f"{self.seconds:10.2f} {self.workers[worker]} rests {seconds} s")
        self.after(seconds, worker.switch)
        worker.parent.switch()

    def _lags(self, age: float) -> bool:
        return not self.fate.calm and age < 3 and self.rng.random() < 0.3

    # What Step Functions calls.

    def invoke(self, function: str, payload: Any, done: Callable[[Any, str], None]) -> None:
        job = {
            "ClaimUploadFunction": self._claim,
            "DetectLabelsFunction": self._detect,
            "MoveImageFunction": self._move,
            "AskReviewerFunction": self._ask,
            "EscalateReviewFunction": self._escalate,
            "CloseInspectionFunction": self._close,
        }[function]
        what = f"{function.removesuffix('Function')} {payload['execution'][:6]}…{payload['execution'][-2:]}"
        self.work(what, lambda: json.loads(json.dumps(job(payload))), done)

    def _claim(self, event: Any) -> Any:
        image = Image(**event["image"])
        owner, attempt, at = event["execution"], event["attempt"], event["uploaded_at"]
        return {"outcome": intake.claim(self.ledger, self.shelf, image, owner, attempt, at)}

    def _detect(self, event: Any) -> Any:
        waited = moment.seconds_between(event["started_at"], moment.now())
        inspection, owner = event["inspection_id"], event["execution"]
        return detection.detect(self.ledger, self.detector, POLICY, inspection, owner, waited)

    def _move(self, event: Any) -> Any:
        inspection, owner, verdict = event["inspection_id"], event["execution"], event["verdict"]
        return filing.file(self.ledger, self.shelf, FILED, inspection, owner, verdict)

    def _ask(self, event: Any) -> None:
        asked = (event["inspection_id"], event["execution"], event["token"], event["timeout_seconds"])
        review.ask(self.ledger, self.tokens, self.decisions, *asked)

    def _escalate(self, event: Any) -> Any:
        return review.escalate(self.ledger, self.escalations, event["inspection_id"], event["execution"])

    def _close(self, event: Any) -> None:
        self.ledger.close(event["inspection_id"], event["execution"], moment.now())

    def publish(self, queue: str, body: str, done: Callable[[Any, str], None]) -> None:
        """The state that announces: its worker is Step Functions itself."""
        client = Client("sqs", self, self.fate, self.workers)
        self.work("Announce", lambda: client.send_message(QueueUrl=queue, MessageBody=body), done)

    # Queues: at least once, in any order, late.

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> Any:
        self.messages.append((QueueUrl, MessageBody))
        if QueueUrl == "VerdictQueueUrl":
            self.announced.append(MessageBody)
        elif QueueUrl in ("intake", "decisions"):
            copies = 1 if self.fate.calm else self.rng.choice((1, 1, 1, 1, 2))
            for _ in range(copies):
                late = 0.05 if self.fate.calm else self.rng.expovariate(1 / self.rng.choice((0.5, 30)))
                self.after(DelaySeconds + late, lambda: self._receive(QueueUrl, MessageBody, 1))
        return {"MessageId": "m"}

    def _receive(self, queue: str, body: str, times: int) -> None:
        def done(_answer: Any, error: str) -> None:
            if error and times < MAX_RECEIVES:
                self.after(180, lambda: self._receive(queue, body, times + 1))

        job = {"intake": self._start, "decisions": self._deliver}[queue]
        self.work(queue, lambda: job(json.loads(body)), done)

    def _start(self, event: Any) -> None:
        for image, at in intake.uploaded(event, self.shelf):
            intake.start(self.executions, self.ledger, image, at)

    def _deliver(self, event: Any) -> str:
        return review.deliver(self.ledger, self.tokens, self.executions, event["inspection_id"])

    # The clock.

    def reconcile(self) -> None:
        """What runs every minute."""
        self.work(
            "reconcile",
            lambda: reconcile(self.mender, findings(self.ledger, self.shelf, self.executions, INBOUND)),
            lambda *_: None,
        )
