import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import IntegrityError, UnsupportedVersionError
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType, new_context
from tests.properties import strategies
from tests.properties.test_format_properties import KEY, KEY_ID, REPOSITORY, WRITER, opened_pack, sealed_pack

REFUSALS = (IntegrityError, UnsupportedVersionError)  # a byte of the version field may say another version

plains = st.binary(max_size=2000) | st.integers(1, 2000).map(bytes)


def sealed_body(plain: bytes) -> bytes:
    return seal_body(new_context(KEY, ObjectType.INDEX, REPOSITORY, WRITER, KEY_ID, 0), plain)


def changed(data: bytes, place: float, mask: int) -> bytes:
    """One byte altered, at a fraction of the length."""
    at = min(int(place * len(data)), len(data) - 1)
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


@given(plains)
def test_body_gives_back_what_went_in(plain: bytes) -> None:
    assert open_body(KEY, sealed_body(plain), "body")[1] == plain


@given(plains, st.floats(0, 1), st.integers(1, 255))
def test_any_changed_byte_of_a_body_is_refused(plain: bytes, place: float, mask: int) -> None:
    with pytest.raises(REFUSALS):
        open_body(KEY, changed(sealed_body(plain), place, mask), "body")


@given(plains, st.floats(0, 1, exclude_max=True))
def test_any_shorter_body_is_refused(plain: bytes, part: float) -> None:
    sealed = sealed_body(plain)

    with pytest.raises(IntegrityError):
        open_body(KEY, sealed[: int(part * len(sealed))], "body")


@given(plains, st.binary(min_size=1, max_size=200))
def test_any_longer_body_is_refused(plain: bytes, more: bytes) -> None:
    with pytest.raises(IntegrityError):
        open_body(KEY, sealed_body(plain) + more, "body")


@given(strategies.frames, st.integers(0, 1), st.floats(0, 1), st.integers(1, 255))
def test_any_changed_byte_of_a_pack_is_refused(frames: list[list[bytes]], codec: int, place: float, mask: int) -> None:
    with pytest.raises(REFUSALS):
        opened_pack(changed(sealed_pack(frames, codec), place, mask))


@given(strategies.frames, st.integers(0, 1), st.floats(0, 1, exclude_max=True))
def test_any_shorter_pack_is_refused(frames: list[list[bytes]], codec: int, part: float) -> None:
    sealed = sealed_pack(frames, codec)

    with pytest.raises(IntegrityError):
        opened_pack(sealed[: int(part * len(sealed))])


@given(strategies.frames, st.integers(0, 1), st.binary(min_size=1, max_size=200))
def test_any_longer_pack_is_refused(frames: list[list[bytes]], codec: int, more: bytes) -> None:
    with pytest.raises(IntegrityError):
        opened_pack(sealed_pack(frames, codec) + more)


def test_every_single_bit_of_a_small_pack_matters() -> None:
    sealed = sealed_pack([[b"a chunk"]], 0)

    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(REFUSALS):
            opened_pack(bytes(altered))
