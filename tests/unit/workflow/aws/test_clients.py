"""Clients are created once per process, with bounded retries."""

import pytest

from workflow.aws import clients


@pytest.mark.parametrize(("setting", "seconds"), [("", 60), ("15", 15)])
def test_a_client_is_created_once_with_bounded_retries_and_without_costly_checks(
    monkeypatch: pytest.MonkeyPatch, setting: str, seconds: int
) -> None:
    monkeypatch.setenv("READ_TIMEOUT_SECONDS", setting)
    monkeypatch.setattr("boto3.client", lambda service, config: config)
    clients.client.cache_clear()

    config = clients.client("sqs")

    assert clients.client("sqs") is config
    clients.client.cache_clear()
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (5, seconds)
    assert (config.user_agent, config.parameter_validation) == ("partcheck", False)
