"""Unit tests open no sockets, use no environment of other tests, and pass on a busy machine."""

import os

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_sockets() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that other tests started in this process is not meant."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
