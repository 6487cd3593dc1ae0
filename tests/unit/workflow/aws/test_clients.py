"""Clients are created once per process, with bounded retries."""

import pytest
from botocore.exceptions import ParamValidationError

from workflow.aws import clients


@pytest.mark.parametrize(("setting", "seconds"), [("", 60), ("15", 15)])
def test_a_client_is_created_once_with_bounded_retries(
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
    assert config.user_agent == "partcheck"


def test_a_request_without_a_key_is_refused_before_it_becomes_a_request_for_the_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients.client.cache_clear()

    with pytest.raises(ParamValidationError, match="Key"):
        clients.client("s3").delete_object(Bucket="partcheck-filed", Key="")

    clients.client.cache_clear()
