import json
from dataclasses import replace

from tests.unit.cli.conftest import Bench
from tests.unit.line import UNSURE


def test_balanced_books_are_printed_as_the_equation(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload())
    bench.line.detector.answers = [UNSURE]
    bench.line.waiting(bench.line.upload(key="unsure.png"))

    result = bench.run("audit")

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
    bench: Bench,
) -> None:
    for day in range(1, 21):
        at = f"2026-01-{day:02}T00:00:00.000Z"
        image = bench.line.upload(key=f"{day}.png")
        bench.line.inspected(image)
        row = bench.line.row(image)
        bench.line.ledger.rows[row.id] = replace(row, uploaded_at=at)
        if day == 2:
            bench.line.shelf.delete(row.location)

    result, told = bench.run("audit"), json.loads(bench.run("audit", "--json").stdout)

    shown = [line.split() for line in result.stdout.splitlines() if line.startswith("2026")]
    assert [line[0][-2:] for line in shown] == ["02", *(str(day).zfill(2) for day in range(7, 21))]
    assert shown[0][1:] == ["1", *"00000", "does", "not", "balance"]
    assert "5 earlier days balance as well" in result.stderr
    assert len(told["days"]) == 20
    assert told["days"]["2026-01-20"]["ok"] == 1


def test_what_is_not_accounted_for_is_listed_with_its_remedy_and_fails(bench: Bench) -> None:
    bench.line.upload(key="nobody\nsaw.png")

    result = bench.run("audit")
    told = json.loads(bench.run("audit", "--json").stdout)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("1 upload = ")
    row = result.stdout.splitlines()[-1]
    assert row.startswith(r"missed upload  nobody\nsaw.png")
    assert told["clean"] is False
    assert told["findings"][0]["image"]["key"] == "nobody\nsaw.png"


def test_reconcile_once_mends_what_audit_finds(bench: Bench) -> None:
    bench.line.upload(key="nobody-saw.png")

    result = bench.run("reconcile", "--once", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"missed upload": 1}
    assert len(bench.executions.started) == 1


def test_reconcile_fails_when_something_is_left_to_a_person(bench: Bench) -> None:
    image = bench.line.upload()
    bench.line.inspected(image)
    bench.line.shelf.delete(bench.line.row(image).location)

    result = bench.run("reconcile", "--once")

    assert result.exit_code == 1
    assert "left to a person" in result.stdout


def test_nothing_to_mend_is_no_failure(bench: Bench) -> None:
    result = bench.run("reconcile", "--once")

    assert (result.exit_code, result.stdout) == (0, "")
