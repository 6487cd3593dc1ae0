"""The functions measure a photo with the decoder, and say why a photo could not be decoded."""

import pytest

from lambdas.photo_meter import PHOTO_METER
from tests.crafted import jpeg, png
from vision.photo_decoding import DECODER_VERSION
from workflow.photos.measures import PhotoMeasures, UnmeasurablePhoto, pack_descriptor


@pytest.mark.parametrize("content", [png(), jpeg(), png(300, 200)])
def test_a_photo_has_measures_of_the_present_decoder(content: bytes) -> None:
    measures = PHOTO_METER.measure(content)

    assert isinstance(measures, PhotoMeasures)
    assert measures.decoder_version == PHOTO_METER.decoder_version == DECODER_VERSION
    assert 80 * 4 <= len(pack_descriptor(measures.descriptor)) <= 120 * 4


@pytest.mark.parametrize("content", [b"", b"no photo", png()[:40], png(5000, 64)])
def test_a_photo_that_cannot_be_decoded_has_a_reason(content: bytes) -> None:
    unmeasurable = PHOTO_METER.measure(content)

    assert isinstance(unmeasurable, UnmeasurablePhoto)
    assert unmeasurable.reason
