import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import KeyMismatchError, UsageError
from proofkeep.keys.wrapping import (
    PURPOSE_DATA_KEY,
    PURPOSE_ENROLMENT,
    PURPOSE_HOST_SECRET,
    encapsulate_p384,
    unwrap_with,
    wrap_for,
)
from tests.engine.keys.independent_wrapping import (
    fixed_p384_key,
    one_time_key_p384,
    point_of,
    wrap_p384,
    wrap_rsa,
)

KEY = bytes(range(32))
CONTEXT = {"proofkeep:writer": "b" * 32, "proofkeep:repository": "a" * 32, "proofkeep:data-key": "c" * 32}
RECIPIENT = fixed_p384_key(b"recipient")
EPHEMERAL = fixed_p384_key(b"ephemeral")
NONCE = bytes(range(100, 112))

# Both sides of the comparison could drift together; this is what they gave when version 1 was fixed.
P384_SHA256 = "18a30b7f106e3c5ffc183e9a3a2e43f19ef103845d95e778b62a6d09fe5d4106"


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def known_answer(purpose: bytes = PURPOSE_DATA_KEY) -> bytes:
    return wrap_p384(RECIPIENT.public_key(), EPHEMERAL, NONCE, KEY, purpose, CONTEXT)


def test_p384_known_answer_has_the_bytes_of_format_version_1() -> None:
    wrapped = known_answer()

    assert len(wrapped) == 160
    assert hashlib.sha256(wrapped).hexdigest() == P384_SHA256


def test_p384_known_answer_unwraps() -> None:
    key = unwrap_with(RECIPIENT, known_answer(), purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    assert key == KEY


def test_p384_encapsulation_agrees_with_the_known_answer() -> None:
    made = encapsulate_p384(RECIPIENT.public_key(), EPHEMERAL, PURPOSE_DATA_KEY)

    shared = RECIPIENT.exchange(ec.ECDH(), EPHEMERAL.public_key())
    ephemeral_point, recipient_point = point_of(EPHEMERAL.public_key()), point_of(RECIPIENT.public_key())
    assert made.encapsulated == ephemeral_point
    assert made.key == one_time_key_p384(shared, PURPOSE_DATA_KEY, ephemeral_point, recipient_point)


def test_rsa_key_wrapped_by_the_independent_script_unwraps(rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_rsa(rsa_key.public_key(), bytes(32), NONCE, KEY, PURPOSE_DATA_KEY, CONTEXT)

    key = unwrap_with(rsa_key, wrapped, purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    assert key == KEY
    assert len(wrapped) == 1 + 2 + 384 + 12 + 32 + 16


def test_rsa_one_time_key_of_aes_128_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_rsa(rsa_key.public_key(), bytes(16), NONCE, KEY, PURPOSE_DATA_KEY, CONTEXT)

    with pytest.raises(KeyMismatchError):
        unwrap_with(rsa_key, wrapped, purpose=PURPOSE_DATA_KEY, context=CONTEXT)


@given(key=st.binary(min_size=32, max_size=32), context=st.dictionaries(st.text(), st.text()))
def test_what_was_wrapped_unwraps_under_the_same_context(key: bytes, context: dict[str, str]) -> None:
    wrapped = wrap_for(RECIPIENT.public_key(), key, purpose=PURPOSE_DATA_KEY, context=context)

    assert unwrap_with(RECIPIENT, wrapped, purpose=PURPOSE_DATA_KEY, context=context) == key


@given(first=st.dictionaries(st.text(), st.text()), second=st.dictionaries(st.text(), st.text()))
def test_contexts_that_differ_never_open_each_other(first: dict[str, str], second: dict[str, str]) -> None:
    if first == second:
        second = {**second, "more": ""} if "more" not in second else {}
    wrapped = wrap_for(RECIPIENT.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=first)

    with pytest.raises(KeyMismatchError, match="other context"):
        unwrap_with(RECIPIENT, wrapped, purpose=PURPOSE_DATA_KEY, context=second)


def test_order_of_a_context_does_not_matter() -> None:
    wrapped = wrap_for(RECIPIENT.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT)
    reversed_context = dict(reversed(CONTEXT.items()))

    assert unwrap_with(RECIPIENT, wrapped, purpose=PURPOSE_DATA_KEY, context=reversed_context) == KEY


@pytest.mark.parametrize("purpose", [PURPOSE_HOST_SECRET, PURPOSE_ENROLMENT])
def test_key_wrapped_for_one_purpose_does_not_open_for_another(purpose: bytes, rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_for(rsa_key.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    with pytest.raises(KeyMismatchError):
        unwrap_with(RECIPIENT, known_answer(), purpose=purpose, context=CONTEXT)
    with pytest.raises(KeyMismatchError):
        unwrap_with(rsa_key, wrapped, purpose=purpose, context=CONTEXT)


@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_every_altered_byte_of_a_p384_wrapped_key_is_refused(bit: int) -> None:
    wrapped = known_answer()

    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= bit
        with pytest.raises(KeyMismatchError):
            unwrap_with(RECIPIENT, bytes(altered), purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_every_altered_byte_of_an_rsa_wrapped_key_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_for(rsa_key.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 0x01
        with pytest.raises(KeyMismatchError):
            unwrap_with(rsa_key, bytes(altered), purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_every_shorter_or_longer_wrapped_key_is_refused_by_its_length(rsa_key: rsa.RSAPrivateKey) -> None:
    for_p384 = known_answer()
    for_rsa = wrap_for(rsa_key.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    for private_key, wrapped in ((RECIPIENT, for_p384), (rsa_key, for_rsa)):
        for damaged in [*(wrapped[:size] for size in range(len(wrapped))), wrapped + b"\x00"]:
            with pytest.raises(KeyMismatchError, match=f"is {len(damaged)} bytes, must be {len(wrapped)}"):
                unwrap_with(private_key, damaged, purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_point_that_is_not_on_the_curve_is_refused() -> None:
    wrapped = bytearray(known_answer())
    wrapped[4:100] = bytes(95) + b"\x01"

    with pytest.raises(KeyMismatchError):
        unwrap_with(RECIPIENT, bytes(wrapped), purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_wrapped_key_does_not_open_under_another_key() -> None:
    other = fixed_p384_key(b"other recipient")

    with pytest.raises(KeyMismatchError):
        unwrap_with(other, known_answer(), purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_scheme_of_another_kind_of_key_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_for(rsa_key.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT)

    with pytest.raises(KeyMismatchError, match="its scheme or a length differs"):
        unwrap_with(rsa_key, b"\x01" + wrapped[1:], purpose=PURPOSE_DATA_KEY, context=CONTEXT)


def test_two_wrappings_of_one_key_share_neither_ephemeral_nor_nonce() -> None:
    first, second = (wrap_for(RECIPIENT.public_key(), KEY, purpose=PURPOSE_DATA_KEY, context=CONTEXT) for _ in range(2))

    assert first[3:100] != second[3:100]
    assert first[100:112] != second[100:112]


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_only_keys_of_32_bytes_are_wrapped(size: int) -> None:
    with pytest.raises(UsageError, match=f"is {size} bytes, must be 32"):
        wrap_for(RECIPIENT.public_key(), bytes(size), purpose=PURPOSE_DATA_KEY, context=CONTEXT)
