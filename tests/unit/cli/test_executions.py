import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import STARTED_AT, Bench
from tests.unit.line import CLEARLY_DEFECT, KEY, UNSURE
from workflow.history.archive import Record, parsed, redacted
from workflow.history.logs import EXPIRED, LogLine, LogLines
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


def test_executions_lists_the_newest_first(bench: Bench) -> None:
    first = bench.line.upload(key="first.png")
    bench.line.inspected(first)
    bench.line.ledger.rows[inspection_id(first)] = replace(bench.line.row(first), claimed_at="2026-01-01")
    bench.line.detector.answers = [CLEARLY_DEFECT]
    bench.line.inspected(bench.line.upload(key="second.png"))

    result = bench.run("executions", "--limit", "1", "--json")

    assert result.exit_code == 0
    (told,) = map(json.loads, result.stdout.splitlines())
    assert (told["key"], told["verdict"], told["state"]) == ("second.png", "defect", "closed")
    assert (told["confidence"], told["threshold"]) == (0.95, 0.8)


def test_executions_in_a_table_keeps_one_row_an_inspection(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload(key="line 1/[red]pump\n#7.png"))

    result = bench.run("executions")

    header, row = result.stdout.splitlines()
    assert header.split() == [
        *("photo", "state", "verdict", "confidence", "threshold", "seconds", "uploaded", "execution"),
    ]
    assert row.startswith(r"line 1/[red]pump\n#7.png  closed  ok ")


def test_executions_of_an_empty_ledger_says_how_to_begin(bench: Bench) -> None:
    result = bench.run("executions")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "partcheck inspect" in result.stderr


def test_show_finds_a_photo_by_name_key_address_id_first_digits_and_execution(bench: Bench) -> None:
    image = bench.line.upload()
    owner = bench.line.inspected(image)
    identity = inspection_id(image)
    row = bench.line.row(image)

    for text in (
        image.name,
        KEY,
        f"s3://inbound/{KEY}",
        row.location.key,
        identity,
        identity[:4],
        owner,
    ):
        result = bench.run("show", text)
        assert result.exit_code == 0, text
        assert f"inspection  {identity}" in result.stdout
        assert "verdict ok" in result.stdout


def test_show_says_how_many_others_have_the_name(bench: Bench) -> None:
    for _ in range(3):
        bench.line.inspected(bench.line.upload())

    result = bench.run("show", KEY)

    assert "2 other inspections matched" in result.stderr


def test_show_of_something_unknown_fails_with_one_sentence(bench: Bench) -> None:
    result = bench.run("show", "no\x1bsuch.jpg")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: No inspection of 'no\\x1bsuch.jpg'")


def test_show_prints_the_steps_and_no_token(bench: Bench) -> None:
    bench.line.detector.answers = [UNSURE]
    owner = bench.line.waiting(bench.line.upload())
    bench.executions.histories[owner] = asking()

    short, full, document = (bench.run("show", owner, *more) for more in ((), ("--full",), ("--json",)))

    assert "Ask a reviewer  (task, waiting for an answer)" in short.stdout
    assert "00:00:02.000" in short.stdout
    for result in (short, full, document):
        assert result.exit_code == 0
        assert "[task token]" in result.stdout
        assert TOKEN not in result.output
    told = json.loads(document.stdout)
    assert told["execution"]["status"] == "RUNNING"
    assert [step["name"] for step in told["steps"]] == ["Ask a reviewer"]
    assert told["steps"][0]["attempts"][0]["scheduled_at"] == "2026-01-01T00:00:03.000Z"


def test_show_of_a_step_that_failed_shows_every_try_and_its_error(bench: Bench) -> None:
    owner = bench.line.inspected(bench.line.upload())
    bench.executions.histories[owner] = events(
        ("ExecutionStarted", {"input": "{}"}),
        entered("Task", "Detect labels", {}),
        ("LambdaFunctionScheduled", {"resource": "arn", "input": "{}"}),
        ("LambdaFunctionFailed", {"error": "Throttled", "cause": "too\nfast"}),
        ("LambdaFunctionScheduled", {"resource": "arn", "input": "{}"}),
        ("LambdaFunctionTimedOut", {}),
        ("ExecutionFailed", {"error": "States.Timeout"}),
    )

    result = bench.run("show", owner)

    assert r"try 1: failed after 1.000 s: Throttled: too\nfast" in result.stdout
    assert "try 2: timed out after 1.000 s: States.Timeout" in result.stdout
    assert "(task, timed out)" in result.stdout


def test_show_tells_what_the_ledger_knows_when_the_execution_is_forgotten(bench: Bench) -> None:
    image = bench.line.upload()
    owner = bench.line.inspected(image)
    del bench.executions.statuses[owner]

    result = bench.run("show", KEY)

    assert result.exit_code == 0
    assert "no longer knows" in result.stderr
    assert "lies at     s3://filed/ok/" in result.stdout


def test_show_of_an_execution_that_failed_before_its_claim_has_no_ledger_facts(bench: Bench) -> None:
    owner = bench.line.start(bench.line.upload())
    bench.executions.histories[owner] = asking()

    result = bench.run("show", owner)

    assert result.exit_code == 0
    assert f"execution   {owner}  RUNNING" in result.stdout


def test_show_tells_why_a_photo_was_rejected_and_who_decided(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload(b"", key="empty.jpg"))
    bench.line.detector.answers = [UNSURE]
    image = bench.line.upload(key="unsure.png")
    bench.line.waiting(image)
    bench.line.decide(image, Verdict.DEFECT, "ann", "a crack\nat the rim")

    assert "rejected    The file is empty" in bench.run("show", "empty.jpg").stdout
    shown = bench.run("show", "unsure.png").stdout
    assert r"decision    defect by ann: a crack\nat the rim" in shown
    assert "audit " in shown
    assert "ann decide unclear → defect" in shown


def test_executions_answer_to_every_option(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload(key="cast_0001.png"))
    bench.line.detector.answers = [CLEARLY_DEFECT]
    bench.line.inspected(bench.line.upload(key="cast_0042.png"))

    def keys(*options: str) -> list[str]:
        lines = bench.run("executions", "--json", *options).stdout.splitlines()
        return [json.loads(line)["key"] for line in lines]

    assert keys("--name", "42") == ["cast_0042.png"]
    assert keys("--name", "cast*", "--verdict", "ok") == ["cast_0001.png"]
    assert keys("--state", "waiting") == []
    assert len(keys("--since", "2026-01-01", "--model", "1", "--policy", "2026-01")) == 2
    assert keys("--until", "2026-01-01") == []
    assert "No inspection answers" in bench.run("executions", "--by", "nobody").stderr


def test_executions_as_csv_hold_no_formula(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload(key="=1+1.png"))

    header, row = bench.run("executions", "--csv").stdout.splitlines()

    assert header.startswith('"photo","state"')
    assert row.startswith('"\'=1+1.png","closed"')


def test_show_reads_the_archive_when_step_functions_forgot(bench: Bench) -> None:
    owner = bench.line.inspected(bench.line.upload())
    del bench.executions.statuses[owner]
    told = Record(
        owner, "SUCCEEDED", "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z", events=redacted(asking())
    )
    bench.archive.keep(told)

    shown = bench.run("show", KEY)

    assert "SUCCEEDED after 9.000 s" in shown.stdout
    assert "Ask a reviewer" in shown.stdout
    assert json.loads(bench.run("show", KEY, "--json").stdout)["execution"]["status"] == "SUCCEEDED"


def test_show_tells_what_each_step_logged_if_that_is_asked_for(bench: Bench) -> None:
    owner = bench.line.waiting(bench.line.upload())
    bench.executions.histories[owner] = [*asking(), *later(5, entered("Pass", "Note it", {}))]
    line = LogLine("2026-01-01T00:00:03.500Z", "INFO", "asked\na reviewer", '{\n  "timeout": 5\n}')
    bench.logs.lines[owner, 2] = LogLines((line,), more=True)

    plain, short, full, document = (
        bench.run("show", owner, *more).stdout
        for more in ((), ("--logs",), ("--logs", "--full"), ("--logs", "--json"))
    )

    assert "log " not in plain
    assert r"log    00:00:03.500 INFO asked\na reviewer" in short
    assert "log    … there are more" in short
    assert '"timeout": 5' in full
    asked, noted = json.loads(document)["steps"]
    assert (asked["logs"]["lines"][0]["level"], noted["logs"]) == ("INFO", None)
    bench.logs.lines.clear()
    assert f"log    {EXPIRED}" in bench.run("show", owner, "--logs").stdout


def test_one_document_cannot_follow(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload())

    assert bench.run("show", KEY, "--json", "--follow").exit_code == 2
    assert bench.run("executions", "--json", "--csv").exit_code == 2


def test_show_follows_an_execution_to_its_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = bench.line.inspected(bench.line.upload())
    bench.executions.statuses[owner] = "RUNNING"
    bench.executions.histories[owner] = asking()

    def meanwhile(_: float) -> None:
        bench.executions.statuses[owner] = "SUCCEEDED"
        left = ("TaskStateExited", {"name": "Ask a reviewer", "output": "{}"})
        bench.executions.histories[owner] = [*asking(), {**events(left)[0], "id": 5, "previousEventId": 4}]

    monkeypatch.setattr("cli.show.time.sleep", meanwhile)

    shown = bench.run("show", owner, "--follow")

    assert shown.stdout.endswith("execution   SUCCEEDED\n")
    assert shown.stdout.count("Ask a reviewer  (task") == 2


def test_photos_are_inspected_again_by_name_or_by_model(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.again.time.sleep", lambda _: None)
    images = [bench.line.upload(key=f"{number}.png") for number in range(3)]
    for image in images:
        bench.line.inspected(image)

    one = bench.run("inspect-again", "0.png", "--reason", "lens")
    others = bench.run("inspect-again", "--model", "1", "--verdict", "ok", "--reason", "lens", "--json")

    assert one.stdout == "0.png: revision 2 begins\n"
    assert {json.loads(line)["key"] for line in others.stdout.splitlines()} == {"1.png", "2.png"}
    assert {bench.line.row(image).revision for image in images} == {2}
    assert bench.run("inspect-again", "--reason", "lens").exit_code == 2


@pytest.mark.parametrize("reason", ["", " ", "x" * 2001])
def test_nothing_is_inspected_again_without_a_reason_of_bearable_length(bench: Bench, reason: str) -> None:
    bench.line.inspected(bench.line.upload())

    assert bench.run("inspect-again", KEY, "--reason", reason).exit_code == 2


def test_a_name_that_nothing_has_keeps_all_from_being_inspected_again(bench: Bench) -> None:
    image = bench.line.upload()
    bench.line.inspected(image)

    result = bench.run("inspect-again", KEY, "nosuch.jpg", "--reason", "lens")

    assert result.exit_code == 1
    assert "No inspection of 'nosuch.jpg'" in result.stderr
    assert bench.line.row(image).revision == 1


def test_a_photo_that_is_not_inspected_again_is_told_and_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.again.time.sleep", lambda _: None)
    begun, closed = bench.line.upload(key="open.png"), bench.line.upload(key="closed.png")
    bench.line.claim(begun, bench.line.start(begun))
    bench.line.inspected(closed)

    result = bench.run("inspect-again", "open.png", "closed.png", "closed.png", "--reason", "lens", "--json")

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert (told[0]["inspection_id"], told[1]["key"]) == (bench.line.row(begun).id, "closed.png")
    assert "not announced yet" in told[0]["refused"]
    assert "1 photo inspected again, 1 refused." in result.stderr


def test_many_at_once_are_inspected_again_but_not_those_that_a_person_decided(bench: Bench) -> None:
    image = bench.line.upload()
    bench.line.inspected(image)
    row = bench.line.row(image)
    made = Decision("d1", Verdict.DEFECT, "ann", row.closed_at, "scratch")
    bench.line.ledger.rows[row.id] = replace(row, decision=made)

    many = bench.run("inspect-again", "--model", "1", "--reason", "lens")

    assert (many.exit_code, "ann decided it" in many.stderr) == (1, True)
    assert bench.line.row(image).decision == made
    assert bench.run("inspect-again", KEY, "--reason", "lens").stdout.endswith("revision 2 begins\n")


def test_an_execution_is_exported_and_read_back(bench: Bench, tmp_path: Path) -> None:
    owner = bench.line.inspected(bench.line.upload())
    told = Record(owner, "SUCCEEDED", "2026-01-01", "2026-01-02", events=redacted(asking()))
    bench.told.records[owner] = told
    file = tmp_path / "e.json"

    bench.run("export", KEY, "-o", str(file))

    assert parsed(file.read_text(encoding="utf-8")) == told
    assert parsed(bench.run("export", owner).stdout) == told
    bench.told.records.clear()
    assert "Nobody remembers" in bench.run("export", owner).stderr
