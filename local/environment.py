"""The local environment: services, resources and scheduler for the duration of a `with` block."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lambdas import catalog
from local import functions, queues, state_machine
from local.lock import check_format, lock_state_dir
from local.ports import Ports, reserve_ports
from local.processes import ServiceProcess, ignore_interrupt_signals, interrupt_on_termination, run_service
from local.provisioning import provision
from local.scheduler import Scheduler, invoke_function, run_scheduler
from local.services import backing_services, enable_state_machine_execution, review_app_service
from local.settings import (
    Endpoints,
    publish_running_environment,
    resolve_ports,
    resolve_state_dir,
    sdk_environment,
    temporary_sdk_environment,
)
from local.supervisor import Supervisor
from workflow.aws.clients import client
from workflow.aws.stack_outputs import StackOutputs

T = TypeVar("T")
ProgressCallback = Callable[[str], None]


def _ignore_progress(_: str) -> None:
    """Discard a progress message."""


class LocalEnvironment:
    """A running local environment. Inside the block, this process's own AWS clients talk to it.

    Start it from the main thread: the services end with the thread that started them. Ctrl-C, SIGTERM and
    SIGHUP end the block, and the services, at any moment.
    """

    def __init__(
        self,
        state_dir: Path | str | None = None,
        ports: Ports | None = None,
        report: ProgressCallback = _ignore_progress,
    ) -> None:
        self.state_dir = resolve_state_dir(state_dir)
        self.ports = ports or resolve_ports()
        self.outputs: StackOutputs
        self._report = report
        self._services: list[ServiceProcess] = []
        self._supervisor = Supervisor(self._resume, report)
        self._scheduler: Scheduler | None = None
        self._provisioning = threading.Lock()
        self._stack = ExitStack()

    @property
    def review_app_url(self) -> str:
        """Return the base URL of the review app."""
        return Endpoints.from_ports(self.ports).review_app

    @property
    def sdk_environment(self) -> dict[str, str]:
        """Return the environment variables that point AWS SDKs at this environment."""
        return sdk_environment(Endpoints.from_ports(self.ports))

    def __enter__(self) -> "LocalEnvironment":
        with ExitStack() as stack:
            try:
                self._enter(stack)
            except BaseException:
                with ignore_interrupt_signals():
                    self._supervisor.stop()
                self.raise_if_failed()
                raise
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ignore_interrupt_signals():
            self._stack.close()
        self.raise_if_failed()

    def _enter(self, stack: ExitStack) -> None:
        stack.enter_context(interrupt_on_termination())
        lock = stack.enter_context(lock_state_dir(self.state_dir, self.ports))
        check_format(self.state_dir)
        stack.enter_context(reserve_ports(self.ports))
        stack.enter_context(_temporary_directory(self.state_dir / "tmp"))
        queues.update_saved_queue_urls(self.state_dir, self.ports)
        stack.callback(self._supervisor.release)  # Last: the services that it started end with its thread.
        self._report("Starting the local AWS, Step Functions and Custom Labels …")
        aws, step_functions, custom_labels = backing_services(self.state_dir, self.ports)
        # The stack stops them in reverse order: executions stop first, then AWS saves its state.
        for spec in (custom_labels, aws, step_functions):
            self._services.append(stack.enter_context(run_service(spec, self.state_dir, lock)))
        endpoints = Endpoints.from_ports(self.ports)
        stack.enter_context(temporary_sdk_environment(endpoints))
        self._supervisor.start(self._services)
        self._supervisor.retry(self._wait_until_ready)
        self._report("Creating buckets, tables, queues, functions and the state machine …")
        self.outputs = self._supervisor.retry(self._provision)
        self._report("Starting the review app …")
        web_spec = review_app_service(self.state_dir, self.ports, self.outputs)
        web = stack.enter_context(run_service(web_spec, self.state_dir, lock))
        self._services.append(web)
        stack.enter_context(_archive_on_exit(self._report))
        self._supervisor.retry(self._enable_intake)
        stack.callback(_disable_intake)
        self._scheduler = stack.enter_context(run_scheduler(self.state_dir / "logs" / "scheduler.log"))
        stack.enter_context(publish_running_environment(self.state_dir, endpoints, self.outputs))
        self._supervisor.retry(web.wait_until_ready)
        stack.callback(self._supervisor.stop)  # First: a service that ends now was stopped.
        self._report(f"The environment is up at {endpoints.aws}, its review app at {endpoints.review_app}")

    def service(self, name: str) -> ServiceProcess:
        """Return the running service with this name."""
        return next(service for service in self._services if service.spec.name == name)

    @property
    def has_failed(self) -> bool:
        """Return True if a service cannot be kept running."""
        return self._supervisor.failure is not None

    def raise_if_failed(self) -> None:
        """Raise PartcheckError, with the log file's name, if a service cannot be kept running."""
        if self._supervisor.failure:
            raise self._supervisor.failure

    def retry(self, action: Callable[[], T]) -> T:
        """Run an action. Run it again if it failed because a service was down."""
        return self._supervisor.retry(action)

    def _wait_until_ready(self) -> None:
        """Wait for the services that resources are created in."""
        for name in ("step-functions", "aws", "custom-labels"):
            self.service(name).wait_until_ready()

    def _provision(self) -> StackOutputs:
        with self._provisioning:
            enable_state_machine_execution(self.ports)
            return provision(Endpoints.from_ports(self.ports))

    def _enable_intake(self) -> None:
        with self._provisioning:
            functions.enable_intake()

    def _resume(self, service: ServiceProcess) -> None:
        """Give a restarted service what it needs: its resources, or the state machine."""
        service.wait_until_ready()
        if service.spec.name == "aws":
            self._wait_until_ready()
            self._provision()
            self._enable_intake()
            queues.send_upload_events()
        elif service.spec.name == "step-functions":  # It starts empty.
            with self._provisioning:
                enable_state_machine_execution(self.ports)
                state_machine.deploy_state_machine(queues.create_queues())
        if self._scheduler is not None:  # The reconciler restarts lost executions.
            self._scheduler.run_soon()

    def wait(self) -> None:
        """Block until Ctrl-C or SIGTERM, or until a service cannot be kept running."""
        with suppress(KeyboardInterrupt):
            while True:
                self.raise_if_failed()
                time.sleep(0.2)

    def current_model_arn(self) -> str | None:
        """Return the ARN of the model in use, or None if there is none."""
        value = client("ssm").get_parameter(Name=self.outputs.model_parameter)["Parameter"]["Value"]
        return str(value) if value.startswith("arn:") else None


def _disable_intake() -> None:
    """Stop reading from the queues. If the local AWS exited, there is nothing to disable."""
    with suppress(BotoCoreError, ClientError):
        functions.disable_intake()


@contextmanager
def _archive_on_exit(report: ProgressCallback) -> Iterator[None]:
    """Archive execution histories at the end of the block, before Step Functions loses them."""
    try:
        yield
    finally:
        report("Archiving execution histories …")
        with suppress(BotoCoreError, ClientError):  # A service may have exited.
            invoke_function(catalog.ARCHIVE_EXECUTIONS)


@contextmanager
def _temporary_directory(directory: Path) -> Iterator[None]:
    """Provide an empty directory for the services' temporary files, and delete it afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
