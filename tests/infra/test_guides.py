"""What our documentation tells people to type at the AWS CLI, the AWS CLI understands."""

import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awscli
import pytest
from awscli.clidriver import create_clidriver

from tests.infra import guides

LINES = [
    (page.name, command)
    for page in guides.PAGES
    for line in guides.typed(page)
    for command in guides.simple(line)
]
NAMED = [(page.name, command) for page in guides.PAGES for command in guides.named(page)]


def answered(arguments: list[str]) -> int:
    """The exit code when every call gets an empty answer."""
    driver = create_clidriver()
    driver.session.register("before-call", lambda **_: (SimpleNamespace(status_code=200), {}))
    try:
        return int(driver.main(arguments))
    except SystemExit as refused:
        return int(refused.code or 0)


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somewhere with the files that lines name, and no settings but a region and keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("part.jpg", "policy.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    # The AWS CLI sets it when it is imported; what other tests do to the environment may have undone that.
    monkeypatch.setenv("AWS_DATA_PATH", str(Path(awscli.__file__).parent / "data"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


def test_there_are_lines_in_the_guide_the_runbook_and_the_page_on_the_local_aws() -> None:
    assert {page for page, _ in LINES} >= {"deploy.md", "runbook.md", "local.md"}


@pytest.mark.parametrize(("page", "command"), LINES)
def test_a_line_is_understood(page: str, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = answered(shlex.split(os.path.expandvars(command))[1:])

    assert code == 0, f"{page}: {capfd.readouterr().err}"


@pytest.mark.parametrize(("page", "command"), NAMED)
def test_a_command_that_is_named_exists(page: str, command: str) -> None:
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
def test_a_line_that_is_wrong_is_not_understood(wrong: str) -> None:
    assert answered(shlex.split(wrong)[1:]) != 0
