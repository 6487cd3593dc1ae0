"""One photo, followed in the review app, on the command line and with GetExecutionHistory: one story."""

import json
import re
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

from click.testing import CliRunner

from cli.main import main
from cli.reach import open_line
from lambdas import catalog
from local.clock import invoke
from local.line import Line
from tests.web.serving import visitor
from workflow.aws.archive import S3Archive
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.history import archive

NAME = "four 711 é.png"
PATIENCE = 120


def until(true: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return bool(found)


def test_the_same_photo_has_one_story_everywhere_and_keeps_it(line: Line, tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(b"not a photo")

    def partcheck(*arguments: str) -> str:
        reached = open_line(line.site, line.environment)
        return CliRunner().invoke(main, arguments, obj=lambda _home: reached).stdout

    partcheck("inspect", str(file))
    assert until(lambda: '"status": "SUCCEEDED"' in partcheck("show", NAME, "--json"))
    told = json.loads(partcheck("show", NAME, "--json"))
    execution = told["execution"]["name"]
    arn = StepFunctionsExecutions(line.site.state_machine_arn).arn(execution)
    raw = client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in raw if "stateEnteredEventDetails" in event
    ]
    on_the_command_line = [step["name"] for step in told["steps"]]

    shelf = S3Archive(line.site.history_bucket)
    assert until(lambda: not invoke(catalog.KEEP_HISTORY) and shelf.get(execution))
    kept = shelf.get(execution)
    assert kept is not None
    with visitor(line.review_app, "ann") as browser:
        listed = browser.get("/executions", params={"q": "711"}).text
        page = browser.get(f"/executions/{execution}").text
        dashboard = browser.get("/dashboard").text
        exported = archive.parsed(browser.get(f"/executions/{execution}/export.json").text)
        logged = browser.get(f"/executions/{execution}", params={"step": kept.steps[0].id, "logs": "1"}).text
    told_again = partcheck("show", NAME, "--logs")
    in_the_browser = [
        unescape(name) for name in re.findall(r'<span class="label">(.*?)(?: \(\d+\))?</span>', page)
    ]

    assert entered[0] == "Claim upload"
    assert in_the_browser == on_the_command_line == entered
    assert f'href="/executions/{execution}"' in listed
    queues = re.findall(r'<th scope="row">(\w+)</th><td class="number">(?:<a [^>]+>)?\d', dashboard)
    assert queues == ["intake", "decisions", "escalations", "commands"]
    assert kept == exported
    assert [step.name for step in kept.steps] == entered
    assert "INFO claimed</summary>" in logged
    assert set(re.findall("inspection_id&#34;: &#34;([0-9a-f]{64})", logged)) == {execution[:64]}
    assert {"INFO claimed", "INFO filed", "INFO closed"} <= set(re.findall(r"log    \S+ (.*)", told_again))
    assert kept.status == told["execution"]["status"] == "SUCCEEDED"
    assert kept.steps[-1].entered_at.isoformat()[:23] == told["steps"][-1]["entered_at"][:23]
