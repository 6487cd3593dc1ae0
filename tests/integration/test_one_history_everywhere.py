"""One photo whose history is the same in the review app, on the command line and in GetExecutionHistory."""

import json
import re
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

from click.testing import CliRunner

from cli.context import open_environment
from cli.main import main
from lambdas import catalog
from local.environment import LocalEnvironment
from local.scheduler import invoke_function
from tests.web.serving import visitor
from workflow.aws.archive import S3ExecutionArchive
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.history import archive

NAME = "four 711 é.png"
TIMEOUT_SECONDS = 120


def becomes_true(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return bool(holds)


def test_a_photo_has_the_same_history_everywhere_and_in_the_archive(
    environment: LocalEnvironment, tmp_path: Path
) -> None:
    file = tmp_path / NAME
    file.write_bytes(b"not a photo")

    def partcheck(*arguments: str) -> str:
        opened = open_environment(environment.outputs, environment.sdk_environment)
        return CliRunner().invoke(main, arguments, obj=lambda _state_dir: opened).stdout

    partcheck("inspect", str(file))
    assert becomes_true(lambda: '"status": "SUCCEEDED"' in partcheck("execution", "show", NAME, "--json"))
    shown = json.loads(partcheck("execution", "show", NAME, "--json"))
    execution = shown["execution"]["name"]
    arn = StepFunctionsExecutions(environment.outputs.state_machine_arn).arn(execution)
    events = client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
    ]
    on_the_command_line = [step["name"] for step in shown["steps"]]

    archive_store = S3ExecutionArchive(environment.outputs.history_bucket)
    assert becomes_true(
        lambda: not invoke_function(catalog.ARCHIVE_EXECUTIONS) and archive_store.get(execution)
    )
    archived = archive_store.get(execution)
    assert archived is not None
    with visitor(environment.review_app_url, "ann") as browser:
        listed = browser.get("/executions", params={"q": "711"}).text
        page = browser.get(f"/executions/{execution}").text
        dashboard = browser.get("/dashboard").text
        exported = archive.from_json(browser.get(f"/executions/{execution}/export.json").text)
        log_page = browser.get(
            f"/executions/{execution}", params={"step": archived.steps[0].id, "logs": "1"}
        ).text
    shown_with_logs = partcheck("execution", "show", NAME, "--logs")
    in_the_browser = [
        unescape(name) for name in re.findall(r'<span class="label">(.*?)(?: \(\d+\))?</span>', page)
    ]

    assert entered[0] == "Claim upload"
    assert in_the_browser == on_the_command_line == entered
    assert f'href="/executions/{execution}"' in listed
    queues = re.findall(r'<th scope="row">(\w+)</th>\s*<td class="number">(?:<a [^>]+>)?\d', dashboard)
    assert queues == ["intake", "decisions", "escalations", "commands"]
    assert archived == exported
    assert [step.name for step in archived.steps] == entered
    assert "INFO claimed</summary>" in log_page
    assert set(re.findall("inspection_id&#34;: &#34;([0-9a-f]{64})", log_page)) == {execution[:64]}
    assert {"INFO claimed", "INFO filed", "INFO closed"} <= set(
        re.findall(r"log    \S+ (.*)", shown_with_logs)
    )
    assert archived.status == shown["execution"]["status"] == "SUCCEEDED"
    assert archived.steps[-1].entered_at.isoformat()[:23] == shown["steps"][-1]["entered_at"][:23]
