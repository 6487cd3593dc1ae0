"""What a line on this machine is told: where it keeps its state, and how others reach it."""

import json
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from local.lock import is_alive, is_held
from local.ports import DEFAULT_BASE, HOST, Ports
from workflow.aws.clients import client
from workflow.aws.site import Site
from workflow.errors import ConfigurationError

REGION = "eu-central-1"
ACCOUNT = "000000000000"
MAX_IN_FLIGHT = 8


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the services of one line answer."""

    aws: str
    step_functions: str
    custom_labels: str
    review_app: str

    @classmethod
    def at(cls, ports: Ports) -> "Endpoints":
        return cls(
            f"http://{HOST}:{ports.aws}",
            f"http://{HOST}:{ports.step_functions}",
            f"http://{HOST}:{ports.custom_labels}",
            f"http://{HOST}:{ports.review_app}",
        )


@dataclass(frozen=True, slots=True)
class RunningLine:
    """A line that is up: its process, its endpoints, its resources."""

    pid: int
    endpoints: Endpoints
    site: Site


def home_directory(home: Path | str | None = None) -> Path:
    """The state directory: the one given, else PARTCHECK_HOME, else .partcheck here."""
    return Path(home or os.environ.get("PARTCHECK_HOME") or ".partcheck").resolve()


def chosen_ports(base: int | None = None) -> Ports:
    """The ports from the base given, else from PARTCHECK_PORT, else the usual ones."""
    text = os.environ.get("PARTCHECK_PORT") or str(DEFAULT_BASE)
    try:
        return Ports.at(int(text) if base is None else base)
    except ValueError as error:
        raise ConfigurationError(f"PARTCHECK_PORT must be a port number, not {text!r}") from error


def max_in_flight() -> int:
    """How many inspections may run at once; each keeps several processes busy."""
    text = os.environ.get("PARTCHECK_MAX_IN_FLIGHT") or str(MAX_IN_FLIGHT)
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ConfigurationError(f"PARTCHECK_MAX_IN_FLIGHT must be a number from 1 to 1000, not {text!r}")
    return int(text)


def environment(endpoints: Endpoints) -> dict[str, str]:
    """What the AWS SDKs and the AWS CLI need in order to meet this line instead of AWS."""
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


def adopt(endpoints: Endpoints, variables: MutableMapping[str, str] | None = None) -> None:
    """Point this process at a line: AWS settings of its own (profile, session, endpoints) make way."""
    variables = os.environ if variables is None else variables
    for name in [name for name in variables if name.startswith("AWS_")]:
        del variables[name]
    variables.update(environment(endpoints))
    client.cache_clear()


@contextmanager
def adopted(endpoints: Endpoints) -> Iterator[None]:
    """The same for the length of a block."""
    ours = environment(endpoints).keys()
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name in ours}
    adopt(endpoints)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
        os.environ.update(before)
        client.cache_clear()


@contextmanager
def announced(home: Path, endpoints: Endpoints, site: Site) -> Iterator[RunningLine]:
    """Tell other processes that the line is up, for as long as it is."""
    line, file = RunningLine(os.getpid(), endpoints, site), home / "line.json"
    draft = home / "line.json.new"
    draft.write_text(json.dumps(asdict(line), indent=2), encoding="utf-8")
    draft.replace(file)
    try:
        yield line
    finally:
        file.unlink(missing_ok=True)


def running_line(home: Path | str | None = None) -> RunningLine | None:
    """The line that is up in this state directory, or None; a file left by a killed line does not count."""
    directory = home_directory(home)
    try:
        document = json.loads((directory / "line.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not is_held(directory) or not is_alive(document["pid"]):
        return None
    return RunningLine(document["pid"], Endpoints(**document["endpoints"]), Site(**document["site"]))
