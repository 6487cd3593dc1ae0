"""A copy is made once and overwrites nothing."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import InMemoryObjectStore
from workflow.errors import Conflict, NotFound
from workflow.inspections.objects import (
    CopyFailure,
    Image,
    ObjectStore,
    StoredObject,
    copy_once,
    inspection_id,
)

ID = "0123456789abcdef" * 4
CONTENT, OTHER = b"the bytes of a photo", b"twenty other bytes.."
SHA256 = hashlib.sha256(CONTENT).hexdigest()

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1024).filter(lambda key: key.strip("/"))


def test_an_inspection_id_is_the_documented_hash() -> None:
    assert inspection_id(Image("b", "k/ä.png", "v")) == hashlib.sha256("b\0k/ä.png\0v".encode()).hexdigest()


@given(st.tuples(keys, keys, keys), st.tuples(keys, keys, keys))
def test_different_versions_have_different_ids(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    if not any("\0" in part for part in (*one, *other)):
        assert (inspection_id(Image(*one)) == inspection_id(Image(*other))) == (one == other)


def test_the_name_of_an_image_is_the_last_part_of_its_key() -> None:
    assert Image("b", "line 1/2026/a b.png", "v").name == "a b.png"


@pytest.fixture
def store() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture
def source(store: InMemoryObjectStore) -> StoredObject:
    return store.stored(store.upload("inbound", "a.png", CONTENT))


def test_a_copy_has_the_bytes_and_the_original_stays(
    store: InMemoryObjectStore, source: StoredObject
) -> None:
    place = copy_once(store, source, "filed", "ok/1/a.png", SHA256)

    assert store.contents == {source.image: CONTENT, place.image: CONTENT}


def test_the_copy_of_an_earlier_attempt_is_adopted(store: InMemoryObjectStore, source: StoredObject) -> None:
    first = copy_once(store, source, "filed", "ok/1/a.png", SHA256)

    assert copy_once(store, source, "filed", "ok/1/a.png", SHA256) == first
    assert len(store.contents) == 2


def test_the_copy_is_adopted_when_the_original_is_gone(
    store: InMemoryObjectStore, source: StoredObject
) -> None:
    first = copy_once(store, source, "filed", "ok/1/a.png", SHA256)
    store.delete(source.image)

    assert copy_once(store, source, "filed", "ok/1/a.png", SHA256) == first


def test_a_copy_of_unhashed_bytes_is_adopted_by_its_size(
    store: InMemoryObjectStore, source: StoredObject
) -> None:
    first = copy_once(store, source, "filed", "ok/1/a.png")

    assert copy_once(store, source, "filed", "ok/1/a.png") == first


def test_bytes_that_were_not_judged_are_not_filed(store: InMemoryObjectStore, source: StoredObject) -> None:
    store.contents[source.image] = OTHER

    with pytest.raises(Conflict, match="changed since they were validated"):
        copy_once(store, source, "filed", "ok/1/a.png", SHA256)


def test_a_photo_that_is_nowhere_is_a_fault(store: InMemoryObjectStore, source: StoredObject) -> None:
    store.delete(source.image)

    with pytest.raises(NotFound, match="neither the photo nor a copy"):
        copy_once(store, source, "filed", "ok/1/a.png", SHA256)


class ForgetfulObjectStore(InMemoryObjectStore):
    """A store whose destination is deleted between its description and its download."""

    def get_latest(self, bucket: str, key: str) -> StoredObject | None:
        found = super().get_latest(bucket, key)
        if found is not None:
            self.delete(found.image)
        return found

    def copy_if_unchanged(self, source: StoredObject, bucket: str, key: str) -> StoredObject | CopyFailure:
        return CopyFailure.DESTINATION_EXISTS


Copy = Callable[[ObjectStore, StoredObject, str, str, str], StoredObject]


def adopts_anything(
    store: ObjectStore, source: StoredObject, bucket: str, key: str, sha256: str = ""
) -> StoredObject:
    answer = store.copy_if_unchanged(source, bucket, key)
    existing = store.get_latest(bucket, key)
    assert existing is not None
    return answer if isinstance(answer, StoredObject) else existing


def adopts_by_size(
    store: ObjectStore, source: StoredObject, bucket: str, key: str, sha256: str = ""
) -> StoredObject:
    return copy_once(store, source, bucket, key)


def adopts_unread(
    store: ObjectStore, source: StoredObject, bucket: str, key: str, sha256: str = ""
) -> StoredObject:
    answer = store.copy_if_unchanged(source, bucket, key)
    if isinstance(answer, StoredObject):
        return answer
    existing = store.get_latest(bucket, key)
    found = existing and store.fetch(existing.image, existing.size)
    if existing is None or (found and hashlib.sha256(found[1] or b"").hexdigest() != sha256):
        raise Conflict(key)
    return existing


def assert_never_takes_another_for_the_photo(copy: Copy) -> None:
    for occupied in (OTHER, OTHER + b"!"):
        store = InMemoryObjectStore()
        photo = store.stored(store.upload("inbound", "a.png", CONTENT))
        store.upload("filed", "ok/1/a.png", occupied)
        with pytest.raises(Conflict):
            copy(store, photo, "filed", "ok/1/a.png", SHA256)
    forgetful = ForgetfulObjectStore()
    photo = forgetful.stored(forgetful.upload("inbound", "a.png", CONTENT))
    forgetful.upload("filed", "ok/1/a.png", CONTENT)
    with pytest.raises((Conflict, NotFound)):
        copy(forgetful, photo, "filed", "ok/1/a.png", SHA256)


def test_nothing_else_is_ever_taken_for_the_photo() -> None:
    assert_never_takes_another_for_the_photo(copy_once)


@pytest.mark.parametrize("mutant", [adopts_anything, adopts_by_size, adopts_unread])
def test_a_copy_that_adopts_too_easily_is_found_out(mutant: Copy) -> None:
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        assert_never_takes_another_for_the_photo(mutant)
