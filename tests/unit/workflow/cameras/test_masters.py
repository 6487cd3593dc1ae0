"""Master parts: due by shift and after changes, and the containment of parts after a wrong judgement."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from workflow.aws.cameras import DynamoCameraRepository
from workflow.cameras.camera import Camera, Containment, MasterCheck, MasterPart
from workflow.cameras.masters import (
    add_master,
    explain_masters,
    find_camera_of,
    master_name,
    record_check,
    remove_master,
    shift_start,
)
from workflow.errors import ConfigurationError, Conflict
from workflow.inspections.verdict import Verdict

BASIS = "model 1 policy 1 reference 1"
ADDED = "2026-03-02T05:50:00.000Z"


def at(clock: str) -> str:
    return f"2026-03-02T{clock}:00.000Z"


def master(name: str = "good", **facts: Any) -> MasterPart:
    expected = Verdict.OK if name == "good" else Verdict.DEFECT
    return MasterPart(**{"name": name, "expected": expected, "added_at": ADDED, "added_by": "eve", **facts})


def check(verdict: Verdict = Verdict.OK, clock: str = "06:05", **facts: Any) -> MasterCheck:
    defaults = {"key": "masters/good/1.jpg", "frame_hash": clock, "confidence": 0.98, "basis": BASIS}
    return MasterCheck(**{"at": at(clock), "inspection_id": clock, "verdict": verdict, **defaults, **facts})


def camera(*masters: MasterPart, **facts: Any) -> Camera:
    return Camera(name="line 1", masters={part.name: part for part in masters}, **facts)


def reasons(of: Camera, clock: str, basis: str = BASIS) -> tuple[str, ...]:
    return explain_masters(of, basis, at(clock))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("masters/good/1.jpg", "good"),
        ("masters/good/today/1.jpg", "good"),
        ("masters/good.jpg", ""),
        ("line/masters/good/1.jpg", ""),
        ("Masters/good/1.jpg", ""),
        ("masters//1.jpg", ""),
    ],
)
def test_a_key_marks_the_photo_of_a_master_part(key: str, name: str) -> None:
    assert master_name(key) == name


def test_a_camera_without_master_parts_has_no_reasons() -> None:
    assert reasons(camera(), "23:00") == ()


def test_a_passed_master_part_vouches_until_the_next_shift_and_its_grace() -> None:
    passed = camera(master(last_check=check()))

    assert reasons(passed, "13:59") == reasons(passed, "15:00") == ()
    assert reasons(passed, "15:01") == (f"master part good is overdue: it was due at {at('14:00')}",)


def test_a_master_part_that_is_judged_wrongly_is_named_at_once() -> None:
    failed = camera(master("scratch", last_check=check(Verdict.OK, "06:12")), master(last_check=check()))

    assert reasons(failed, "06:13") == (
        f"master part scratch was judged ok at {at('06:12')}; expected defect",
    )


def test_an_unclear_judgement_is_no_success() -> None:
    assert reasons(camera(master(last_check=check(Verdict.UNCLEAR))), "06:13")


@pytest.mark.parametrize("basis", ["model 2 policy 1 reference 1", "model 1 policy 2 reference 1", ""])
def test_a_change_of_model_policy_or_reference_makes_master_parts_due(basis: str) -> None:
    assert reasons(camera(master(last_check=check())), "06:13", basis) == (
        "master part good is overdue: the model, the policy or the reference has changed",
    )


def test_a_new_master_part_has_the_time_of_grace() -> None:
    assert reasons(camera(master()), "06:50") == ()
    assert reasons(camera(master()), "06:51") == ("master part good is overdue: it was never judged",)


@pytest.mark.parametrize(
    ("zone", "shifts", "now", "expected"),
    [
        ("UTC", ("06:00", "14:00"), "05:59", "2026-03-01T14:00:00.000Z"),
        ("UTC", ("06:00", "14:00"), "06:00", "2026-03-02T06:00:00.000Z"),
        ("Europe/Berlin", ("06:00", "14:00"), "05:00", "2026-03-02T05:00:00.000Z"),
        ("Asia/Tokyo", ("22:00",), "12:00", "2026-03-01T13:00:00.000Z"),
        ("UTC", (), "12:00", "2000-01-01T00:00:00.000Z"),
    ],
)
def test_a_shift_begins_in_local_time(zone: str, shifts: tuple[str, ...], now: str, expected: str) -> None:
    assert shift_start(camera(timezone=zone, shifts=shifts), at(now)) == expected


@pytest.fixture
def with_masters(cameras: DynamoCameraRepository) -> DynamoCameraRepository:
    add_master(cameras, "line 1", master())
    add_master(cameras, "line 1", master("scratch"))
    return cameras


def test_a_name_belongs_to_one_camera(with_masters: DynamoCameraRepository) -> None:
    with pytest.raises(Conflict, match="camera line 1 has a master part good already"):
        add_master(with_masters, "line 2", master())
    found = find_camera_of(with_masters, "good")

    assert found
    assert found.name == "line 1"
    remove_master(with_masters, "good")
    assert find_camera_of(with_masters, "good") is None
    with pytest.raises(Conflict, match="no camera has a master part good"):
        remove_master(with_masters, "good")


@pytest.mark.parametrize("name", ["", "a/b", "x" * 65, "a\nb"])
def test_a_bad_name_is_refused(cameras: DynamoCameraRepository, name: str) -> None:
    with pytest.raises(ConfigurationError, match="a master part's name"):
        add_master(cameras, "line 1", replace(master(), name=name))


def containments(cameras: DynamoCameraRepository, *checks: tuple[str, MasterCheck]) -> list[Any]:
    return [record_check(cameras, "line 1", name, result).containment for name, result in checks]


def test_containment_lasts_from_the_last_success_to_the_next(with_masters: DynamoCameraRepository) -> None:
    assert containments(
        with_masters,
        ("scratch", check(Verdict.DEFECT, "06:05")),
        ("scratch", check(Verdict.OK, "14:05")),
        ("scratch", check(Verdict.OK, "14:10")),
        ("good", check(Verdict.OK, "14:15")),
        ("scratch", check(Verdict.DEFECT, "14:30")),
        ("good", check(Verdict.OK, "14:45")),
    ) == [
        None,
        *[Containment(at("06:05"))] * 3,
        *[Containment(at("06:05"), at("14:30"))] * 2,
    ]


def test_containment_of_a_part_that_never_passed_begins_when_it_was_added(
    with_masters: DynamoCameraRepository,
) -> None:
    assert containments(with_masters, ("good", check(Verdict.DEFECT))) == [Containment(ADDED)]


def test_containment_begins_at_the_earliest_success_of_the_failed_parts(
    with_masters: DynamoCameraRepository,
) -> None:
    assert containments(
        with_masters,
        ("scratch", check(Verdict.DEFECT, "06:05")),
        ("good", check(Verdict.OK, "06:10")),
        ("good", check(Verdict.DEFECT, "14:05")),
        ("scratch", check(Verdict.OK, "14:10")),
        ("good", check(Verdict.OK, "14:20")),
    )[2:] == [Containment(at("06:10")), Containment(at("06:05")), Containment(at("06:05"))]


def test_an_older_photo_does_not_replace_a_newer_check(with_masters: DynamoCameraRepository) -> None:
    record_check(with_masters, "line 1", "good", check(Verdict.DEFECT, "14:05"))
    after = record_check(with_masters, "line 1", "good", check(Verdict.OK, "06:05"))

    assert after.masters["good"].failed


def test_concurrent_changes_of_a_camera_are_all_kept(
    with_masters: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer is faster, between the reading and the writing."""
    save: Callable[..., bool] = with_masters._save
    rivals = iter([("scratch", check(Verdict.DEFECT, "06:01"))])

    def slow(*arguments: Any) -> bool:
        for name, result in rivals:
            record_check(with_masters, "line 1", name, result)
        return save(*arguments)

    monkeypatch.setattr(with_masters, "_save", slow)
    record_check(with_masters, "line 1", "good", check())

    assert all(part.last_passed_at for part in with_masters.get_camera("line 1").masters.values())
