"""Every alarm follows the published schema, and is one ASCII text."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.camera_photos import camera_photo
from workflow.cameras import alarm_messages
from workflow.cameras.camera_status import BASELINE_PHOTOS, AlarmKind, Baseline, CameraStatus

DOCS = Path(__file__).resolve().parents[4] / "docs"
VALIDATOR = Draft202012Validator(json.loads((DOCS / "camera-alarms.schema.json").read_text(encoding="utf-8")))
PAGE = (DOCS / "cameras.md").read_text(encoding="utf-8")
AT, SINCE = "2026-03-02T08:10:00.000Z", "2026-03-02T08:00:00.000Z"
MARGINS = {"brightness": 12.0, "contrast": 8.0, "sharpness": 0.35}
MEANS = {"brightness": 100.0, "contrast": 40.0, "sharpness": 2.0}
DARK: dict[str, Any] = {"unusual": ("dark (mean 3)",), "same_frame_as": "a.jpg"}
STATUS = CameraStatus(
    camera="linie 1 süd",
    window=(
        *(camera_photo(number) for number in range(12)),
        *(
            camera_photo(number, unusual=("dark (mean 3)",), same_frame_as="a.jpg")
            for number in range(12, 20)
        ),
    ),
    baseline=Baseline(BASELINE_PHOTOS, {name: mean * BASELINE_PHOTOS for name, mean in MEANS.items()}),
    averages={"brightness": 120.0, "contrast": 40.0, "sharpness": 2.0},
    drift_since=SINCE,
)
DESCRIPTIONS = {
    AlarmKind.UNUSUAL: alarm_messages.describe_unusual(STATUS),
    AlarmKind.FROZEN: alarm_messages.describe_frozen(STATUS),
    AlarmKind.DRIFT: alarm_messages.describe_drift(STATUS, MARGINS),
    AlarmKind.MASTER: alarm_messages.describe_masters(STATUS, ("master part good is overdue",), ""),
}


def raised(kind: AlarmKind) -> str:
    facts, message = DESCRIPTIONS[kind]
    return alarm_messages.build_alarm(kind, STATUS, SINCE, AT, facts=facts, message=message)


@pytest.mark.parametrize("kind", AlarmKind)
def test_raised_and_cleared_alarms_follow_the_schema(kind: AlarmKind) -> None:
    texts = [raised(kind), alarm_messages.build_clearance(kind, STATUS, SINCE, AT)]

    for text, state in zip(texts, ("raised", "cleared"), strict=True):
        content = json.loads(text)
        VALIDATOR.validate(content)
        assert (content["alarm"], content["state"], content["camera"]) == (kind, state, "linie 1 süd")
        assert text.isascii()


@pytest.mark.parametrize("kind", AlarmKind)
def test_the_page_names_every_field_of_a_raised_alarm(kind: AlarmKind) -> None:
    facts, _ = DESCRIPTIONS[kind]
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |"))

    assert set(row.split("|")[2].strip().replace("`", "").split(", ")) == facts.keys()


@pytest.mark.parametrize("kind", AlarmKind)
def test_an_alarm_without_its_facts_violates_the_schema(kind: AlarmKind) -> None:
    content: dict[str, Any] = json.loads(raised(kind))
    for name in DESCRIPTIONS[kind][0]:
        assert not VALIDATOR.is_valid({field: value for field, value in content.items() if field != name})


def test_an_alarm_without_a_good_photo_says_so() -> None:
    dark = replace(STATUS, window=STATUS.window[12:])
    facts, message = alarm_messages.describe_unusual(dark)

    assert facts["last_good_photo"] is None
    assert "8 of its last 8 photos are unusual (dark)" in message
