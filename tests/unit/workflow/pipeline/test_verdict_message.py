"""Every verdict message follows the published contract, and the docs show real messages."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.fakes import FakeDetector
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, MODEL, POLICY, UNSURE, Pipeline
from workflow import timestamps
from workflow.aws.detector import _REFUSAL_CODES
from workflow.cameras.masters import MASTER_CODES
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.photos.validation_result import RejectionReason
from workflow.pipeline import verdict_message
from workflow.pipeline.detection import ImageRefused
from workflow.pipeline.filing import filed_key
from workflow.pipeline.verdict_message import build_message
from workflow.review.decisions import MAX_DEFECT_CLASS_LENGTH, MAX_REASON_LENGTH

DOCS = Path(__file__).resolve().parents[4] / "docs"
PAGE = (DOCS / "verdict-message.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "verdict-message.schema.json").read_text(encoding="utf-8"))
PUBLISHED_VALIDATOR = Draft202012Validator(SCHEMA)


def forbid_other_fields(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with no field admitted that it does not name. Readers use it without that."""
    parts = {
        name: {**part, "additionalProperties": False} if part["type"] == "object" else part
        for name, part in schema["$defs"].items()
    }
    return {**schema, "additionalProperties": False, "$defs": parts}


VALIDATOR = Draft202012Validator(forbid_other_fields(SCHEMA))

UPLOAD = Image("parts-inbound", "line 1/pump housing #7.jpeg", "Qk9uV3lRZk5LdXJ0")
ID = inspection_id(UPLOAD)
SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
AT = "2026-03-02T07:15:09.412Z"
CLAIMED_AT = "2026-03-02T07:15:08.020Z"
UPLOADED = Inspection(
    id=ID,
    image=UPLOAD,
    owner=f"{ID}-1",
    attempt=1,
    state=InspectionState.INSPECTING,
    uploaded_at="2026-03-02T07:15:07Z",
    claimed_at=CLAIMED_AT,
    attempted_at=CLAIMED_AT,
    location=UPLOAD,
)
READ = replace(UPLOADED, sha256=SHA256, photo={"format": "jpeg"})
MADE_AT = "2026-02-27T16:40:11.052Z"


SURE = Prediction(
    verdict=Verdict.DEFECT,
    label="def_front",
    confidence=0.9731,
    threshold=0.85,
    model=MODEL,
    policy_version="2026-03",
    reference=MADE_AT,
)
DOUBT = replace(SURE, verdict=Verdict.OK, label="ok_front", confidence=0.6204, threshold=0.9)
REASON = "darker than every learned photo (mean 31; learned 92 to 140)"
NOTE = f"the photo is unusual: {REASON}"
UNUSUAL = replace(DOUBT, verdict=Verdict.UNCLEAR, confidence=0.9987, note=NOTE, unusual=(REASON,))


DECISION = Decision(
    id="0b9d54f1-5a0e-4a59-a3c5-3c9d0b0c3d7e",
    verdict=Verdict.OK,
    reviewer="ann@example.com",
    decided_at="2026-03-02T07:21:40.006Z",
    reason="a reflection",
)
CORRECTION = Decision(
    id="8a1f0f4e-6f43-4a55-9c1c-6a0a4cbb5a7d",
    verdict=Verdict.DEFECT,
    reviewer="bob@example.com",
    decided_at="2026-03-03T09:02:11.840Z",
    reason="the crack runs under the reflection",
    defect_class="crack",
    finalized=True,
)
EXAMPLES = {
    "decided by the model": (replace(READ, prediction=SURE), Verdict.DEFECT, AT),
    "decided by a reviewer": (
        replace(READ, prediction=DOUBT, decision=DECISION),
        Verdict.OK,
        "2026-03-02T07:21:41.730Z",
    ),
    "that looks like no learned photo": (
        replace(READ, prediction=UNUSUAL, decision=replace(DECISION, reason="the lamp was off")),
        Verdict.OK,
        "2026-03-02T07:21:41.730Z",
    ),
    "corrected": (
        replace(READ, prediction=DOUBT, decision=CORRECTION, revision=2),
        Verdict.DEFECT,
        "2026-03-03T09:02:13.118Z",
    ),
    "rejected": (
        replace(
            UPLOADED,
            sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            rejection={"code": "empty", "detail": "The file is empty (0 bytes): upload it again."},
        ),
        Verdict.REJECTED,
        AT,
    ),
}


def place(verdict: Verdict, revision: int = 1) -> Image:
    return Image("parts-filed", filed_key(verdict, ID, UPLOAD.key, revision), "c1RtV2hFbkFyZVlv")


def example(name: str) -> str:
    row, verdict, at = EXAMPLES[name]
    return build_message(row, verdict, place(verdict, row.revision), at)


def examples_of_the_page() -> dict[str, str]:
    block = r"^### A photo ([^\n]+)\n\n```json\n(.*?)^```$"
    return dict(re.findall(block, PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize(
    ("key", "is_test"),
    [("partcheck-smoke/partcheck-smoke-1-text.jpg", True), ("line/partcheck-smoke-1.jpg", False)],
)
def test_only_messages_of_the_smoke_test_say_that_they_are_tests(key: str, is_test: bool) -> None:
    pipeline = Pipeline()

    assert announced(pipeline, pipeline.upload(b"no photo", key=key))["test"] is is_test


def announced(pipeline: Pipeline, image: Image) -> dict[str, Any]:
    """Inspect an upload and return its message."""
    pipeline.inspected(image)
    message: dict[str, Any] = json.loads(pipeline.row(image).announcement)
    VALIDATOR.validate(message)
    return message


def test_the_next_version_of_a_key_names_the_rejection_of_an_empty_object() -> None:
    pipeline = Pipeline()
    empty, other = pipeline.upload(b"", key="line/x.jpg"), pipeline.upload(b"", key="line 2/x.jpg")
    rejected, _ = announced(pipeline, empty), announced(pipeline, other)

    filed = announced(pipeline, pipeline.upload(key="line/x.jpg"))
    later = announced(pipeline, pipeline.upload(key="line/x.jpg"))

    assert (rejected["verdict"], rejected["rejection"]["code"]) == ("rejected", "empty")
    assert rejected["supersedes"] is None
    assert (filed["verdict"], filed["supersedes"]) == ("ok", rejected["announcement_id"])
    assert later["supersedes"] is None


def wait_for_next_millisecond() -> None:
    """Let the clock advance, so that the next claim is later than the last one."""
    now = timestamps.now()
    while timestamps.now() == now:
        pass


def test_two_empty_objects_are_superseded_one_by_one() -> None:
    pipeline = Pipeline()
    first = announced(pipeline, pipeline.upload(b"", key="x.jpg"))
    wait_for_next_millisecond()
    second = announced(pipeline, pipeline.upload(b"", key="x.jpg"))
    photo = announced(pipeline, pipeline.upload(key="x.jpg"))

    superseded = [message["supersedes"] for message in (first, second, photo)]
    assert superseded == [None, first["announcement_id"], second["announcement_id"]]


def test_an_empty_object_whose_event_comes_late_is_still_superseded() -> None:
    pipeline = Pipeline()
    empty, photo = pipeline.upload(b"", key="x.jpg"), pipeline.upload(key="x.jpg")
    owner = pipeline.begin(photo)
    rejected = announced(pipeline, empty)

    pipeline.move(photo, owner, pipeline.detect(photo, owner)["verdict"])

    assert rejected["supersedes"] is None
    assert json.loads(pipeline.row(photo).announcement)["supersedes"] == rejected["announcement_id"]


def test_a_rejection_for_another_reason_is_never_superseded() -> None:
    pipeline = Pipeline()
    assert announced(pipeline, pipeline.upload(b"text", key="x.jpg"))["verdict"] == "rejected"

    assert announced(pipeline, pipeline.upload(key="x.jpg"))["supersedes"] is None


def pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=2) + "\n"


def test_the_schema_requires_every_field_and_lets_readers_ignore_those_of_later_versions() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    objects = [SCHEMA, *(part for part in SCHEMA["$defs"].values() if part["type"] == "object")]

    assert "additionalProperties" not in str(SCHEMA)
    absent_in_older_messages = {"unusual", "test"}
    for part in objects:
        assert set(part["required"]) == set(part["properties"]) - absent_in_older_messages
    later = {**valid(), "schema_version": "1.4", "part": {"id": "7"}}
    assert PUBLISHED_VALIDATOR.is_valid(later)
    assert not PUBLISHED_VALIDATOR.is_valid({**later, "schema_version": "2.0"})
    assert SCHEMA["$defs"]["review"]["properties"]["reason"]["maxLength"] == MAX_REASON_LENGTH
    assert SCHEMA["$defs"]["review"]["properties"]["defect_class"]["maxLength"] == MAX_DEFECT_CLASS_LENGTH


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_page_are_what_the_domain_writes(name: str) -> None:
    assert examples_of_the_page()[name] == pretty(example(name))


def test_the_page_has_these_examples_and_they_validate() -> None:
    assert examples_of_the_page().keys() == EXAMPLES.keys()
    for text in examples_of_the_page().values():
        VALIDATOR.validate(json.loads(text))


def test_the_page_explains_every_field_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", PAGE, re.MULTILINE))
    fields = set(SCHEMA["properties"])
    for name in ("prediction", "review", "rejection"):
        fields |= {f"{name}.{field}" for field in SCHEMA["$defs"][name]["properties"]}
    fields |= {f"image.{field}" for field in SCHEMA["$defs"]["image_version"]["properties"]}

    assert named == fields | _codes()


def test_the_page_lists_every_version_up_to_the_present_one() -> None:
    versions = re.findall(r"^\| ([0-9]+\.[0-9]+) \|", PAGE, re.MULTILINE)

    assert versions == ["1.0", "1.1", "1.2", verdict_message.SCHEMA_VERSION]


@pytest.mark.parametrize(
    ("changes", "unusual"),
    [
        ({"unusual": (REASON,), "reference": MADE_AT}, [REASON]),
        ({"unusual": (REASON,)}, [REASON]),
        ({"reference": MADE_AT}, []),
        ({"reference": ""}, None),
    ],
)
def test_a_message_tells_whether_the_photo_was_compared_and_why_it_is_unusual(
    changes: dict[str, Any], unusual: list[str] | None
) -> None:
    row = replace(READ, prediction=replace(SURE, **changes))

    message = json.loads(build_message(row, Verdict.DEFECT, place(Verdict.DEFECT), AT))

    assert message["prediction"]["unusual"] == unusual
    VALIDATOR.validate(message)


def test_a_message_from_before_photos_were_compared_is_valid() -> None:
    message = valid()
    del message["prediction"]["unusual"]

    assert PUBLISHED_VALIDATOR.is_valid(message)


def _codes() -> set[str]:
    return {reason.value for reason in RejectionReason} | {*_REFUSAL_CODES.values(), *MASTER_CODES}


def journey(name: str) -> Pipeline:
    """Return a pipeline in which one photo went this way."""
    answers = {
        "defect": CLEARLY_DEFECT,
        "refused": ImageRefused("model_invalid_format", "no"),
        "reviewed": UNSURE,
    }
    pipeline = Pipeline(detector=FakeDetector(answers.get(name, CLEARLY_OK)))
    if name in ("ok", "defect", "empty"):
        pipeline.inspected(
            pipeline.upload(b"", key="🔧/\x01 empty.png") if name == "empty" else pipeline.upload()
        )
        return pipeline
    image = pipeline.upload()
    if name == "refused":
        pipeline.claim(image, "me")
        pipeline.detect(image, "me")
        pipeline.move(image, "me", "rejected")
    else:
        owner = pipeline.waiting(image)
        pipeline.decide(image, Verdict.OK)
        pipeline.move(image, owner, "reviewed")
    return pipeline


@pytest.mark.parametrize("name", ["ok", "defect", "empty", "refused", "reviewed"])
def test_every_way_through_the_line_ends_in_a_valid_message(name: str) -> None:
    (row,) = journey(name).inspections.rows.values()
    message = json.loads(row.announcement)

    VALIDATOR.validate(message)
    assert message["announcement_id"] == f"{row.id}-1"
    assert message["filed"]["key"] == row.location.key


texts = st.text(st.characters(codec="utf-8"), max_size=40)
named = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
scores = st.lists(st.builds(Score, texts | st.sampled_from(list(POLICY.labels)), st.floats(0, 1)), max_size=4)
predictions = st.builds(POLICY.predict, scores, st.just(MODEL)) | st.builds(
    POLICY.predict_without_model, texts
)
decisions = st.builds(
    Decision,
    id=named,
    verdict=st.sampled_from([Verdict.OK, Verdict.DEFECT]),
    reviewer=named,
    decided_at=st.just(AT),
    reason=texts,
)


@st.composite
def settled(draw: st.DrawFn) -> tuple[Inspection, Verdict]:
    upload = Image(draw(named), draw(named), draw(named))
    row = replace(READ, id=inspection_id(upload), image=upload)
    if draw(st.booleans()):
        rejection = {"code": draw(st.sampled_from(RejectionReason)).value, "detail": draw(named)}
        return replace(row, rejection=rejection, sha256=draw(st.sampled_from(["", SHA256]))), Verdict.REJECTED
    decision = draw(st.none() | decisions)
    row = replace(row, prediction=draw(predictions), decision=decision)
    return row, decision.verdict if decision else draw(st.sampled_from([Verdict.OK, Verdict.DEFECT]))


@given(settled())
def test_every_message_is_valid_ascii_and_says_the_same_each_time(case: tuple[Inspection, Verdict]) -> None:
    row, verdict = case
    text = build_message(row, verdict, place(verdict), AT)

    VALIDATOR.validate(json.loads(text))
    assert text.isascii()
    assert text.isprintable()
    assert text == build_message(row, verdict, place(verdict), AT)
    assert json.loads(text)["image"]["key"] == row.image.key


def test_the_largest_message_fits_a_queue() -> None:
    upload = Image("b" * 63, "\x01" * 1024, "v" * 1024)
    row = replace(
        READ,
        image=upload,
        prediction=replace(SURE, label="l" * 256, note="n" * 2048, unusual=("u" * 200,) * 10),
        decision=replace(DECISION, reason="\U0001f527" * MAX_REASON_LENGTH),
    )

    assert len(build_message(row, Verdict.OK, replace(upload, key="\x01" * 1024), AT)) < 128 * 1024


def valid() -> Any:
    return json.loads(example("decided by the model"))


@pytest.mark.parametrize(
    "change",
    [
        {"token": "AQDEAAAA"},
        {"verdict": "unclear"},
        {"verdict": "okay"},
        {"verdict": "rejected"},
        {"decided_by": "reviewer"},
        {"decided_by": "check"},
        {"sha256": None},
        {"sha256": ""},
        {"schema_version": "2.0"},
        {"revision": 0},
        {"corrects": ""},
        {"supersedes": ""},
        {"settled_at": ""},
        {"prediction": None},
        {"prediction": {**valid()["prediction"], "confidence": 97.31}},
        {"image": {**valid()["image"], "version_id": ""}},
        {"rejection": {"code": "empty", "detail": "It is empty."}},
    ],
    ids=str,
)
def test_a_message_that_breaks_the_contract_is_found_out(change: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(valid())
    assert not VALIDATOR.is_valid({**valid(), **change})


@pytest.mark.parametrize("field", SCHEMA["required"])
def test_no_field_is_ever_missing(field: str) -> None:
    assert not VALIDATOR.is_valid({name: value for name, value in valid().items() if name != field})
