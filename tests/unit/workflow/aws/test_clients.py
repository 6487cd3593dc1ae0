"""Clients are created once per process, with bounded retries."""

import pytest

from workflow.aws import clients


def test_a_client_is_created_once_with_bounded_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    clients.client.cache_clear()

    client = clients.client("sqs")

    assert clients.client("sqs") is client
    clients.client.cache_clear()
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (5, 60)
