"""A reference is stored as JSON, and a wrong document is refused by the name of its field."""

import json
from typing import Any

import pytest

from tests.references import small_reference
from workflow.errors import ConfigurationError
from workflow.inspections.model_reference import parse_reference, to_json


def test_a_stored_reference_is_read_as_it_was() -> None:
    assert parse_reference(to_json(small_reference())) == small_reference()


def test_a_field_of_a_later_version_is_ignored() -> None:
    document = {**json.loads(to_json(small_reference())), "humidity": 3}

    assert parse_reference(json.dumps(document)) == small_reference()


@pytest.mark.parametrize("name", json.loads(to_json(small_reference())))
def test_a_missing_field_is_named(name: str) -> None:
    document = json.loads(to_json(small_reference()))
    del document[name]

    with pytest.raises(ConfigurationError, match=f"the field '{name}' is missing"):
        parse_reference(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": ""}, "'model' is wrong: expected text"),
        ({"decoder_version": True}, "'decoder_version' is wrong: expected a whole number"),
        ({"photos": []}, "'photos' is wrong"),
        ({"parts": {"ok": -1}}, "'parts' is wrong: expected a whole number from 0"),
        ({"parts": {"ok": 0}}, "'parts' counts no part"),
        ({"ranges": {}}, "'ranges' is wrong: the measure 'brightness' is missing"),
        ({"limit": 0}, "'limit' is wrong: expected a number above 0"),
        ({"limit": "3"}, "'limit' is wrong: expected a finite number"),
        ({"limit": float("inf")}, "'limit' is wrong: expected a finite number"),
        ({"limit": 10**400}, "'limit' is wrong"),
        ({"residual_variance": float("nan")}, "'residual_variance' is wrong: expected a finite number"),
        ({"scales": [1.0, 0.0, 1.0]}, "'scales' is wrong: expected a number above 0"),
        ({"scales": [1.0]}, "differ in length"),
        ({"centre": [], "scales": [], "axes": [[]]}, "differ in length"),
        ({"axes": [[1.0]]}, "differ in length"),
        ({"axes": 3}, "'axes' is wrong"),
        ({"variances": []}, "'variances' needs one number for each of 'axes'"),
        ({"stopped": 101}, "'stopped' is larger than 'tested'"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], sentence: str) -> None:
    document = {**json.loads(to_json(small_reference())), **changes}

    with pytest.raises(ConfigurationError, match=sentence):
        parse_reference(json.dumps(document))


def test_a_range_that_begins_above_its_end_is_refused() -> None:
    document = json.loads(to_json(small_reference()))
    document["ranges"]["sharpness"] = [2.0, 1.0]

    with pytest.raises(ConfigurationError, match="the range of 'sharpness' begins above its end"):
        parse_reference(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", "null", '"text"'])
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"model reference: (not JSON|expected a JSON object)"):
        parse_reference(text)


def test_a_reference_that_is_too_large_is_not_stored() -> None:
    wide = (0.123456789,) * 20_000
    with pytest.raises(ConfigurationError, match=r"at most 200,000 are stored"):
        to_json(small_reference(centre=wide, scales=wide, axes=(), variances=()))


def test_below_thirty_parts_a_reference_is_provisional() -> None:
    assert small_reference(parts={"ok": 20, "defect": 9}).provisional
    assert not small_reference(parts={"ok": 20, "defect": 10}).provisional


@pytest.mark.parametrize(("parts", "bound"), [(200, 0.015), (30, 0.095), (1, 0.95)])
def test_the_bound_of_false_alarms_follows_from_the_number_of_parts(parts: int, bound: float) -> None:
    assert small_reference(parts={"ok": parts}).false_alarm_bound == pytest.approx(bound, abs=5e-4)


def test_the_stopped_share_has_its_interval() -> None:
    share = small_reference(stopped=2, tested=100).stopped_share

    assert (share.count, share.total) == (2, 100)
