"""What is asked of KMS and taken from its answers, seen by a TLS server that writes both down."""

import base64
from collections.abc import Iterator

import pytest

from proofkeep.errors import KeyDeniedError, KeyMismatchError
from proofkeep.keys.kms import KmsProvider
from proofkeep.model import WrappedKey
from tests.engine.keys.kms_answers import ARN, DATE_NS, REQUEST_ID, KmsAnswers, access, kms_answers
from tests.servers.pki import Pki

OTHER_ARN = ARN.replace("5555", "6666")
MRK = "mrk-0123456789abcdef0123456789abcdef"
CONTEXT = {"proofkeep:data-key": "c" * 32}


@pytest.fixture(scope="module")
def server(pki: Pki) -> Iterator[KmsAnswers]:
    with kms_answers(pki.server) as answers:
        yield answers


@pytest.fixture
def answers(server: KmsAnswers) -> KmsAnswers:
    server.asked.clear()
    return server


@pytest.fixture(scope="module")
def provider(server: KmsAnswers, pki: Pki) -> KmsProvider:
    return KmsProvider(ARN, access(server.url, pki))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_answer_gives_material_id_request_id_and_time(answers: KmsAnswers, provider: KmsProvider) -> None:
    material = "ab" * 32
    answers.answer(
        {
            "CiphertextBlob": encoded(b"wrapped"),
            "Plaintext": encoded(bytes(32)),
            "KeyId": ARN,
            "KeyMaterialId": material,
        }
    )

    generated = provider.generate(CONTEXT)

    assert generated.wrapped == WrappedKey(f"awskms:{ARN}", b"wrapped", material, REQUEST_ID)
    assert provider.clock is not None
    assert provider.clock.remote_ns == DATE_NS


def test_refusal_tells_the_time_too(answers: KmsAnswers, pki: Pki) -> None:
    answers.refuse("AccessDeniedException", "no")
    provider = KmsProvider(ARN, access(answers.url, pki))

    assert provider.clock is None
    with pytest.raises(KeyDeniedError):
        provider.generate(CONTEXT)

    assert provider.clock is not None
    assert provider.clock.remote_ns == DATE_NS


def test_decrypt_pins_the_key_and_sends_the_context(answers: KmsAnswers, provider: KmsProvider) -> None:
    answers.answer({"Plaintext": encoded(bytes(32)), "KeyId": ARN})

    provider.unwrap(WrappedKey(f"awskms:{ARN}", b"wrapped"), CONTEXT)

    assert answers.asked == [
        ("Decrypt", {"KeyId": ARN, "CiphertextBlob": encoded(b"wrapped"), "EncryptionContext": CONTEXT})
    ]


def test_generate_asks_for_256_bits_under_the_context(answers: KmsAnswers, provider: KmsProvider) -> None:
    answers.answer({"Plaintext": encoded(bytes(32)), "CiphertextBlob": encoded(b"w"), "KeyId": ARN})

    provider.generate(CONTEXT)

    assert answers.asked == [("GenerateDataKey", {"KeyId": ARN, "KeySpec": "AES_256", "EncryptionContext": CONTEXT})]


@pytest.mark.parametrize("size", [0, 16, 33])
def test_data_key_of_another_size_is_refused(answers: KmsAnswers, provider: KmsProvider, size: int) -> None:
    answers.answer({"Plaintext": encoded(bytes(size)), "CiphertextBlob": encoded(b"w"), "KeyId": ARN})

    with pytest.raises(KeyMismatchError, match=f"data key of {size} bytes, not 32"):
        provider.generate(CONTEXT)


def test_answer_with_another_key_is_refused(answers: KmsAnswers, provider: KmsProvider) -> None:
    answers.answer({"Plaintext": encoded(bytes(32)), "CiphertextBlob": encoded(b"w"), "KeyId": OTHER_ARN})

    with pytest.raises(KeyMismatchError, match="answered with key"):
        provider.generate(CONTEXT)


def test_replica_of_a_multi_region_key_unwraps_what_its_primary_wrapped(answers: KmsAnswers, pki: Pki) -> None:
    arns = [f"arn:aws-us-gov:kms:us-gov-{region}-1:123456789012:key/{MRK}" for region in ("west", "east")]
    answers.answer({"Plaintext": encoded(bytes(32)), "KeyId": arns[1]})
    replica = KmsProvider(arns[1], access(answers.url, pki))

    assert replica.unwrap(WrappedKey(f"awskms:{arns[0]}", b"wrapped"), CONTEXT) == bytes(32)
    assert answers.asked[0][1]["KeyId"] == arns[1]


@pytest.mark.parametrize(
    "recipient",
    [
        f"awskms:{OTHER_ARN}",
        f"awskms:{ARN.replace('west', 'east')}",
        f"awskms:{ARN.replace('123456789012', '210987654321')}",
        "p384:" + "0" * 64,
        "awskms:alias/proofkeep",
        "",
    ],
)
def test_key_of_another_recipient_is_refused_before_kms_is_asked(
    answers: KmsAnswers, provider: KmsProvider, recipient: str
) -> None:
    with pytest.raises(KeyMismatchError, match="wrapped key is for"):
        provider.unwrap(WrappedKey(recipient, b"wrapped"), CONTEXT)

    assert answers.asked == []
