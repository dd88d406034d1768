"""What KMS says when it refuses, from a TLS server that gives its answers: moto enforces no key state."""

import base64
from collections.abc import Callable, Iterator

import botocore.session
import pytest

from infra.servers.ports import free_port
from proofkeep.errors import (
    ClockError,
    KeyAccessError,
    KeyCredentialsError,
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    KeyRevokedError,
    KeyServiceUnavailableError,
    PeerIdentityError,
    ProofkeepError,
    TlsPolicyError,
    UsageError,
)
from proofkeep.keys.kms import KmsHostSecret, KmsProvider
from proofkeep.keys.kms_service import KmsAccess
from proofkeep.model import WrappedKey
from proofkeep.tls import TlsPolicy
from tests.engine.keys.kms_answers import ARN, REQUEST_ID, KmsAnswers, access, kms_answers, session
from tests.servers.pki import Pki

CONTEXT = {"proofkeep:data-key": "c" * 32}
SECRET_IN_MESSAGE = "never to be repeated"


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


@pytest.fixture(scope="module")
def calls(provider: KmsProvider, server: KmsAnswers, pki: Pki) -> dict[str, Callable[[], object]]:
    secret = KmsHostSecret(ARN, access(server.url, pki))
    return {
        "GenerateDataKey": lambda: provider.generate(CONTEXT),
        "Encrypt": lambda: provider.wrap(bytes(32), CONTEXT),
        "Decrypt": lambda: provider.unwrap(WrappedKey(f"awskms:{ARN}", b"c"), CONTEXT),
        "GenerateMac": lambda: secret.mac(b"message"),
    }


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("operation", ["GenerateDataKey", "Encrypt", "Decrypt", "GenerateMac"])
@pytest.mark.parametrize(
    "code, message",
    [
        ("DisabledException", f"{ARN} is disabled."),
        ("KMSInvalidStateException", f"{ARN} is pending deletion."),
        ("KMSInvalidStateException", f"{ARN} is pending import."),
    ],
)
def test_answer_that_the_key_is_disabled_or_pending_deletion_means_revoked(
    answers: KmsAnswers, calls: dict[str, Callable[[], object]], operation: str, code: str, message: str
) -> None:
    answers.refuse(code, message)

    with pytest.raises(KeyRevokedError, match=rf"^kms {operation} on {ARN} is refused: .*{code}") as caught:
        calls[operation]()

    assert REQUEST_ID in str(caught.value)
    assert [asked for asked, _ in answers.asked] == [operation]


@pytest.mark.parametrize(
    "code, message, expected",
    [
        ("AccessDeniedException", f"User: x is not authorized {SECRET_IN_MESSAGE}", KeyDeniedError),
        ("InvalidGrantTokenException", None, KeyDeniedError),
        ("ExpiredTokenException", "The security token included in the request is expired", KeyCredentialsError),
        ("UnrecognizedClientException", "The security token is invalid.", KeyCredentialsError),
        ("MissingAuthenticationTokenException", "Missing Authentication Token", KeyCredentialsError),
        ("InvalidSignatureException", "The request signature we calculated does not match", KeyCredentialsError),
        ("InvalidSignatureException", "Signature expired: 20261121T120000Z is now earlier than", ClockError),
        ("InvalidSignatureException", "Signature not yet current: 20261125T120000Z is", ClockError),
        ("InvalidCiphertextException", None, KeyMismatchError),
        ("IncorrectKeyException", f"The key ID in the request {SECRET_IN_MESSAGE}", KeyMismatchError),
        ("NotFoundException", f"Key '{ARN}' does not exist", KeyMissingError),
        ("InvalidKeyUsageException", f"{ARN} key usage is GENERATE_VERIFY_MAC", UsageError),
        ("InvalidArnException", "Invalid arn us-gov-west-1", UsageError),
        ("ValidationException", "1 validation error detected", UsageError),
        ("SomethingNewException", "of next year", KeyAccessError),
    ],
)
def test_refusal_is_told_once_in_our_words(
    answers: KmsAnswers,
    calls: dict[str, Callable[[], object]],
    code: str,
    message: str | None,
    expected: type[ProofkeepError],
) -> None:
    answers.refuse(code, message)

    with pytest.raises(ProofkeepError) as caught:
        calls["Decrypt"]()

    assert type(caught.value) is expected
    assert code in str(caught.value)
    assert ARN in str(caught.value)
    assert SECRET_IN_MESSAGE not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert len(answers.asked) == 1


@pytest.mark.parametrize(
    "code, status",
    [
        ("ThrottlingException", 400),
        ("KMSInternalException", 500),
        ("KeyUnavailableException", 500),
        ("DependencyTimeoutException", 503),
        ("ServiceUnavailable", 503),
    ],
)
def test_answer_that_passes_by_itself_is_tried_again_and_then_unavailable(
    answers: KmsAnswers, calls: dict[str, Callable[[], object]], code: str, status: int
) -> None:
    answers.refuse(code, "later", status)

    with pytest.raises(KeyServiceUnavailableError, match=code) as caught:
        calls["GenerateDataKey"]()

    assert caught.value.retryable
    assert len(answers.asked) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_refusal_without_a_code_is_a_denial_by_its_status(
    answers: KmsAnswers, calls: dict[str, Callable[[], object]], status: int
) -> None:
    answers.status, answers.body = status, b"<html>not from kms</html>"

    with pytest.raises(KeyDeniedError):
        calls["Decrypt"]()


@pytest.mark.parametrize("operation", ["GenerateDataKey", "Encrypt", "Decrypt", "GenerateMac"])
@pytest.mark.parametrize("body", [b"{}", b"<html>log in first</html>", b"", b"[]"])
def test_page_in_place_of_an_answer_is_no_answer(
    answers: KmsAnswers, calls: dict[str, Callable[[], object]], operation: str, body: bytes
) -> None:
    answers.status, answers.body = 200, body

    with pytest.raises(KeyServiceUnavailableError):
        calls[operation]()


def test_missing_credentials_have_their_own_error(answers: KmsAnswers, pki: Pki) -> None:
    bare = KmsAccess(TlsPolicy(ca_file=pki.ca_path), endpoint_url=answers.url, session=botocore.session.Session())

    with pytest.raises(KeyCredentialsError, match="there are no usable credentials"):
        KmsProvider(ARN, bare).generate(CONTEXT)


def test_server_that_is_not_there_is_unavailable(pki: Pki) -> None:
    provider = KmsProvider(ARN, access(f"https://localhost:{free_port()}", pki))

    with pytest.raises(KeyServiceUnavailableError, match="got no usable answer"):
        provider.generate(CONTEXT)


def test_server_of_an_unknown_ca_is_refused(answers: KmsAnswers, pki: Pki) -> None:
    rogue = KmsAccess(TlsPolicy(ca_file=pki.rogue_ca.ca_path), endpoint_url=answers.url, session=session())

    with pytest.raises(PeerIdentityError):
        KmsProvider(ARN, rogue).generate(CONTEXT)

    assert answers.asked == []


def test_plain_http_is_refused(pki: Pki) -> None:
    with pytest.raises(TlsPolicyError, match="is not https"):
        KmsProvider(ARN, access(f"http://localhost:{free_port()}", pki))


def test_key_without_any_region_is_refused(pki: Pki) -> None:
    with pytest.raises(UsageError):
        KmsProvider("alias/proofkeep", KmsAccess(TlsPolicy(ca_file=pki.ca_path), session=session()))
