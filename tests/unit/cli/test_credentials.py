"""AWS credentials that ran out and mistyped regions: one sentence with the remedy, exit code 2."""

from pathlib import Path
from typing import NoReturn

import pytest
from botocore import exceptions
from click.testing import CliRunner, Result

from cli.main import main


def failing(error: Exception) -> Result:
    """`partcheck execution list` with an environment that raises this error."""

    def find_environment(_state_dir: Path | None) -> NoReturn:
        raise error

    return CliRunner().invoke(main, ["execution", "list"], obj=find_environment)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (exceptions.SSOTokenLoadError(error_msg="it is gone"), "`aws sso login --profile 'line 2'`"),
        (exceptions.UnauthorizedSSOTokenError(), "`aws sso login --profile 'line 2'`"),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            "`aws sso login --profile 'line 2'`",
        ),
        (exceptions.LoginRefreshRequired(), "`aws login --profile 'line 2'`"),
        (exceptions.NoCredentialsError(), "--profile, or run `aws sso login --profile 'line 2'`"),
        (exceptions.ProfileNotFound(profile="line 2"), "`aws configure list-profiles`"),
        (
            exceptions.ClientError({"Error": {"Code": "ExpiredToken", "Message": "it expired"}}, "Call"),
            "run `aws sso login --profile 'line 2'`",
        ),
    ],
)
def test_credentials_that_ran_out_name_the_command_that_renews_them(
    error: Exception, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile login]\nsso_start_url = https://works.example\n"
        '[profile "line 2"]\nrole_arn = arn\nsource_profile = login\n'
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "line 2")

    result = failing(error)

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert remedy in result.stderr


def test_credentials_in_variables_are_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "expired")

    result = failing(exceptions.ClientError({"Error": {"Code": "ExpiredTokenException"}}, "Call"))

    assert result.exit_code == 2
    assert "set AWS_ACCESS_KEY_ID" in result.stderr


def test_a_mistyped_region_is_named_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    result = CliRunner().invoke(main, ["--stage", "dev", "--region", "eu-centrl-1", "execution", "list"])

    assert result.exit_code == 2
    assert "There is no AWS region 'eu-centrl-1': did you mean eu-central-1?" in result.stderr
