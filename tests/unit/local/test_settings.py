import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from local import settings
from local.lock import locked
from local.ports import Ports
from local.settings import Endpoints
from workflow.aws.site import Site
from workflow.errors import ConfigurationError

PORTS = Ports.at(15_000)
ENDPOINTS = Endpoints.at(PORTS)
SITE = Site(**{field.name: field.name for field in fields(Site)})


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTCHECK_HOME", "PARTCHECK_PORT", "PARTCHECK_MAX_IN_FLIGHT"):
        monkeypatch.delenv(name, raising=False)


def test_state_lies_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert settings.home_directory() == tmp_path.resolve() / ".partcheck"


def test_the_variable_moves_the_state_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_HOME", "/var/a")

    assert settings.home_directory() == Path("/var/a")
    assert settings.home_directory("/var/b") == Path("/var/b")


def test_ports_are_the_usual_four() -> None:
    assert settings.chosen_ports() == Ports(4566, 4567, 4568, 4569)


def test_the_variable_moves_the_ports_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_PORT", "5000")

    assert settings.chosen_ports() == Ports(5000, 5001, 5002, 5003)
    assert settings.chosen_ports(6000) == Ports(6000, 6001, 6002, 6003)


def test_a_port_that_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_PORT", "http")

    with pytest.raises(ConfigurationError, match="PARTCHECK_PORT"):
        settings.chosen_ports()


@pytest.mark.parametrize("base", [0, 80, 65_533, 70_000])
def test_ports_outside_the_range_are_refused(base: int) -> None:
    with pytest.raises(ConfigurationError, match="--port"):
        settings.chosen_ports(base)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1001"])
def test_a_wrong_number_of_inspections_at_once_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTCHECK_MAX_IN_FLIGHT", text)

    with pytest.raises(ConfigurationError, match="PARTCHECK_MAX_IN_FLIGHT"):
        settings.max_in_flight()


def test_adopting_a_line_drops_settings_meant_for_aws() -> None:
    variables = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "x",
        "AWS_ENDPOINT_URL_S3": "http://s3",
        "PATH": "/bin",
    }

    settings.adopt(ENDPOINTS, variables)

    assert variables == {"PATH": "/bin"} | settings.environment(ENDPOINTS)


def test_a_block_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    before = dict(os.environ)

    with settings.adopted(ENDPOINTS):
        assert os.environ["AWS_ENDPOINT_URL"] == ENDPOINTS.aws
        assert "AWS_PROFILE" not in os.environ

    assert dict(os.environ) == before


def test_an_announced_line_can_be_found_until_it_stops(tmp_path: Path) -> None:
    with locked(tmp_path, PORTS), settings.announced(tmp_path, ENDPOINTS, SITE) as line:
        assert settings.running_line(tmp_path) == line
        assert json.loads((tmp_path / "line.json").read_text())["pid"] == os.getpid()

    assert settings.running_line(tmp_path) is None
    assert not (tmp_path / "line.json").exists()


def test_the_file_of_a_killed_line_does_not_count(tmp_path: Path) -> None:
    with locked(tmp_path, PORTS), settings.announced(tmp_path, ENDPOINTS, SITE):
        left = (tmp_path / "line.json").read_text()
    (tmp_path / "line.json").write_text(left)

    assert settings.running_line(tmp_path) is None


def test_no_line_runs_where_there_is_no_state(tmp_path: Path) -> None:
    assert settings.running_line(tmp_path / "nothing") is None
