import json
from dataclasses import replace

from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import UNSURE


def test_a_balance_is_printed_as_the_equation(command_line: CommandLine) -> None:
    command_line.inspect()
    command_line.pipeline.detector.answers = [UNSURE]
    command_line.pipeline.waiting(command_line.pipeline.upload(key="unsure.png"))

    result = command_line.run("verify")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2 uploads = 1 ok + 0 defect + 1 waiting + 0 rejected + 0 in flight",
        "",
        "day         uploads  ok  defect  waiting  rejected  in flight",
        "2026-01-01        2   1       0        1         0          0",
        "",
        "Every photo is accounted for.",
    ]


def test_each_day_has_its_own_equation_and_only_those_that_do_not_balance_are_shown_for_ever(
    command_line: CommandLine,
) -> None:
    for day in range(1, 21):
        at = f"2026-01-{day:02}T00:00:00.000Z"
        image = command_line.pipeline.upload(key=f"{day}.png")
        command_line.pipeline.inspected(image)
        row = command_line.pipeline.row(image)
        command_line.pipeline.inspections.rows[row.id] = replace(row, uploaded_at=at)
        if day == 2:
            command_line.pipeline.objects.delete(row.location)

    result, told = command_line.run("verify"), json.loads(command_line.run("verify", "--json").stdout)

    shown = [line.split() for line in result.stdout.splitlines() if line.startswith("2026")]
    assert [line[0][-2:] for line in shown] == ["02", *(str(day).zfill(2) for day in range(7, 21))]
    assert shown[0][1:] == ["1", *"00000", "does", "not", "balance"]
    assert "5 earlier days balance as well" in result.stderr
    assert len(told["days"]) == 20
    assert told["days"]["2026-01-20"]["ok"] == 1


def test_what_is_not_accounted_for_is_listed_with_its_remedy_and_fails(command_line: CommandLine) -> None:
    command_line.pipeline.upload(key="nobody\nsaw.png")

    result = command_line.run("verify")
    told = json.loads(command_line.run("verify", "--json").stdout)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("1 upload = ")
    row = result.stdout.splitlines()[-1]
    assert row.startswith(r"missed upload  nobody\nsaw.png")
    assert told["clean"] is False
    assert told["issues"][0]["image"]["key"] == "nobody\nsaw.png"


def test_reconcile_once_repairs_what_verify_reports(command_line: CommandLine) -> None:
    command_line.pipeline.upload(key="nobody-saw.png")

    result = command_line.run("reconcile", "--once", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"missed upload": 1}
    assert len(command_line.executions.started) == 1


def test_reconcile_fails_when_something_is_left_to_a_person(command_line: CommandLine) -> None:
    image = command_line.inspect()
    command_line.pipeline.objects.delete(command_line.pipeline.row(image).location)

    result = command_line.run("reconcile", "--once")

    assert result.exit_code == 1
    assert "left to a person" in result.stdout


def test_nothing_to_repair_is_no_failure(command_line: CommandLine) -> None:
    result = command_line.run("reconcile", "--once")

    assert (result.exit_code, result.stdout) == (0, "")
