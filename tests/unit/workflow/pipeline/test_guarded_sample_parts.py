"""With the reference of generated parts, no camera fault passes a model that is sure of everything."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lambdas.photo_meter import PHOTO_METER
from local.sample_parts import DefectKind, SampleProduct, encode_jpeg, generate_parts, photograph_part
from tests.fakes import FakeDetector, InMemoryReferenceRepository
from tests.unit.pipeline import CLEARLY_OK, MODEL, Pipeline
from vision.photo_measures import measure_photo
from vision.reference_fitting import fit_reference
from workflow.inspections.model_reference import ModelReference, parse_reference
from workflow.photos.measures import PhotoMeasures, PhotoMeter, UnmeasurablePhoto

PARTS = 80
LIGHT = 0.25


@pytest.fixture(scope="module")
def reference() -> ModelReference:
    """Return the reference of a model that learned generated parts, ok and defect."""
    parts = list(generate_parts(PARTS, seed=11))
    measures = [measure_photo(part.content) for part in parts]
    document = fit_reference(measures, [str(number) for number in range(PARTS)])
    about = {
        "model": MODEL,
        "made_at": "2026-11-30T08:00:00.000Z",
        "photos": {"ok": PARTS},
        "parts": {"ok": PARTS},
    }
    return parse_reference(json.dumps(about | document))


def inspect(content: bytes, *references: ModelReference) -> tuple[str, list[str]]:
    """Return the verdict and the reasons for a photo that the model takes for an ok part at 0.97."""
    pipeline = Pipeline(
        detector=FakeDetector(CLEARLY_OK),
        meter=PHOTO_METER,
        references=InMemoryReferenceRepository(*references),
    )
    image = pipeline.upload(content)
    assert pipeline.claim(image, "me") == "readable"
    answer = pipeline.detect(image, "me")
    return answer["verdict"], answer["unusual"]


def defective_part() -> Image.Image:
    return photograph_part(4711, DefectKind.CRACK)


def in_light(share: float) -> bytes:
    return encode_jpeg(defective_part().point(lambda value: int(value * share)))


def filled(grey: int) -> bytes:
    return encode_jpeg(Image.new("L", defective_part().size, grey))


def noise() -> bytes:
    width, height = defective_part().size
    pixels = np.random.default_rng(5).integers(0, 40, (height, width), dtype=np.uint8)
    return encode_jpeg(Image.fromarray(pixels))


def cut_out() -> bytes:
    part = defective_part().convert("RGBA")
    part.putalpha(part.convert("L").point(lambda value: 255 if value > 120 else 0))
    content = io.BytesIO()
    part.save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("photograph", "reason"),
    [
        (lambda: filled(0), "darker than every learned photo (mean 0;"),
        (lambda: filled(255), "brighter than every learned photo (mean 255;"),
        (lambda: filled(128), "less contrast than every learned photo"),
        (lambda: in_light(LIGHT), "darker than every learned photo"),
        (noise, "darker than every learned photo"),
        (cut_out, "more white than every learned photo"),
        (
            lambda: encode_jpeg(photograph_part(3, None, SampleProduct.GEAR)),
            "further from the learned photos",
        ),
    ],
    ids=["lamp off", "overexposed", "grey", "quarter light", "dark noise", "cut out", "another product"],
)
def test_a_photo_of_a_camera_fault_is_unclear_with_the_measure_that_is_out_of_range(
    reference: ModelReference, photograph: Callable[[], bytes], reason: str
) -> None:
    verdict, reasons = inspect(photograph(), reference)

    assert verdict == "unclear"
    assert any(text.startswith(reason) for text in reasons), reasons
    assert inspect(photograph()) == ("ok", [])  # Without the reference the model is believed.


def test_a_usual_photo_keeps_the_models_verdict(reference: ModelReference) -> None:
    usual = [part.content for part in generate_parts(12, seed=12)]

    stopped = [reasons for content in usual for verdict, reasons in [inspect(content, reference)] if reasons]

    assert len(stopped) <= 1, stopped
    assert inspect(in_light(1.0), reference) == ("ok", [])


def test_a_reference_of_another_model_stops_every_photo(reference: ModelReference) -> None:
    class OneReference(InMemoryReferenceRepository):
        def get(self, model: str) -> ModelReference | None:
            return replace(reference, model=f"{model}-before")

    pipeline = Pipeline(detector=FakeDetector(CLEARLY_OK), meter=PHOTO_METER, references=OneReference())
    image = pipeline.upload(in_light(1.0))
    pipeline.claim(image, "me")

    answer = pipeline.detect(image, "me")

    assert answer["verdict"] == "unclear"
    assert f"made for another model, {MODEL}-before" in answer["unusual"][0]


def claimed_frame_hash(meter: PhotoMeter, content: bytes) -> str:
    pipeline = Pipeline(meter=meter)
    image = pipeline.upload(content)
    pipeline.claim(image, "me")
    measures = pipeline.row(image).measures
    assert measures is not None
    return measures.frame_hash


def measure_copy(content: bytes) -> PhotoMeasures | UnmeasurablePhoto:
    """Measure a display copy, which a browser gets: compressed again."""
    with Image.open(io.BytesIO(content)) as photo:
        copy = io.BytesIO()
        photo.save(copy, "JPEG", quality=85)
    return PHOTO_METER.measure(copy.getvalue())


def test_the_measures_are_those_of_the_upload_and_not_of_a_copy() -> None:
    content = in_light(1.0)

    assert claimed_frame_hash(PHOTO_METER, content) == measure_photo(content)["frame_hash"]
    assert claimed_frame_hash(PhotoMeter(1, measure_copy), content) != measure_photo(content)["frame_hash"]
