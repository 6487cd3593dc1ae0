"""The whole line on this machine, services, resources and clock, for the length of a `with` block."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from lambdas import catalog
from local import functions, machine, queues, training
from local.clock import invoke, ticking
from local.labelled_parts import Part
from local.lock import locked
from local.ports import Ports, claimed
from local.processes import Child, interruptible, started, undisturbed
from local.provisioning import provision
from local.services import execute_state_machines, programs, review_app
from local.settings import (
    Endpoints,
    adopted,
    announced,
    chosen_ports,
    environment,
    home_directory,
)
from workflow.aws.clients import client
from workflow.aws.site import Site
from workflow.errors import PartcheckError

Report = Callable[[str], None]


def _silent(_: str) -> None:
    """What is told to nobody."""


class Line:
    """A running line. Inside the block this process's own AWS clients talk to it.

    Start it from the main thread: the services end when the thread that started them does. Ctrl-C, SIGTERM
    and a terminal that goes away end the block at any moment, and the services with it.
    """

    def __init__(
        self, home: Path | str | None = None, ports: Ports | None = None, report: Report = _silent
    ) -> None:
        self.home = home_directory(home)
        self.ports = ports or chosen_ports()
        self.site: Site
        self._report = report
        self._children: list[Child] = []
        self._stack = ExitStack()

    @property
    def review_app(self) -> str:
        """Where people decide the unclear photos."""
        return Endpoints.at(self.ports).review_app

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which other processes reach this line."""
        return environment(Endpoints.at(self.ports))

    def __enter__(self) -> "Line":
        with ExitStack() as stack:
            self._enter(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._stack.close()

    def _enter(self, stack: ExitStack) -> None:
        stack.enter_context(interruptible())
        lock = stack.enter_context(locked(self.home, self.ports))
        stack.enter_context(claimed(self.ports))
        stack.enter_context(_scratch(self.home / "tmp"))
        queues.readdress(self.home, self.ports)
        self._report("Starting the local AWS, Step Functions and Custom Labels …")
        aws, step_functions, custom_labels = programs(self.home, self.ports)
        # Left in the opposite order: first no execution goes on, then AWS saves its state.
        for program in (custom_labels, aws, step_functions):
            self._children.append(stack.enter_context(started(program, self.home, lock)))
        endpoints = Endpoints.at(self.ports)
        stack.enter_context(adopted(endpoints))
        for child in reversed(self._children):
            child.wait_until_ready()
        self._report("Creating buckets, tables, queues, functions and the state machine …")
        execute_state_machines(self.ports)
        self.site = provision(endpoints)
        self._report("Starting the review app …")
        web = stack.enter_context(started(review_app(self.home, self.ports, self.site), self.home, lock))
        self._children.append(web)
        stack.enter_context(_histories_kept(self._report))
        stack.enter_context(_open_intake())
        stack.enter_context(ticking(self.home / "logs" / "clock.log"))
        stack.enter_context(announced(self.home, endpoints, self.site))
        web.wait_until_ready()
        self._report(f"The line is up at {endpoints.aws}, its review app at {endpoints.review_app}")

    def check(self) -> None:
        """Raise PartcheckError, naming the log file, if one of the services ended."""
        for child in self._children:
            child.check()

    def child(self, name: str) -> Child:
        """The running service of this name."""
        return next(child for child in self._children if child.program.name == name)

    def mend(self) -> None:
        """Start services again that ended; call it from the thread that started the line.

        PartcheckError when it is the AWS, whose end loses what it had not saved, or one that ends each time.
        """
        for child in self._children:
            if not child.ended:
                continue
            if child.program.name == "aws":
                child.check()
            self._report(f"The {child.program.name} process ended; starting it again …")
            child.start_again()
            if child.program.name == "step-functions":
                self._teach(child)

    def _teach(self, step_functions: Child) -> None:
        """Step Functions comes back empty; the reconciler starts the executions again that it had."""
        try:
            step_functions.wait_until_ready()
            execute_state_machines(self.ports)
            machine.deploy_machine(queues.create_queues())
        except (PartcheckError, OSError, BotoCoreError, ClientError):
            if not step_functions.ended:  # Else it is the next look's business.
                raise

    def wait(self) -> None:
        """Stay up until Ctrl-C or SIGTERM, or until a service cannot be kept running."""
        with suppress(KeyboardInterrupt):
            while True:
                self.mend()
                time.sleep(0.5)

    def train(self, parts: Iterable[Part], version_name: str = "", report: Report | None = None) -> str:
        """Train a model on labelled photos, start it and put it to use; returns its ARN."""
        return training.train(
            self.site, parts, self.site.training_bucket, version_name, report or self._report
        )

    def model_arn(self) -> str | None:
        """The model in use, or None while there is none."""
        value = client("ssm").get_parameter(Name=self.site.model_parameter)["Parameter"]["Value"]
        return str(value) if value.startswith("arn:") else None


@contextmanager
def _open_intake() -> Iterator[None]:
    """Let queues feed functions within the block."""
    functions.open_intake()
    try:
        yield
    finally:
        with suppress(BotoCoreError, ClientError):  # An AWS that died needs no closing.
            functions.close_intake()


@contextmanager
def _histories_kept(report: Report) -> Iterator[None]:
    """At the end, archive what Step Functions will have forgotten after it."""
    try:
        yield
    finally:
        report("Keeping the histories of what was inspected …")
        with suppress(BotoCoreError, ClientError):  # Whoever died can be asked nothing.
            invoke(catalog.KEEP_HISTORY)


@contextmanager
def _scratch(directory: Path) -> Iterator[None]:
    """An empty directory for the services' temporary files, gone afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
