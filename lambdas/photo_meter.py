"""The meter of photos: vision's measures as the domain's types."""

from vision.photo_decoding import DECODER_VERSION, PhotoError
from vision.photo_measures import measure_photo
from workflow.photos.measures import PhotoMeasures, PhotoMeter, UnmeasurablePhoto


def measure(content: bytes) -> PhotoMeasures | UnmeasurablePhoto:
    """Measure a photo's bytes. A photo that cannot be decoded has a reason instead of measures."""
    try:
        return PhotoMeasures(**measure_photo(content))
    except PhotoError as error:
        return UnmeasurablePhoto(str(error))


PHOTO_METER = PhotoMeter(DECODER_VERSION, measure)
