import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from local import settings
from local.lock import lock_state_dir
from local.ports import Ports
from local.settings import Endpoints
from workflow.aws.stack_outputs import StackOutputs
from workflow.errors import ConfigurationError

PORTS = Ports.from_base(15_000)
ENDPOINTS = Endpoints.from_ports(PORTS)
OUTPUTS = StackOutputs(**{field.name: field.name for field in fields(StackOutputs)})


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTCHECK_STATE_DIR", "PARTCHECK_PORT", "PARTCHECK_MAX_IN_FLIGHT"):
        monkeypatch.delenv(name, raising=False)


def test_the_default_state_directory_is_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert settings.resolve_state_dir() == tmp_path.resolve() / ".partcheck"


def test_the_variable_sets_the_state_directory_and_the_option_takes_precedence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARTCHECK_STATE_DIR", "/var/a")

    assert settings.resolve_state_dir() == Path("/var/a")
    assert settings.resolve_state_dir("/var/b") == Path("/var/b")


def test_the_default_ports_are_four_in_a_row() -> None:
    assert settings.resolve_ports() == Ports(
        aws=4566, step_functions=4567, custom_labels=4568, review_app=4569
    )


def test_the_variable_sets_the_ports_and_the_option_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_PORT", "5000")

    assert settings.resolve_ports() == Ports(
        aws=5000, step_functions=5001, custom_labels=5002, review_app=5003
    )
    assert settings.resolve_ports(6000) == Ports(
        aws=6000, step_functions=6001, custom_labels=6002, review_app=6003
    )


def test_a_port_that_is_not_a_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_PORT", "http")

    with pytest.raises(ConfigurationError, match="PARTCHECK_PORT"):
        settings.resolve_ports()


@pytest.mark.parametrize("base", [0, 80, 65_533, 70_000])
def test_ports_outside_the_range_are_refused(base: int) -> None:
    with pytest.raises(ConfigurationError, match="--port"):
        settings.resolve_ports(base)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1001"])
def test_an_invalid_number_of_concurrent_inspections_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTCHECK_MAX_IN_FLIGHT", text)

    with pytest.raises(ConfigurationError, match="PARTCHECK_MAX_IN_FLIGHT"):
        settings.max_in_flight()


def test_applying_the_sdk_environment_removes_aws_settings() -> None:
    variables = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "x",
        "AWS_ENDPOINT_URL_S3": "http://s3",
        "PATH": "/bin",
    }

    settings.apply_sdk_environment(ENDPOINTS, variables)

    assert variables == {"PATH": "/bin"} | settings.sdk_environment(ENDPOINTS) | settings.PATIENT


def test_the_temporary_sdk_environment_restores_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    before = dict(os.environ)

    with settings.temporary_sdk_environment(ENDPOINTS):
        assert os.environ["AWS_ENDPOINT_URL"] == ENDPOINTS.aws
        assert "AWS_PROFILE" not in os.environ

    assert dict(os.environ) == before


def test_a_published_environment_can_be_found_until_it_stops(tmp_path: Path) -> None:
    with (
        lock_state_dir(tmp_path, PORTS),
        settings.publish_running_environment(tmp_path, ENDPOINTS, OUTPUTS) as running,
    ):
        assert settings.find_running_environment(tmp_path) == running
        assert json.loads((tmp_path / "environment.json").read_text())["pid"] == os.getpid()

    assert settings.find_running_environment(tmp_path) is None
    assert not (tmp_path / "environment.json").exists()


def test_the_file_of_a_killed_environment_does_not_count(tmp_path: Path) -> None:
    with (
        lock_state_dir(tmp_path, PORTS),
        settings.publish_running_environment(tmp_path, ENDPOINTS, OUTPUTS),
    ):
        left = (tmp_path / "environment.json").read_text()
    (tmp_path / "environment.json").write_text(left)

    assert settings.find_running_environment(tmp_path) is None


def test_no_environment_runs_without_a_state_directory(tmp_path: Path) -> None:
    assert settings.find_running_environment(tmp_path / "nothing") is None
