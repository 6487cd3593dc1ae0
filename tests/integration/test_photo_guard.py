"""The photo guard on generated parts: measures, a fitted reference, and the rule of the domain together."""

import json

import pytest

from local.sample_parts import SampleProduct, generate_parts
from vision.camera_faults import GROSS_FAULTS, apply_fault
from vision.photo_measures import measure_photo
from vision.reference_fitting import fit_reference
from workflow.inspections.model_reference import ModelReference, parse_reference
from workflow.inspections.photo_guard import explain_unusual
from workflow.photos.measures import PhotoMeasures

TRAINING = 60


def photos(product: SampleProduct, count: int, seed: int) -> list[bytes]:
    return [part.content for part in generate_parts(count, seed, product=product)]


def learn(product: SampleProduct) -> ModelReference:
    measures = [measure_photo(content) for content in photos(product, TRAINING, seed=1)]
    about = {"model": "m", "made_at": "now", "photos": {"all": TRAINING}, "parts": {"all": TRAINING}}
    document = fit_reference(measures, [str(part) for part in range(TRAINING)])
    return parse_reference(json.dumps({**about, **document}))


def stopped(contents: list[bytes], reference: ModelReference) -> list[bool]:
    return [bool(explain_unusual(PhotoMeasures(**measure_photo(content)), reference)) for content in contents]


@pytest.mark.parametrize("product", SampleProduct)
def test_every_promised_fault_is_stopped_and_usual_photos_are_not(product: SampleProduct) -> None:
    reference = learn(product)
    usual = photos(product, 8, seed=2)
    others = [content for other in SampleProduct if other != product for content in photos(other, 4, seed=3)]

    assert not any(stopped(usual, reference))
    assert all(stopped(others, reference))
    for fault in GROSS_FAULTS:
        assert all(stopped([apply_fault(content, GROSS_FAULTS[fault]) for content in usual], reference)), (
            fault
        )
