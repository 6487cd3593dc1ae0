import json
from dataclasses import replace

import pytest

from tests.fakes import InMemoryReviewRepository
from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import KEY
from workflow import timestamps
from workflow.inspections.inspection import SecondReview
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.review.assignment import ReviewAssigner


def test_reviews_lists_what_waits_without_a_decision(command_line: CommandLine, unsure: Image) -> None:
    decided = command_line.pipeline.upload(key="decided.png")
    command_line.pipeline.waiting(decided, "token-2")
    command_line.pipeline.decide(decided, Verdict.OK)

    result = command_line.run("review", "list")

    header, row = result.stdout.splitlines()
    assert header.split()[:4] == ["photo", "label", "confidence", "threshold"]
    assert row.startswith(KEY)
    assert "0.550" in row
    assert row.endswith(f" {inspection_id(unsure)}")


def test_reviews_as_json_has_the_whole_score_vector(command_line: CommandLine, unsure: Image) -> None:
    result = command_line.run("review", "list", "--json")

    told = json.loads(result.stdout)
    assert told["id"] == inspection_id(unsure)
    assert told["scores"] == {"ok_front": 0.55, "def_front": 0.45}
    assert told["review"]["round"] == 1


def test_no_waiting_photo_is_no_failure(command_line: CommandLine) -> None:
    result = command_line.run("review", "list")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No photo waits" in result.stderr


@pytest.fixture
def second(command_line: CommandLine, unsure: Image) -> Image:
    """Another photo with the same name that waits, too."""
    image = command_line.pipeline.upload()
    command_line.pipeline.waiting(image, "token-2")
    return image


def test_a_decision_is_kept_with_its_reviewer_reason_and_class(
    command_line: CommandLine, unsure: Image
) -> None:
    options = ("--reason", "at the rim", "--class", "crack", "--reviewer", "ann")
    result = command_line.run("review", "decide", KEY, "defect", *options)

    assert result.exit_code == 0
    assert result.stdout == f"{KEY}: defect, decided by ann.\n"
    decision = command_line.pipeline.row(unsure).decision
    assert decision is not None
    assert (decision.verdict, decision.reviewer, decision.reason) == (Verdict.DEFECT, "ann", "at the rim")
    assert decision.defect_class == "crack"
    assert [entry.actor for entry in command_line.pipeline.inspections.entries] == ["ann"]
    assert len(command_line.pipeline.decisions.sent) == 1


@pytest.mark.parametrize(("login", "reviewer"), [("bea", "bea"), (None, "terminal")])
def test_the_reviewer_is_the_login_name_unless_told(
    command_line: CommandLine,
    unsure: Image,
    monkeypatch: pytest.MonkeyPatch,
    login: str | None,
    reviewer: str,
) -> None:
    def getuser() -> str:
        if login is None:
            raise KeyError("uid not found")
        return login

    monkeypatch.setattr("getpass.getuser", getuser)

    told = json.loads(command_line.run("review", "decide", inspection_id(unsure)[:6], "ok", "--json").stdout)

    assert (told["reviewer"], told["verdict"], told["defect_class"]) == (reviewer, "ok", "")


def test_a_second_decision_is_refused_and_names_the_first(command_line: CommandLine, unsure: Image) -> None:
    command_line.pipeline.decide(unsure, Verdict.OK, "ann")

    result = command_line.run("review", "decide", KEY, "defect")

    assert result.exit_code == 1
    assert "ann decided ok" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_photo_that_does_not_wait_cannot_be_decided(command_line: CommandLine) -> None:
    command_line.inspect()

    result = command_line.run("review", "decide", KEY, "ok")

    assert result.exit_code == 1
    assert "does not wait for a decision" in result.stderr


def test_of_several_waiting_photos_one_must_be_named(command_line: CommandLine, second: Image) -> None:
    result = command_line.run("review", "decide", KEY, "ok")

    assert result.exit_code == 1
    assert "2 waiting photos match" in result.stderr
    assert inspection_id(second)[:12] in result.stderr
    assert command_line.run("review", "decide", inspection_id(second)[:12], "ok").exit_code == 0


def test_of_several_with_one_name_the_waiting_one_is_decided(
    command_line: CommandLine, unsure: Image
) -> None:
    command_line.inspect()

    assert command_line.run("review", "decide", KEY, "ok").exit_code == 0
    assert command_line.pipeline.row(unsure).decision is not None
    none_waits = command_line.run("review", "decide", KEY, "ok")
    assert none_waits.exit_code == 1
    assert "None of 2 inspections" in none_waits.stderr


@pytest.mark.parametrize(
    "answer",
    [
        ("unclear",),
        ("ok", "--reason", "x" * 2001),
        ("ok", "--reason", "\udcff"),
        ("ok", "--reviewer", "x" * 101),
        ("ok", "--class", "crack"),
        ("defect", "--class", "x" * 65),
        ("defect", "--class", "a\tb"),
    ],
)
def test_a_wrong_answer_is_wrong_usage(
    command_line: CommandLine, unsure: Image, answer: tuple[str, ...]
) -> None:
    assert command_line.run("review", "decide", KEY, *answer).exit_code == 2
    assert command_line.pipeline.row(unsure).decision is None


def test_who_has_a_photo_or_holds_it_back_is_named(command_line: CommandLine, unsure: Image) -> None:
    desk = ReviewAssigner(InMemoryReviewRepository(command_line.pipeline.inspections))
    desk.assign("ann")
    leased = command_line.run("review", "list").stdout.splitlines()[1]
    desk.hold("ann", inspection_id(unsure), "ask the foundry")
    held = command_line.run("review", "list").stdout.splitlines()[1]

    assert "ann" in leased
    assert "on hold by ann: ask the foundry" in held
    told = json.loads(command_line.run("review", "list", "--json").stdout)
    assert (told["hold"]["reviewer"], told["lease"]) == ("ann", None)


def test_a_photo_that_another_reviewer_looks_at_is_not_decided(
    command_line: CommandLine, unsure: Image
) -> None:
    ReviewAssigner(InMemoryReviewRepository(command_line.pipeline.inspections)).assign("ann")

    result = command_line.run("review", "decide", KEY, "ok", "--reviewer", "bob")

    assert result.exit_code == 1
    assert "assigned to ann" in result.stderr
    assert command_line.run("review", "decide", KEY, "ok", "--reviewer", "ann").exit_code == 0


def test_a_decision_is_taken_back_by_who_took_it(command_line: CommandLine, unsure: Image) -> None:
    command_line.run("review", "decide", KEY, "ok", "--reviewer", "ann")

    refused = command_line.run("review", "undo", KEY, "--reviewer", "bob")
    result = command_line.run("review", "undo", KEY, "--reviewer", "ann")

    assert (refused.exit_code, result.exit_code) == (1, 0)
    assert "bob has no such decision to undo" in refused.stderr
    assert result.stdout == f"{KEY}: ann took the decision back; the photo is waiting again.\n"
    assert command_line.pipeline.row(unsure).awaits_decision
    command_line.run("review", "decide", KEY, "defect", "--reviewer", "ann")
    told = json.loads(command_line.run("review", "undo", KEY, "--reviewer", "ann", "--json").stdout)
    assert (told["verdict"], told["undone"]) == ("defect", True)


def test_a_decision_is_taken_back_although_a_newer_photo_has_the_name(
    command_line: CommandLine, unsure: Image
) -> None:
    command_line.inspect()
    command_line.run("review", "decide", KEY, "ok", "--reviewer", "ann")

    refused = command_line.run("review", "undo", KEY, "--reviewer", "bob")
    result = command_line.run("review", "undo", KEY, "--reviewer", "ann")

    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "None of 2 inspections" in refused.stderr
    assert result.exit_code == 0, result.stderr
    assert command_line.pipeline.row(unsure).awaits_decision


def test_of_several_decisions_the_one_to_take_back_must_be_named(
    command_line: CommandLine, unsure: Image, second: Image
) -> None:
    ids = [inspection_id(image)[:12] for image in (unsure, second)]
    for one in ids:
        command_line.run("review", "decide", one, "ok")

    result = command_line.run("review", "undo", KEY)

    assert result.exit_code == 1
    assert all(one in result.stderr for one in ids)
    assert command_line.run("review", "undo", ids[0]).exit_code == 0
    assert command_line.pipeline.row(unsure).awaits_decision
    assert command_line.pipeline.row(second).decision is not None


def test_an_undo_needs_a_decision_and_no_answer(command_line: CommandLine, unsure: Image) -> None:
    assert command_line.run("review", "undo", KEY, "ok").exit_code == 2
    assert command_line.run("review", "decide", KEY).exit_code == 2
    assert command_line.run("review", "undo", KEY).exit_code == 1


def test_a_verdict_is_corrected_for_a_reason(command_line: CommandLine) -> None:
    image = command_line.inspect()
    facts = ("--reason", "a crack", "--class", "crack", "--reviewer", "eve")

    result = command_line.run("review", "override", KEY, "defect", *facts)

    assert result.stdout == f"{KEY}: defect instead of ok, revision 2.\n"
    row = command_line.pipeline.row(image)
    assert row.decision is not None
    assert (row.decision.verdict, row.decision.defect_class, row.revision) == (Verdict.DEFECT, "crack", 2)
    assert len(command_line.pipeline.decisions.sent) == 1


def test_a_correction_as_json_tells_what_was_before(command_line: CommandLine) -> None:
    command_line.inspect()

    result = command_line.run("review", "override", KEY, "defect", "--reason", "a crack", "--json")

    told = json.loads(result.stdout)
    assert (told["verdict"], told["was"], told["revision"]) == ("defect", "ok", 2)


def test_a_correction_that_is_none_is_refused_in_one_sentence(command_line: CommandLine) -> None:
    command_line.inspect()

    for reason in ([], ["--reason", " "], ["--reason", "x" * 2001]):
        assert command_line.run("review", "override", KEY, "defect", *reason).exit_code == 2
    result = command_line.run("review", "override", KEY, "ok", "--reason", "it is")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "its verdict is ok already" in result.stderr


def test_agreement_is_told_for_all_and_for_each_pair(command_line: CommandLine) -> None:
    for number, (first, verdict) in enumerate([("ann", "ok"), ("ann", "defect"), ("model", "ok")]):
        row = command_line.pipeline.row(command_line.inspect(f"{number}.png"))
        second = SecondReview(
            id="id",
            verdict=Verdict(verdict),
            reviewer="bob",
            at=timestamps.now(),
            first_verdict=Verdict.OK,
            first_decided_by=first,
        )
        command_line.pipeline.inspections.rows[row.id] = replace(row, second_review=second)

    result, listed = (command_line.run("review", "agreement", *more) for more in ((), ("--json",)))

    told = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [one["reviewers"] for one in told] == [["first", "second"], ["ann", "bob"], ["bob", "model"]]
    assert (told[0]["photos"], told[0]["agreed"], told[1]["kappa"]) == (3, 2, 0.0)
    assert "ann and bob" in result.stdout
    assert "undefined" in result.stdout
    assert "1 of the disagreements wait" in result.stderr


def test_without_second_looks_there_is_no_agreement_to_tell(command_line: CommandLine) -> None:
    result = command_line.run("review", "agreement")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No photo had a second review in the last 30 days" in result.stderr
