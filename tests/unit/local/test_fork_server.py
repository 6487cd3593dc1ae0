"""A Python program that is started with a fork server is a fork of the server, and behaves as itself."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import fork_server

Start = Callable[..., "subprocess.Popen[str]"]
PARENT = """
import os, sys
from pathlib import Path
from local import fork_server
fork_server.install(Path(sys.argv[1]))
print(sys.executable, flush=True)
sys.stdin.read()
"""
SCRIPT = """
import os, sys
print(os.getpid(), os.getppid(), flush=True)
for line in sys.stdin:
    print(eval(line), flush=True)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a process with a fork server, and return its program for Python scripts."""
    environment = os.environ | {"AWS_DEFAULT_REGION": "eu-central-1", "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", PARENT, str(tmp_path_factory.mktemp("fork"))]
    with subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True) as parent:
        assert parent.stdout
        yield parent.stdout.readline().strip()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a script which evaluates lines."""
    script, started = tmp_path / "script.py", list[subprocess.Popen[str]]()
    script.write_text(SCRIPT)

    def run(program: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [program, str(script), *arguments],
            cwd=tmp_path,
            env=os.environ | environment,
            stdin=-1,
            stdout=-1,
            stderr=-1,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask(process: "subprocess.Popen[str]", expression: str) -> object:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{expression}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def pids(process: "subprocess.Popen[str]") -> tuple[int, int]:
    assert process.stdout
    worker, parent = map(int, process.stdout.readline().split())
    return worker, parent


def test_a_fork_has_the_clients_environment_and_streams_and_shares_the_servers_packages(
    program: str, start: Start, tmp_path: Path
) -> None:
    process = start(program, "a b", "", WORD="ü = \udc80\n")

    worker, server = pids(process)

    assert process.pid not in (worker, server)
    assert ask(process, "sys.argv[1:], os.environ['WORD'] == 'ü = \\udc80\\n'") == "(['a b', ''], True)"
    assert ask(process, "os.getcwd()") == str(tmp_path)
    assert ask(process, "'boto3' in sys.modules, 'workflow' in sys.modules") == "(True, False)"
    shared = "sum(int(line.split()[1]) for line in open('/proc/self/smaps_rollup') if 'Private' in line)"
    assert int(str(ask(process, shared))) < 20_000  # Kilobytes; a process of its own has 45,000.
    process.communicate()
    wait_until(lambda: not Path(f"/proc/{worker}").exists())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_client_and_fork_end_together(program: str, start: Start, number: int) -> None:
    client, other = start(program), start(program)
    worker, surviving = pids(client)[0], pids(other)[0]

    client.send_signal(number)
    os.kill(surviving, number)

    wait_until(lambda: not Path(f"/proc/{worker}").exists())
    assert other.wait(60) == 1


def test_an_error_of_the_script_is_on_its_error_stream(program: str, start: Start) -> None:
    process = start(program)

    assert "ZeroDivisionError" in process.communicate("1 / 0\n")[1]


def test_without_a_server_the_script_runs_by_itself(program: str, start: Start) -> None:
    os.kill(pids(start(program))[1], signal.SIGKILL)

    def alone() -> bool:
        process = start(program)
        return pids(process) == (process.pid, os.getpid()) if process.poll() is None else False

    wait_until(alone)


def test_another_user_gets_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = socket.socketpair()
    with client, server:
        fork_server._check_user(server)
        monkeypatch.setattr("os.getuid", lambda: 4711)
        with pytest.raises(PermissionError):
            fork_server._check_user(server)


def test_a_worker_loads_no_package_that_the_server_does_not_share() -> None:
    names = [f"lambdas.{file.stem}" for file in Path("lambdas").glob("[!_]*.py")]
    code = (
        "import sys, importlib; from local import fork_server; fork_server.load_packages();"
        f"shared = set(sys.modules); [importlib.import_module(name) for name in {names}];"
        "print({name.split('.')[0] for name in set(sys.modules) - shared"
        " if 'site-packages' in str(getattr(sys.modules[name], '__file__', ''))})"
    )
    environment = os.environ | {"POWERTOOLS_TRACE_DISABLED": "true", "AWS_DEFAULT_REGION": "eu-central-1"}

    loaded = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)

    assert loaded.stdout.decode().strip() == "set()"
    assert tuple(sorted(fork_server.PACKAGES)) == fork_server.PACKAGES
