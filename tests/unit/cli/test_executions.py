import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import InMemoryInspectionSearch
from tests.unit.cli.conftest import STARTED_AT, CommandLine
from tests.unit.pipeline import CLEARLY_DEFECT, KEY, UNSURE
from workflow import timestamps
from workflow.history.archive import ExecutionRecord, from_json, redact_events
from workflow.history.logs import EXPIRED, LogLine, LogLines
from workflow.history.metrics import FailedExecution
from workflow.inspections.inspection import Decision
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc" + "x" * 60


def events(*kinds: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "previousEventId": number - 1,
            "type": kind,
            "timestamp": STARTED_AT + timedelta(seconds=number),
            **({f"{kind[0].lower()}{kind[1:]}EventDetails": details} if details else {}),
        }
        for number, (kind, details) in enumerate(kinds, start=1)
    ]


def entered(kind: str, name: str, document: object) -> tuple[str, dict[str, Any]]:
    return f"{kind}StateEntered", {"name": name, "input": json.dumps(document)}


def later(first: int, *kinds: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Events that go on from others, of which the next has this number."""
    shift = first - 1
    return [
        {**event, "id": event["id"] + shift, "previousEventId": event["previousEventId"] + shift}
        for event in events(*kinds)
    ]


def asking() -> list[dict[str, Any]]:
    return events(
        ("ExecutionStarted", {"input": "{}"}),
        entered("Task", "Ask a reviewer", {"inspection_id": "1"}),
        (
            "TaskScheduled",
            {
                "resourceType": "lambda",
                "resource": "invoke.waitForTaskToken",
                "parameters": json.dumps({"Payload": {"token": TOKEN}}),
            },
        ),
        ("TaskSubmitted", {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}),
    )


def test_executions_lists_the_newest_first(command_line: CommandLine) -> None:
    first = command_line.pipeline.row(command_line.inspect("first.png"))
    command_line.pipeline.inspections.rows[first.id] = replace(first, claimed_at="2026-01-01")
    command_line.inspect("second.png", CLEARLY_DEFECT)

    result = command_line.run("execution", "list", "--limit", "1", "--json")

    assert result.exit_code == 0
    (told,) = map(json.loads, result.stdout.splitlines())
    assert (told["key"], told["verdict"], told["state"]) == ("second.png", "defect", "closed")
    assert (told["confidence"], told["threshold"]) == (0.95, 0.8)


def test_executions_in_a_table_keeps_one_row_an_inspection(command_line: CommandLine) -> None:
    command_line.inspect("line 1/[red]pump\n#7.png")

    header, row = command_line.run("execution", "list").stdout.splitlines()

    titles = "photo state verdict confidence threshold seconds uploaded execution"
    assert " ".join(header.split()) == titles
    assert row.startswith(r"line 1/[red]pump\n#7.png  closed  ok ")


def test_an_execution_in_a_pipe_or_in_csv_is_whole_and_finds_its_inspection(
    command_line: CommandLine,
) -> None:
    image = command_line.inspect()
    owner = command_line.pipeline.row(image).owner

    table, csv = (command_line.run("execution", "list", *options).stdout for options in ((), ("--csv",)))

    assert table.split()[-1] == owner
    titles, cells = (line.strip('"').split('","') for line in csv.removeprefix("\ufeff").splitlines())
    assert dict(zip(titles, cells, strict=True))["execution"] == owner
    assert command_line.run("execution", "show", owner).exit_code == 0
    earlier = command_line.run("execution", "show", f"{inspection_id(image)[:12]}-7")
    assert f"{inspection_id(image)}-7" in earlier.stdout


def test_failed_is_a_state_in_the_list(command_line: CommandLine) -> None:
    failed, waiting = (command_line.pipeline.upload(key=f"{name}.png") for name in ("failed", "fine"))
    owner, _ = command_line.pipeline.begin(failed), command_line.pipeline.begin(waiting)
    failure = FailedExecution(
        execution=owner, at=timestamps.now(), status="FAILED", state="Detect labels", error="Crash", cause=""
    )
    command_line.metrics.add_failure(failure)

    found = command_line.run("execution", "list", "--state", "failed", "--json").stdout
    others = command_line.run("execution", "list", "--state", "failed", "--name", "fine", "--json")

    assert [json.loads(line)["key"] for line in found.splitlines()] == ["failed.png"]
    assert others.stdout == ""


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        (("--model", "2026"), "--model takes a model's whole name or ARN (`partcheck model list`)"),
        (("--policy", "x"), "--policy takes the whole version"),
        (("--name", "art"), "--name takes the beginning of a word or number in the name or of a word of its"),
        (("--state", "waiting"), "No inspections match these options."),
    ],
)
def test_an_empty_result_names_the_rule_of_its_options(
    command_line: CommandLine, option: tuple[str, str], rule: str
) -> None:
    command_line.inspect()

    result = command_line.run("execution", "list", *option)

    assert (result.exit_code, result.stdout) == (0, "")
    assert rule in result.stderr


def test_a_model_is_found_by_its_arn(command_line: CommandLine) -> None:
    command_line.inspect()
    arn = json.loads(command_line.run("execution", "list", "--json").stdout)["model"]

    assert command_line.run("execution", "list", "--model", arn, "--json").stdout


def test_executions_of_an_empty_table_says_how_to_begin(command_line: CommandLine) -> None:
    result = command_line.run("execution", "list")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "partcheck inspect" in result.stderr


def test_show_finds_a_photo_by_name_key_address_id_first_digits_and_execution(
    command_line: CommandLine,
) -> None:
    image = command_line.pipeline.upload()
    owner = command_line.pipeline.inspected(image)
    identity = inspection_id(image)
    row = command_line.pipeline.row(image)

    for text in (
        image.name,
        KEY,
        f"s3://inbound/{KEY}",
        row.location.key,
        identity,
        identity[:4],
        owner,
        f"{identity[:12]}-1",
        f"{identity[:12]}…-1",
    ):
        result = command_line.run("execution", "show", text)
        assert result.exit_code == 0, text
        assert f"inspection  {identity}" in result.stdout
        assert "verdict ok" in result.stdout


def test_show_says_how_many_others_have_the_name(command_line: CommandLine) -> None:
    for _ in range(3):
        command_line.inspect()

    result = command_line.run("execution", "show", KEY)

    assert "2 other inspections matched" in result.stderr


def test_show_of_something_unknown_fails_with_one_sentence(command_line: CommandLine) -> None:
    result = command_line.run("execution", "show", "no\x1bsuch.jpg")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: No inspection of 'no\\x1bsuch.jpg'")


def test_show_prints_the_steps_and_no_token(command_line: CommandLine) -> None:
    command_line.pipeline.detector.answers = [UNSURE]
    owner = command_line.pipeline.waiting(command_line.pipeline.upload())
    command_line.executions.histories[owner] = asking()

    short, full, document = (
        command_line.run("execution", "show", owner, *more) for more in ((), ("--full",), ("--json",))
    )

    assert "Ask a reviewer  (task, waiting for a reviewer since 2026-01-01 00:00 UTC" in short.stdout
    assert "00:00:02.000" in short.stdout
    for result in (short, full, document):
        assert result.exit_code == 0
        assert "[task token]" in result.stdout
        assert TOKEN not in result.output
    told = json.loads(document.stdout)
    assert told["execution"]["status"] == "RUNNING"
    assert [step["name"] for step in told["steps"]] == ["Ask a reviewer"]
    assert told["steps"][0]["attempts"][0]["scheduled_at"] == "2026-01-01T00:00:03.000Z"


def test_show_of_a_step_that_failed_shows_every_try_and_its_error(command_line: CommandLine) -> None:
    owner = command_line.pipeline.row(command_line.inspect()).owner
    command_line.executions.histories[owner] = events(
        ("ExecutionStarted", {"input": "{}"}),
        entered("Task", "Detect labels", {}),
        ("LambdaFunctionScheduled", {"resource": "arn", "input": "{}"}),
        ("LambdaFunctionFailed", {"error": "Throttled", "cause": "too\nfast"}),
        ("LambdaFunctionScheduled", {"resource": "arn", "input": "{}"}),
        ("LambdaFunctionTimedOut", {}),
        ("ExecutionFailed", {"error": "States.Timeout"}),
    )

    result = command_line.run("execution", "show", owner)

    assert r"try 1: failed after 1.000 s: Throttled: too\nfast" in result.stdout
    assert "try 2: timed out after 1.000 s: States.Timeout" in result.stdout
    assert "(task, timed out)" in result.stdout


def test_show_tells_what_the_row_holds_when_the_execution_is_forgotten(command_line: CommandLine) -> None:
    image = command_line.pipeline.upload()
    owner = command_line.pipeline.inspected(image)
    del command_line.executions.statuses[owner]

    result = command_line.run("execution", "show", KEY)

    assert result.exit_code == 0
    assert "no longer knows" in result.stderr
    assert "lies at     s3://filed/ok/" in result.stdout


def test_show_of_an_execution_that_failed_before_its_claim_has_no_row(
    command_line: CommandLine,
) -> None:
    owner = command_line.pipeline.start(command_line.pipeline.upload())
    command_line.executions.histories[owner] = asking()

    result = command_line.run("execution", "show", owner)

    assert result.exit_code == 0
    assert f"execution   {owner}  RUNNING" in result.stdout


def test_show_tells_why_a_photo_was_rejected_and_who_decided(command_line: CommandLine) -> None:
    command_line.pipeline.inspected(command_line.pipeline.upload(b"", key="empty.jpg"))
    command_line.pipeline.detector.answers = [UNSURE]
    image = command_line.pipeline.upload(key="unsure.png")
    command_line.pipeline.waiting(image)
    command_line.pipeline.decide(image, Verdict.DEFECT, "ann", "a crack\nat the rim")

    assert "rejected    The file is empty" in command_line.run("execution", "show", "empty.jpg").stdout
    shown = command_line.run("execution", "show", "unsure.png").stdout
    assert r"decision    defect by ann: a crack\nat the rim" in shown
    assert "audit " in shown
    assert "ann decide unclear → defect" in shown


def test_executions_answer_to_every_option(command_line: CommandLine) -> None:
    command_line.inspect("cast_0001.png")
    command_line.inspect("cast_0042.png", CLEARLY_DEFECT)

    def keys(*options: str) -> list[str]:
        lines = command_line.run("execution", "list", "--json", *options).stdout.splitlines()
        return [json.loads(line)["key"] for line in lines]

    assert keys("--name", "42") == ["cast_0042.png"]
    assert keys("--name", "cast*", "--verdict", "ok") == ["cast_0001.png"]
    assert keys("--state", "waiting") == []
    assert len(keys("--since", "2026-01-01", "--model", "1", "--policy", "2026-01")) == 2
    assert keys("--until", "2026-01-01") == []
    assert "No inspections match" in command_line.run("execution", "list", "--by", "nobody").stderr


def test_csv_holds_no_formula_and_begins_with_the_mark_by_which_spreadsheets_know_utf_8(
    command_line: CommandLine,
) -> None:
    command_line.inspect("=Prüfling.png")

    content = command_line.run("execution", "list", "--csv").stdout_bytes
    header, row = command_line.run("execution", "list", "--csv", "--no-bom").stdout.splitlines()

    assert content.startswith(b'\xef\xbb\xbf"photo"')
    assert content.count(b"\xef\xbb\xbf") == 1
    assert "Prüfling.png".encode() in content
    assert header.startswith('"photo","state"')
    assert row.startswith('"\'=Prüfling.png","closed"')
    assert command_line.run("execution", "list", "--no-bom").exit_code == 2


def test_a_short_list_reads_a_short_page(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        command_line.inspect(f"{number}.png")
    sizes: list[int] = []
    fetch_page = InMemoryInspectionSearch.fetch_page

    def fetch(search: Any, query: Any, cursor: Any = None, size: int = 25) -> Any:
        sizes.append(size)
        return fetch_page(search, query, cursor, size)

    monkeypatch.setattr(InMemoryInspectionSearch, "fetch_page", fetch)

    assert command_line.run("execution", "list", "--limit", "5", "--json").stdout.count("\n") == 5
    assert sizes == [5]


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01T08:30Z",
        "2026-01-01T08:30:00.123Z",
        "2026-01-01T08:30:00,5Z",
        "2026-01-01T09:30+01:00",
        "2026-01-01 08:30:00 UTC",
        "2026-01-01 08:30:00",
        "2026-01-01t09:30:00.25 +0100",
    ],
)
def test_every_form_of_a_time_that_commands_and_pages_print_is_read(
    command_line: CommandLine, time: str
) -> None:
    command_line.inspect()

    assert command_line.run("execution", "list", "--since", time, "--json").stdout.count("\n") == 1
    assert command_line.run("execution", "list", "--until", time, "--json").stdout == ""


@pytest.mark.parametrize("text", ["yesterday", "08:30", "2026-13-01", "0001-01-01T00:00+14:00", ""])
def test_a_text_that_is_no_time_is_refused_with_an_example(command_line: CommandLine, text: str) -> None:
    result = command_line.run("execution", "list", "--since", text)

    assert result.exit_code == 2
    assert "2026-11-30T08:30Z" in result.stderr


def test_show_reads_the_archive_when_step_functions_forgot(command_line: CommandLine) -> None:
    owner = command_line.pipeline.row(command_line.inspect()).owner
    del command_line.executions.statuses[owner]
    told = ExecutionRecord(
        execution=owner,
        status="SUCCEEDED",
        started_at="2026-01-01T00:00:00Z",
        stopped_at="2026-01-01T00:00:09Z",
        events=redact_events(asking()),
    )
    command_line.archive.save(told)

    shown = command_line.run("execution", "show", KEY)

    assert "SUCCEEDED after 9.000 s" in shown.stdout
    assert "Ask a reviewer" in shown.stdout
    assert (
        json.loads(command_line.run("execution", "show", KEY, "--json").stdout)["execution"]["status"]
        == "SUCCEEDED"
    )


def test_show_tells_what_each_step_logged_if_that_is_asked_for(command_line: CommandLine) -> None:
    owner = command_line.pipeline.waiting(command_line.pipeline.upload())
    command_line.executions.histories[owner] = [*asking(), *later(5, entered("Pass", "Note it", {}))]
    line = LogLine(
        at="2026-01-01T00:00:03.500Z", level="INFO", message="asked\na reviewer", text='{\n  "timeout": 5\n}'
    )
    command_line.logs.lines[owner, 2] = LogLines((line,), truncated=True)

    plain, short, full, document = (
        command_line.run("execution", "show", owner, *more).stdout
        for more in ((), ("--logs",), ("--logs", "--full"), ("--logs", "--json"))
    )

    assert "log " not in plain
    assert r"log    00:00:03.500 INFO asked\na reviewer" in short
    assert "log    … more lines exist" in short
    assert '"timeout": 5' in full
    asked, noted = json.loads(document)["steps"]
    assert (asked["logs"]["lines"][0]["level"], noted["logs"]) == ("INFO", None)
    command_line.logs.lines.clear()
    assert f"log    {EXPIRED}" in command_line.run("execution", "show", owner, "--logs").stdout


def test_one_document_cannot_follow(command_line: CommandLine) -> None:
    command_line.inspect()

    assert command_line.run("execution", "show", KEY, "--json", "--follow").exit_code == 2
    assert command_line.run("execution", "list", "--json", "--csv").exit_code == 2


def test_show_follows_an_execution_to_its_end(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = command_line.pipeline.row(command_line.inspect()).owner
    command_line.executions.statuses[owner] = "RUNNING"
    command_line.executions.histories[owner] = asking()

    def meanwhile(_: float) -> None:
        command_line.executions.statuses[owner] = "SUCCEEDED"
        left = ("TaskStateExited", {"name": "Ask a reviewer", "output": "{}"})
        command_line.executions.histories[owner] = [
            *asking(),
            {**events(left)[0], "id": 5, "previousEventId": 4},
        ]

    monkeypatch.setattr("cli.execution.show.time.sleep", meanwhile)

    shown = command_line.run("execution", "show", owner, "--follow")

    assert shown.stdout.endswith("execution   SUCCEEDED\n")
    assert shown.stdout.count("Ask a reviewer  (task") == 2


def test_photos_are_inspected_again_by_name_or_by_model(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.execution.reinspect.time.sleep", lambda _: None)
    images = [command_line.pipeline.upload(key=f"{number}.png") for number in range(3)]
    for image in images:
        command_line.pipeline.inspected(image)

    one = command_line.run("execution", "reinspect", "0.png", "--reason", "lens")
    others = command_line.run(
        "execution", "reinspect", "--model", "1", "--verdict", "ok", "--reason", "lens", "--json"
    )

    assert one.stdout == "0.png: revision 2 begins\n"
    assert {json.loads(line)["key"] for line in others.stdout.splitlines()} == {"1.png", "2.png"}
    assert {command_line.pipeline.row(image).revision for image in images} == {2}
    assert command_line.run("execution", "reinspect", "--reason", "lens").exit_code == 2


@pytest.mark.parametrize("reason", ["", " ", "x" * 2001])
def test_nothing_is_inspected_again_without_a_reason_of_bearable_length(
    command_line: CommandLine, reason: str
) -> None:
    command_line.inspect()

    assert command_line.run("execution", "reinspect", KEY, "--reason", reason).exit_code == 2


def test_a_name_that_nothing_has_keeps_all_from_being_inspected_again(command_line: CommandLine) -> None:
    image = command_line.inspect()

    result = command_line.run("execution", "reinspect", KEY, "nosuch.jpg", "--reason", "lens")

    assert result.exit_code == 1
    assert "No inspection of 'nosuch.jpg'" in result.stderr
    assert command_line.pipeline.row(image).revision == 1


def test_a_photo_that_is_not_inspected_again_is_told_and_fails(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.execution.reinspect.time.sleep", lambda _: None)
    begun, closed = (
        command_line.pipeline.upload(key="open.png"),
        command_line.pipeline.upload(key="closed.png"),
    )
    command_line.pipeline.claim(begun, command_line.pipeline.start(begun))
    command_line.pipeline.inspected(closed)

    result = command_line.run(
        "execution", "reinspect", "open.png", "closed.png", "closed.png", "--reason", "lens", "--json"
    )

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert (told[0]["inspection_id"], told[1]["key"]) == (command_line.pipeline.row(begun).id, "closed.png")
    assert "not announced yet" in told[0]["refused"]
    assert "1 photo reinspected, 1 refused." in result.stderr


def test_many_at_once_are_inspected_again_but_not_those_that_a_person_decided(
    command_line: CommandLine,
) -> None:
    row = command_line.pipeline.row(command_line.inspect())
    made = Decision(
        id="d1", verdict=Verdict.DEFECT, reviewer="ann", decided_at=row.closed_at, reason="scratch"
    )
    command_line.pipeline.inspections.rows[row.id] = replace(row, decision=made)

    many = command_line.run("execution", "reinspect", "--model", "1", "--reason", "lens")

    assert (many.exit_code, "ann decided it" in many.stderr) == (1, True)
    assert command_line.pipeline.row(row.image).decision == made
    single = command_line.run("execution", "reinspect", KEY, "--reason", "lens")
    assert single.stdout.endswith("revision 2 begins\n")


def test_an_execution_is_exported_and_read_back(command_line: CommandLine, tmp_path: Path) -> None:
    owner, file = command_line.pipeline.row(command_line.inspect()).owner, tmp_path / "e.json"
    times = {"started_at": "2026-01-01", "stopped_at": "2026-01-02"}
    told = ExecutionRecord(execution=owner, status="SUCCEEDED", events=redact_events(asking()), **times)
    command_line.histories.records[owner] = told

    command_line.run("execution", "export", KEY, "-o", str(file))

    assert from_json(file.read_text(encoding="utf-8")) == told
    assert from_json(command_line.run("execution", "export", owner).stdout) == told
    command_line.histories.records.clear()
    refused = command_line.run("execution", "export", owner)
    assert "neither in Step Functions nor in the archive" in refused.stderr
