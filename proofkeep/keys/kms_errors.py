"""botocore's failures in our words. Foreign text stays behind: an answer's code and request id say enough.

Codes are those of the KMS API reference and of the errors common to all AWS services.
"""

from http import HTTPStatus
from typing import NamedTuple

from botocore import exceptions as foreign
from botocore.parsers import ResponseParserError

from proofkeep.errors import (
    ClockError,
    KeyAccessError,
    KeyCredentialsError,
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    KeyRevokedError,
    KeyServiceUnavailableError,
    ProofkeepError,
    UsageError,
)

Failure = foreign.BotoCoreError | foreign.ClientError | ResponseParserError
"""What a botocore client raises; the classes have no common base."""

_NO_CREDENTIALS = (
    foreign.NoCredentialsError,
    foreign.PartialCredentialsError,
    foreign.CredentialRetrievalError,
    foreign.TokenRetrievalError,
    foreign.SSOError,
)

_NO_ANSWER = (foreign.ConnectionError, foreign.HTTPClientError, ResponseParserError)


class _Meaning(NamedTuple):
    kind: type[ProofkeepError]
    text: str


_DENIED = _Meaning(KeyDeniedError, "is denied to this role")
_CREDENTIALS = _Meaning(KeyCredentialsError, "is refused: credentials are wrong or expired")
_MISMATCH = _Meaning(KeyMismatchError, "is refused: other key or context, or the wrapped key was altered")
_AWAY = _Meaning(KeyServiceUnavailableError, "is not possible now")

_MEANINGS = {
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "InvalidGrantTokenException": _DENIED,
    "NotAuthorized": _DENIED,
    "OptInRequired": _DENIED,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "IncompleteSignature": _CREDENTIALS,
    "IncompleteSignatureException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
    "MissingAuthenticationToken": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "RequestExpired": _Meaning(ClockError, "is refused: this host's clock is wrong"),
    "DisabledException": _Meaning(KeyRevokedError, "is refused: the key is disabled"),
    "KMSInvalidStateException": _Meaning(
        KeyRevokedError, "is refused: the key is pending deletion or in another state that forbids it"
    ),
    "InvalidCiphertextException": _MISMATCH,
    "IncorrectKeyException": _MISMATCH,
    "NotFoundException": _Meaning(KeyMissingError, "is not possible: there is no such key"),
    "InvalidKeyUsageException": _Meaning(UsageError, "is not what this key is for"),
    "InvalidArnException": _Meaning(UsageError, "is not possible: this is no name of a key"),
    "ValidationException": _Meaning(UsageError, "is not possible: the request is not valid for this key"),
    "DependencyTimeoutException": _AWAY,
    "KeyUnavailableException": _AWAY,
    "KMSInternalException": _AWAY,
    "LimitExceededException": _AWAY,
    "ThrottlingException": _AWAY,
    "Throttling": _AWAY,
    "RequestLimitExceeded": _AWAY,
    "ServiceUnavailable": _AWAY,
    "ServiceUnavailableException": _AWAY,
}


def translate(error: Failure, operation: str, subject: str) -> ProofkeepError:
    """Return the error of our tree that `error` means.

    Args:
        operation: such as `Decrypt`.
        subject: the key's ARN or alias.
    """
    call = f"kms {operation} on {subject}"
    if isinstance(error, foreign.ClientError):
        return _answered(error, call)
    reason = type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        return KeyCredentialsError(f"{call} is not possible: there are no usable credentials ({reason})")
    if isinstance(error, _NO_ANSWER):
        return KeyServiceUnavailableError(f"{call} got no usable answer ({reason})")
    if isinstance(error, foreign.ParamValidationError):
        return UsageError(f"{call} has parameters that are not valid")
    return KeyAccessError(f"{call} is not possible ({reason})")


def _answered(error: foreign.ClientError, call: str) -> ProofkeepError:
    detail = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code = detail.get("Code", "no code")
    meaning = _MEANINGS.get(code) or _by_status(metadata.get("HTTPStatusCode", 0))
    if code == "InvalidSignatureException" and _about_time(detail.get("Message", "")):
        meaning = _MEANINGS["RequestExpired"]
    return meaning.kind(f"{call} {meaning.text} ({code}, request {metadata.get('RequestId', 'unknown')})")


def _by_status(status: int) -> _Meaning:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    ):
        return _AWAY
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _DENIED
    return _Meaning(KeyAccessError, "is refused")


def _about_time(message: str) -> bool:
    return message.startswith(("Signature expired", "Signature not yet current"))
