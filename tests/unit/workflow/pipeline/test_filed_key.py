"""Filed keys are unique and fit S3's limits."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.filing import MAX_NAME_BYTES, filed_key

ID = "0123456789abcdef" * 4

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1024).filter(lambda key: key.strip("/"))


@given(st.sampled_from(Verdict), keys)
def test_a_filed_key_fits_s3_whatever_the_upload_was_called(verdict: Verdict, key: str) -> None:
    prefix, middle, name = filed_key(verdict, ID, key).split("/")

    assert (prefix, middle) == (verdict.value, ID[:16])
    assert 0 < len(name.encode()) <= 200


@given(keys)
def test_a_name_that_fits_is_kept_as_it_is(key: str) -> None:
    name = key.rstrip("/").rsplit("/", 1)[-1]

    assert filed_key(Verdict.OK, ID, key).endswith(f"/{name}") == (len(name.encode()) <= 200)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/."), min_size=70, max_size=1000))
def test_a_long_name_keeps_its_beginning_its_extension_and_whole_characters(stem: str) -> None:
    name = filed_key(Verdict.OK, ID, f"{stem}.jpeg").rsplit("/", 1)[-1]

    assert name.endswith(".jpeg")
    assert stem.startswith(name.removesuffix(".jpeg"))
    if len(stem.encode()) > 195:
        assert 200 - 4 < len(name.encode()) <= 200


def test_an_endless_extension_is_cut_like_any_name() -> None:
    assert filed_key(Verdict.OK, ID, "a." + "b" * 500) == f"ok/{ID[:16]}/a.{'b' * 198}"


def test_the_key_of_1024_bytes_fits() -> None:
    assert len(filed_key(Verdict.REJECTED, ID, "ß" * 510 + ".png").encode()) <= 1024


def test_twins_in_unicode_are_two_inspections_with_two_places() -> None:
    twins = [unicodedata.normalize(form, "Gehäuse.png") for form in ("NFC", "NFD")]
    ids = [inspection_id(Image("inbound", key, "v1")) for key in twins]

    assert len({filed_key(Verdict.OK, one, key) for one, key in zip(ids, twins, strict=True)}) == 2
    assert ids[0][:16] != ids[1][:16]


def test_two_versions_of_one_name_never_meet() -> None:
    first, second = (inspection_id(Image("inbound", "a.png", version)) for version in ("v1", "v2"))

    assert filed_key(Verdict.OK, first, "a.png") != filed_key(Verdict.OK, second, "a.png")


def test_the_limit_of_names_leaves_room_for_the_longest_prefix() -> None:
    longest = max(len(f"{verdict}/{ID[:16]}/") for verdict in Verdict)

    assert longest + MAX_NAME_BYTES <= 1024
