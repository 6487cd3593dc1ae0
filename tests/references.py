"""A model's reference and a photo's measures, small enough to calculate by hand."""

import itertools
from dataclasses import replace
from typing import Any

from lambdas.photo_meter import PHOTO_METER
from workflow.inspections.model_reference import MEASURE_NAMES, ModelReference
from workflow.photos.measures import PhotoMeasures, PhotoMeter

MODEL = "arn:aws:rekognition:eu-west-1:111122223333:project/parts/version/v1/1"


def usual_measures(**changes: Any) -> PhotoMeasures:
    """Return the measures of a photo in the middle of the learned ranges, at the learned centre."""
    measures: dict[str, Any] = {
        "decoder_version": 1,
        "brightness": 110.0,
        "contrast": 40.0,
        "black_share": 0.01,
        "white_share": 0.02,
        "sharpness": 1.5,
        "colour_cast": 6.0,
        "bit_depth": 8,
        "frame_hash": "ab" * 32,
        "descriptor": (1.0, 2.0, 3.0),
    }
    return PhotoMeasures(**{**measures, **changes})


def meter(**changes: Any) -> PhotoMeter:
    """Return a meter that measures every photo as usual, except for the changes.

    Each photo has a frame of its own, as the noise of a sensor makes it, unless the changes name one.
    """
    frames = (f"{number:064x}" for number in itertools.count())
    measures = usual_measures(**changes)
    return PhotoMeter(
        measures.decoder_version,
        lambda _content: replace(measures, frame_hash=changes.get("frame_hash") or next(frames)),
    )


def small_reference(**changes: Any) -> ModelReference:
    """Return a reference with three descriptor numbers, one axis, and the limit 3.45 (1.15 × 3)."""
    reference: dict[str, Any] = {
        "model": MODEL,
        "decoder_version": 1,
        "made_at": "2026-11-30T08:00:00.000Z",
        "photos": {"ok": 120, "defect": 80},
        "parts": {"ok": 60, "defect": 40},
        "ranges": {
            "brightness": (92.0, 140.0),
            "contrast": (30.0, 70.0),
            "black_share": (0.0, 0.02),
            "white_share": (0.0, 0.2),
            "sharpness": (1.0, 2.0),
            "colour_cast": (0.0, 20.0),
            "bit_depth": (8.0, 8.0),
        },
        "centre": (1.0, 2.0, 3.0),
        "scales": (1.0, 2.0, 0.5),
        "axes": ((0.6, 0.8, 0.0),),
        "variances": (4.0,),
        "residual_variance": 0.25,
        "limit": 3.45,
        "stopped": 1,
        "tested": 100,
    }
    return ModelReference(**{**reference, **changes})


def learned_reference(model: str, photo: bytes) -> ModelReference:
    """Return a reference of a model that learned photos as bright as this one, and of any other quality."""
    measures = PHOTO_METER.measure(photo)
    assert isinstance(measures, PhotoMeasures)
    return small_reference(
        model=model,
        decoder_version=measures.decoder_version,
        ranges=dict.fromkeys(MEASURE_NAMES, (-1000.0, 1000.0))
        | {"brightness": (measures.brightness, measures.brightness)},
        centre=measures.descriptor,
        scales=(1000.0,) * len(measures.descriptor),
        axes=(),
        variances=(),
    )
