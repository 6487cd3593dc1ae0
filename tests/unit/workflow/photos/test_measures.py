"""A descriptor is stored in four bytes a number."""

import pytest

from workflow.photos.measures import pack_descriptor, unpack_descriptor


def test_a_descriptor_of_a_hundred_numbers_takes_400_bytes() -> None:
    assert len(pack_descriptor((0.1,) * 100)) == 400


def test_a_stored_descriptor_is_read_to_seven_digits() -> None:
    descriptor = (0.1, -2.5, 123456.7)

    assert unpack_descriptor(pack_descriptor(descriptor)) == pytest.approx(descriptor, rel=1e-7)
    assert unpack_descriptor(b"") == ()
