"""Errors of S3, botocore and the line below, in the words of the error tree.

Foreign text never passes: an error's code only if it looks like one, a message never.
"""

import contextlib
import re
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
    ValidationError,
)
from urllib3.exceptions import HTTPError

from proofkeep.errors import (
    ClockError,
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    ProofkeepError,
    StoreCredentialsError,
    StoreDeniedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    TransferFailedError,
    UsageError,
)

CODES: dict[type[ProofkeepError], frozenset[str]] = {
    ObjectMissingError: frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"}),
    ObjectExistsError: frozenset({"412", "PreconditionFailed"}),
    DigestRefusedError: frozenset(
        {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
    ),
    ClockError: frozenset({"RequestInTheFuture", "RequestTimeTooSkewed"}),
    StoreCredentialsError: frozenset(
        {
            "AuthFailure",
            "AuthorizationHeaderMalformed",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidToken",
            "MissingSecurityHeader",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        }
    ),
    StoreFullError: frozenset(
        {"507", "InsufficientStorage", "QuotaExceeded", "ServiceQuotaExceeded", "XMinioStorageFull"}
    ),
    TransferFailedError: frozenset({"IncompleteBody", "RequestTimeout"}),
    StoreUnavailableError: frozenset(
        {
            "429",
            "InternalError",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
        }
    ),
    UsageError: frozenset({"InvalidBucketName", "NoSuchBucket", "PermanentRedirect"}),
    StoreDeniedError: frozenset(
        {"403", "AccessDenied", "AccountProblem", "AllAccessDisabled", "Forbidden", "MethodNotAllowed"}
    ),
}

OF_THE_STORE = frozenset(
    {ClockError, StoreCredentialsError, StoreDeniedError, StoreFullError, StoreUnavailableError, UsageError}
)

WORDS: dict[type[ProofkeepError], str] = {
    ObjectMissingError: "does not exist",
    ObjectExistsError: "exists",
    DigestRefusedError: "arrived with another digest than was sent",
}

CREDENTIALS = (
    CredentialRetrievalError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
CONFIGURATION = (ParamValidationError, ValidationError)
UNREACHED = (ConnectTimeoutError, EndpointConnectionError)

SERVER_ERROR = 500


def code_of(error: ClientError) -> str:
    """The service's error code, or the HTTP status where the answer had no body."""
    code = str(error.response.get("Error", {}).get("Code") or status_of(error))
    return code if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", code) else "unknown"


def status_of(error: ClientError) -> int:
    """The HTTP status."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_conflict(error: ClientError) -> bool:
    """Whether two requests met, and the name may be taken or free again."""
    return code_of(error) in {"409", "ConditionalRequestConflict", "Conflict", "OperationAborted"}


def retries_of(error: ClientError) -> int:
    """How often botocore sent the request again before this answer."""
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def answered(error: ClientError, subject: str, place: str) -> ProofkeepError:
    """The error for an answer of the service about `subject`; where all of a store is meant, it names `place`."""
    code = code_of(error)
    if code == "NoSuchBucket":
        return UsageError(f"bucket {place} does not exist")
    for kind, codes in CODES.items():
        if code in codes:
            whose = f" of {place}" if kind in OF_THE_STORE else ""
            return kind(f"{subject}{whose} {WORDS.get(kind, f'was answered with {code}')}")
    if code.startswith("KMS."):
        return StoreDeniedError(f"{subject} was answered with {code}: the store's own key cannot be used")
    if status_of(error) >= SERVER_ERROR:
        return StoreUnavailableError(f"{subject} was answered with {code} ({status_of(error)})")
    return StoreError(f"{subject} was answered with {code} ({status_of(error)})")


def broken(error: BotoCoreError | HTTPError | OSError, subject: str, place: str) -> ProofkeepError:
    """The error for a request about `subject` that never got its whole answer."""
    kind = type(error).__name__
    if isinstance(error, CREDENTIALS):
        return StoreCredentialsError(f"{subject} of {place} was not asked for: no usable credentials ({kind})")
    if isinstance(error, CONFIGURATION):
        return UsageError(f"{subject} of {place} cannot be asked for ({kind})")
    if isinstance(error, UNREACHED):
        return StoreUnavailableError(f"{subject}: the store {place} cannot be reached ({kind})")
    return TransferFailedError(f"{subject}: the transfer broke off ({kind})")


@contextlib.contextmanager
def translating(subject: str, place: str) -> Iterator[None]:
    """Raise every foreign error of the block translated; `place` names the bucket."""
    try:
        yield
    except ClientError as error:
        raise answered(error, subject, place) from None
    except (BotoCoreError, HTTPError, OSError) as error:
        raise broken(error, subject, place) from None
