import json
from dataclasses import replace

import pytest

from tests.fakes import MemoryReviews
from tests.unit.cli.conftest import Bench
from tests.unit.line import KEY
from workflow import timestamps
from workflow.inspections.inspection import SecondLook
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.review.assignment import Desk


def test_reviews_lists_what_waits_without_a_decision(bench: Bench, unsure: Image) -> None:
    decided = bench.line.upload(key="decided.png")
    bench.line.waiting(decided, "token-2")
    bench.line.decide(decided, Verdict.OK)

    result = bench.run("reviews")

    header, row = result.stdout.splitlines()
    assert header.split()[:4] == ["photo", "label", "confidence", "threshold"]
    assert row.startswith(KEY)
    assert "0.550" in row
    assert row.endswith(inspection_id(unsure)[:12])


def test_reviews_as_json_has_the_whole_score_vector(bench: Bench, unsure: Image) -> None:
    result = bench.run("reviews", "--json")

    told = json.loads(result.stdout)
    assert told["id"] == inspection_id(unsure)
    assert told["scores"] == {"ok_front": 0.55, "def_front": 0.45}
    assert told["review"]["round"] == 1


def test_no_waiting_photo_is_no_failure(bench: Bench) -> None:
    result = bench.run("reviews")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No photo waits" in result.stderr


def test_a_decision_is_kept_with_its_reviewer_and_reason(bench: Bench, unsure: Image) -> None:
    result = bench.run("decide", KEY, "defect", "--reason", "crack", "--reviewer", "ann")

    assert result.exit_code == 0
    assert result.stdout == f"{KEY}: defect, decided by ann.\n"
    decision = bench.line.row(unsure).decision
    assert decision is not None
    assert (decision.verdict, decision.reviewer, decision.reason) == (Verdict.DEFECT, "ann", "crack")
    assert [entry.who for entry in bench.line.ledger.audit_trail(inspection_id(unsure))] == ["ann"]
    assert len(bench.line.decisions.sent) == 1


def test_the_reviewer_is_the_login_name_unless_told(
    bench: Bench, unsure: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "bea")

    told = json.loads(bench.run("decide", inspection_id(unsure)[:6], "ok", "--json").stdout)

    assert (told["reviewer"], told["verdict"]) == ("bea", "ok")


def test_a_process_without_a_login_name_decides_as_the_terminal(
    bench: Bench, unsure: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)

    assert bench.run("decide", KEY, "ok").exit_code == 0
    decision = bench.line.row(unsure).decision
    assert decision is not None
    assert decision.reviewer == "terminal"


def test_a_second_decision_is_refused_and_names_the_first(bench: Bench, unsure: Image) -> None:
    bench.line.decide(unsure, Verdict.OK, "ann")

    result = bench.run("decide", KEY, "defect")

    assert result.exit_code == 1
    assert "ann decided ok" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_photo_that_does_not_wait_cannot_be_decided(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload())

    result = bench.run("decide", KEY, "ok")

    assert result.exit_code == 1
    assert "does not wait for a decision" in result.stderr


def test_of_several_waiting_photos_one_must_be_named(bench: Bench, unsure: Image) -> None:
    second = bench.line.upload()
    bench.line.waiting(second, "token-2")

    result = bench.run("decide", KEY, "ok")

    assert result.exit_code == 1
    assert "2 waiting photos match" in result.stderr
    assert inspection_id(second)[:12] in result.stderr
    assert bench.run("decide", inspection_id(second)[:12], "ok").exit_code == 0


def test_of_several_with_one_name_the_waiting_one_is_decided(bench: Bench, unsure: Image) -> None:
    other = bench.line.upload()
    bench.line.inspected(other)

    assert bench.run("decide", KEY, "ok").exit_code == 0
    assert bench.line.row(unsure).decision is not None


def test_of_several_with_one_name_none_may_wait(bench: Bench) -> None:
    for _ in range(2):
        bench.line.inspected(bench.line.upload())

    result = bench.run("decide", KEY, "ok")

    assert result.exit_code == 1
    assert "None of 2 inspections" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("decide", KEY, "unclear"),
        ("decide", KEY, "ok", "--reason", "x" * 2001),
        ("decide", KEY, "ok", "--reason", "\udcff"),
        ("decide", KEY, "ok", "--reviewer", "x" * 101),
        ("decide", KEY, "defect", "--class", "x" * 65),
        ("decide", KEY, "defect", "--class", "a\tb"),
    ],
)
def test_a_wrong_answer_is_wrong_usage(bench: Bench, unsure: Image, arguments: tuple[str, ...]) -> None:
    assert bench.run(*arguments).exit_code == 2
    assert bench.line.row(unsure).decision is None


def test_who_has_a_photo_or_holds_it_back_is_named(bench: Bench, unsure: Image) -> None:
    desk = Desk(MemoryReviews(bench.line.ledger))
    desk.take("ann")
    leased = bench.run("reviews").stdout.splitlines()[1]
    desk.hold("ann", inspection_id(unsure), "ask the foundry")
    held = bench.run("reviews").stdout.splitlines()[1]

    assert "ann" in leased
    assert "ann, on hold: ask the foundry" in held
    told = json.loads(bench.run("reviews", "--json").stdout)
    assert (told["hold"]["by"], told["lease"]) == ("ann", None)


def test_a_photo_that_another_reviewer_looks_at_is_not_decided(bench: Bench, unsure: Image) -> None:
    Desk(MemoryReviews(bench.line.ledger)).take("ann")

    result = bench.run("decide", KEY, "ok", "--reviewer", "bob")

    assert result.exit_code == 1
    assert "ann looks at it" in result.stderr
    assert bench.run("decide", KEY, "ok", "--reviewer", "ann").exit_code == 0


def test_a_defect_has_a_class(bench: Bench, unsure: Image) -> None:
    assert bench.run("decide", KEY, "ok", "--class", "crack").exit_code == 2
    told = json.loads(bench.run("decide", KEY, "defect", "--class", "crack", "--json").stdout)

    assert told["defect_class"] == "crack"


def test_a_decision_is_taken_back_by_who_took_it(bench: Bench, unsure: Image) -> None:
    bench.run("decide", KEY, "ok", "--reviewer", "ann")

    refused = bench.run("decide", KEY, "--undo", "--reviewer", "bob")
    result = bench.run("decide", KEY, "--undo", "--reviewer", "ann")

    assert (refused.exit_code, result.exit_code) == (1, 0)
    assert "no such decision of bob" in refused.stderr
    assert result.stdout == f"{KEY}: ann took the decision back; the photo waits again.\n"
    assert bench.line.row(unsure).open
    bench.run("decide", KEY, "defect", "--reviewer", "ann")
    told = json.loads(bench.run("decide", KEY, "--undo", "--reviewer", "ann", "--json").stdout)
    assert (told["verdict"], told["undone"]) == ("defect", True)


def test_a_decision_is_taken_back_although_a_newer_photo_has_the_name(bench: Bench, unsure: Image) -> None:
    bench.line.inspected(bench.line.upload())
    bench.run("decide", KEY, "ok", "--reviewer", "ann")

    refused = bench.run("decide", KEY, "--undo", "--reviewer", "bob")
    result = bench.run("decide", KEY, "--undo", "--reviewer", "ann")

    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "None of 2 inspections" in refused.stderr
    assert result.exit_code == 0, result.stderr
    assert bench.line.row(unsure).open


def test_of_several_decisions_the_one_to_take_back_must_be_named(bench: Bench, unsure: Image) -> None:
    second = bench.line.upload()
    bench.line.waiting(second, "token-2")
    ids = [inspection_id(image)[:12] for image in (unsure, second)]
    for one in ids:
        bench.run("decide", one, "ok")

    result = bench.run("decide", KEY, "--undo")

    assert result.exit_code == 1
    assert all(one in result.stderr for one in ids)
    assert bench.run("decide", ids[0], "--undo").exit_code == 0
    assert bench.line.row(unsure).open
    assert bench.line.row(second).decision is not None


def test_an_undo_needs_a_decision_and_no_answer(bench: Bench, unsure: Image) -> None:
    assert bench.run("decide", KEY, "ok", "--undo").exit_code == 2
    assert bench.run("decide", KEY).exit_code == 2
    assert bench.run("decide", KEY, "--undo").exit_code == 1


def test_a_verdict_is_corrected_for_a_reason(bench: Bench) -> None:
    image = bench.line.upload()
    bench.line.inspected(image)

    result = bench.run(
        "correct", KEY, "defect", "--reason", "a crack", "--class", "crack", "--reviewer", "eve"
    )

    assert result.stdout == f"{KEY}: defect instead of ok, revision 2.\n"
    row = bench.line.row(image)
    assert row.decision is not None
    assert (row.decision.verdict, row.decision.defect_class, row.revision) == (Verdict.DEFECT, "crack", 2)
    assert len(bench.line.decisions.sent) == 1


def test_a_correction_as_json_tells_what_was_before(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload())

    told = json.loads(bench.run("correct", KEY, "defect", "--reason", "a crack", "--json").stdout)

    assert (told["verdict"], told["was"], told["revision"]) == ("defect", "ok", 2)


def test_a_correction_that_is_none_is_refused_in_one_sentence(bench: Bench) -> None:
    bench.line.inspected(bench.line.upload())

    for reason in ([], ["--reason", " "], ["--reason", "x" * 2001]):
        assert bench.run("correct", KEY, "defect", *reason).exit_code == 2
    result = bench.run("correct", KEY, "ok", "--reason", "it is")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "its verdict is ok already" in result.stderr


def test_agreement_is_told_for_all_and_for_each_pair(bench: Bench) -> None:
    looks = [("ann", "bob", Verdict.OK), ("ann", "bob", Verdict.DEFECT), ("model", "bob", Verdict.OK)]
    for number, (first, second, said) in enumerate(looks):
        image = bench.line.upload(key=f"{number}.png")
        bench.line.inspected(image)
        row = bench.line.row(image)
        seen = SecondLook("id", said, second, timestamps.now(), Verdict.OK, first)
        bench.line.ledger.rows[row.id] = replace(row, second=seen)

    result = bench.run("agreement")
    told = [json.loads(line) for line in bench.run("agreement", "--json").stdout.splitlines()]

    assert [one["judges"] for one in told] == [["first", "second"], ["ann", "bob"], ["bob", "model"]]
    assert (told[0]["photos"], told[0]["agreed"], told[1]["kappa"]) == (3, 2, 0.0)
    assert "ann and bob" in result.stdout
    assert "says nothing" in result.stdout
    assert "1 of the disagreements wait" in result.stderr


def test_without_second_looks_there_is_no_agreement_to_tell(bench: Bench) -> None:
    result = bench.run("agreement")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No photo was looked at twice in 30 days" in result.stderr
