"""Settings of the local environment: state directory, ports, endpoints and SDK variables."""

import json
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from local.lock import is_locked, is_process_alive
from local.ports import DEFAULT_BASE, HOST, Ports
from workflow.aws.clients import client
from workflow.aws.stack_outputs import StackOutputs
from workflow.errors import ConfigurationError

REGION = "eu-central-1"
ACCOUNT = "000000000000"
MAX_IN_FLIGHT = 8
# Queues that nothing here reads. Reconciliation rebuilds the messages of all other queues.
OUTGOING_QUEUES = ("partcheck-verdicts", "partcheck-escalations")
# A call waits about half a minute for a service that is being restarted.
PATIENT = {"AWS_MAX_ATTEMPTS": "9"}
_RUNNING_FILE = "environment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The base URLs of the services of one environment."""

    aws: str
    step_functions: str
    custom_labels: str
    review_app: str

    @classmethod
    def from_ports(cls, ports: Ports) -> "Endpoints":
        """Return the URLs of services that listen on these ports."""
        return cls(
            aws=f"http://{HOST}:{ports.aws}",
            step_functions=f"http://{HOST}:{ports.step_functions}",
            custom_labels=f"http://{HOST}:{ports.custom_labels}",
            review_app=f"http://{HOST}:{ports.review_app}",
        )


@dataclass(frozen=True, slots=True)
class RunningEnvironment:
    """A running environment: process id, endpoints and resource names."""

    pid: int
    endpoints: Endpoints
    outputs: StackOutputs


def resolve_state_dir(state_dir: Path | str | None = None) -> Path:
    """Return `state_dir`, else PARTCHECK_STATE_DIR, else `.partcheck` in the current directory."""
    return Path(state_dir or os.environ.get("PARTCHECK_STATE_DIR") or ".partcheck").resolve()


def resolve_ports(base: int | None = None) -> Ports:
    """Return the ports from `base`, else from PARTCHECK_PORT, else the default ones."""
    text = os.environ.get("PARTCHECK_PORT") or str(DEFAULT_BASE)
    try:
        return Ports.from_base(int(text) if base is None else base)
    except ValueError as error:
        raise ConfigurationError(f"PARTCHECK_PORT must be a port number, not {text!r}") from error


def max_in_flight() -> int:
    """Return how many inspections may run at once. Each one keeps several processes busy."""
    text = os.environ.get("PARTCHECK_MAX_IN_FLIGHT") or str(MAX_IN_FLIGHT)
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ConfigurationError(f"PARTCHECK_MAX_IN_FLIGHT must be a number from 1 to 1000, not {text!r}")
    return int(text)


def sdk_environment(endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that point the AWS SDKs and the AWS CLI at these endpoints."""
    return {
        "AWS_ENDPOINT_URL": endpoints.aws,
        "AWS_ENDPOINT_URL_SFN": endpoints.step_functions,
        "AWS_ENDPOINT_URL_REKOGNITION": endpoints.custom_labels,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": HOST + ",localhost",
        "no_proxy": HOST + ",localhost",
    }


def apply_sdk_environment(endpoints: Endpoints, variables: MutableMapping[str, str] | None = None) -> None:
    """Point this process at an environment, and remove its own AWS settings (profile, session, endpoints)."""
    variables = os.environ if variables is None else variables
    for name in [name for name in variables if name.startswith("AWS_")]:
        del variables[name]
    variables.update(sdk_environment(endpoints) | PATIENT)
    client.cache_clear()


@contextmanager
def temporary_sdk_environment(endpoints: Endpoints) -> Iterator[None]:
    """Apply the SDK environment for the duration of a block."""
    applied = sdk_environment(endpoints) | PATIENT
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name in applied}
    apply_sdk_environment(endpoints)
    try:
        yield
    finally:
        for name in applied:
            os.environ.pop(name, None)
        os.environ.update(before)
        client.cache_clear()


@contextmanager
def publish_running_environment(
    state_dir: Path, endpoints: Endpoints, outputs: StackOutputs
) -> Iterator[RunningEnvironment]:
    """Publish the running environment to other processes for the duration of a block."""
    running = RunningEnvironment(os.getpid(), endpoints, outputs)
    file = state_dir / _RUNNING_FILE
    draft = state_dir / f"{_RUNNING_FILE}.new"
    draft.write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
    draft.replace(file)
    try:
        yield running
    finally:
        file.unlink(missing_ok=True)


def find_running_environment(state_dir: Path | str | None = None) -> RunningEnvironment | None:
    """Return the environment that runs in this state directory, or None. A killed one does not count."""
    directory = resolve_state_dir(state_dir)
    try:
        document = json.loads((directory / _RUNNING_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not is_locked(directory) or not is_process_alive(document["pid"]):
        return None
    return RunningEnvironment(
        document["pid"], Endpoints(**document["endpoints"]), StackOutputs(**document["outputs"])
    )
