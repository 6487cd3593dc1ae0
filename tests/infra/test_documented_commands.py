"""The AWS CLI accepts every command of our documentation."""

import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awscli
import pytest
from awscli.clidriver import create_clidriver

from tests.infra import documented_commands

COMMANDS = [
    (page.name, command)
    for page in documented_commands.PAGES
    for line in documented_commands.complete_commands(page)
    for command in documented_commands.split_commands(line)
]
NAMED_COMMANDS = [
    (page.name, command)
    for page in documented_commands.PAGES
    for command in documented_commands.named_commands(page)
]


def run_command(arguments: list[str]) -> int:
    """Run a command whose calls get empty answers. Return the exit code."""
    driver = create_clidriver()
    driver.session.register("before-call", lambda **_: (SimpleNamespace(status_code=200), {}))
    try:
        return int(driver.main(arguments))
    except SystemExit as refused:
        return int(refused.code or 0)


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a directory with the files that commands name, with only region and keys configured."""
    monkeypatch.chdir(tmp_path)
    for name in ("part.jpg", "policy.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    # The AWS CLI sets it on import. Other tests may have removed it from the environment.
    monkeypatch.setenv("AWS_DATA_PATH", str(Path(awscli.__file__).parent / "data"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


def test_the_guide_the_runbook_and_the_page_on_the_local_aws_have_commands() -> None:
    assert {page for page, _ in COMMANDS} >= {"deploy.md", "runbook.md", "local.md"}


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_the_aws_cli_accepts_a_documented_command(
    page: str, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run_command(shlex.split(os.path.expandvars(command))[1:])

    assert code == 0, f"{page}: {capfd.readouterr().err}"


@pytest.mark.parametrize(("page", "command"), NAMED_COMMANDS)
def test_a_named_command_exists(page: str, command: str) -> None:
    service, *operation = shlex.split(command)[1:]
    table: Any = create_clidriver()._get_command_table()
    assert service in table, page
    if service not in ("configure", "s3"):
        assert operation[0] in table[service]._get_command_table(), page


@pytest.mark.parametrize(
    "wrong",
    [
        "aws sqs purge-queues --queue-url Q",
        "aws sqs purge-queue --queue Q --all",
        "aws sqs purge-queue",
        "aws cognito-idp admin-add-user-to-group --user-pool-id P --username ann",
        "aws sqs receive-message --queue-url Q --visibility-timeout soon",
    ],
)
def test_the_aws_cli_rejects_a_wrong_command(wrong: str) -> None:
    assert run_command(shlex.split(wrong)[1:]) != 0
