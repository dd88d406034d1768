"""One AWS KMS endpoint: calls go out under the TLS policy, failures come back as errors of our tree.

Knows operations and answers, not what they are good for.
"""

import logging
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from proofkeep.errors import KeyServiceUnavailableError
from proofkeep.keys.kms_errors import translate
from proofkeep.model import Clock
from proofkeep.tls import TlsPolicy
from proofkeep.tls.aws import open_client

_ANSWERS = {
    "Decrypt": {"Plaintext"},
    "DescribeKey": {"KeyMetadata"},
    "Encrypt": {"CiphertextBlob", "KeyId"},
    "GenerateDataKey": {"CiphertextBlob", "KeyId", "Plaintext"},
    "GenerateMac": {"Mac"},
}
"""Operations in use, and what each answer must hold; a proxy's page with status 200 holds none of it."""


@dataclass(frozen=True, slots=True)
class KmsAccess:
    """How to reach AWS KMS.

    Args:
        tls: for every connection.
        region: None takes that of the key's ARN, or else the ambient one.
        endpoint_url: https; None takes AWS's own.
        session: where credentials come from; None takes the ambient chain.
    """

    tls: TlsPolicy
    region: str | None = None
    endpoint_url: str | None = None
    session: botocore.session.Session | None = None


class KmsService:
    """Calls KMS. Safe to use from several threads.

    Raises:
        UsageError: the policy's files, the region or the AWS configuration are not usable.
        TlsPolicyError: the endpoint is not https.
    """

    def __init__(self, access: KmsAccess, region: str | None) -> None:
        _keep_bodies_out_of_logs()
        self._client, self._recorder = open_client(
            "kms",
            access.tls,
            endpoint_url=access.endpoint_url,
            region=access.region or region,
            session=access.session,
        )

    @property
    def clock(self) -> Clock | None:
        """The service's own time as of its latest answer, refusals included."""
        return self._recorder.clock

    def call(self, operation: str, subject: str, **parameters: Any) -> dict[str, Any]:
        """Send one operation, named as in the API, and return its answer.

        Args:
            subject: names the key in errors.

        Raises:
            KeyDeniedError: this role may not.
            KeyCredentialsError: its credentials are missing, wrong or expired.
            KeyRevokedError, KeyMismatchError, KeyMissingError: what KMS says of key or ciphertext.
            KeyServiceUnavailableError: it may work later.
            ClockError: KMS refuses the request's time.
            UsageError: not a name or not the use of such a key.
            TlsPolicyError, PeerIdentityError: the connection is not acceptable.
        """
        not_of_kms = KeyServiceUnavailableError(f"kms {operation} on {subject} got an answer that is not of kms")
        try:
            answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise translate(error, operation, subject) from None
        except (AttributeError, TypeError, ValueError):  # botocore trips over JSON that is no object
            raise not_of_kms from None
        if not answer.keys() >= _ANSWERS[operation]:
            raise not_of_kms
        return answer


class _NoDebug(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_NO_DEBUG = _NoDebug()


def _keep_bodies_out_of_logs() -> None:
    """At DEBUG botocore logs what it sends and gets whole, keys in clear among it; a level could be set again."""
    for name in ("botocore.endpoint", "botocore.parsers"):
        logging.getLogger(name).addFilter(_NO_DEBUG)
