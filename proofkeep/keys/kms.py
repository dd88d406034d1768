"""AWS KMS as key provider (symmetric KEK) and as host secret (HMAC_256 key).

IAM actions, each on the one key's ARN and nothing else:

    role            KEK                                             HMAC key
    backup          kms:GenerateDataKey                             kms:GenerateMac
    restore, drill  kms:Decrypt                                     kms:GenerateMac
    verify          none                                            kms:GenerateMac
    retention       none                                            kms:GenerateMac
    further recipient of a repository's data keys: kms:Encrypt on that KEK for the backup role
    host secret in a file: kms:Encrypt on every KEK for who runs `init`, and only then
    key named by alias: kms:DescribeKey for every role; name it by ARN to do without

Narrow KEK statements with the condition `kms:EncryptionContext:proofkeep:repository`. No role that backs up needs
kms:Decrypt, and none needs kms:ReEncrypt*, kms:CreateGrant or kms:PutKeyPolicy. A failed call leaves no data key.
The SSE-KMS key of the bucket must be another one.
"""

import re
from collections.abc import Mapping
from typing import Any

from proofkeep.errors import KeyMismatchError, UsageError
from proofkeep.keys.kms_service import KmsAccess, KmsService
from proofkeep.model import Clock, GeneratedKey, WrappedKey

SCHEME = "awskms"
MAC_SCHEME = "awskms-mac"

KEY_SIZE = 32
MESSAGE_LIMIT = 4_096

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"(?P<resource>(?P<kind>key|alias)/[A-Za-z0-9/_-]+)"
)
_NAME = re.compile(r"alias/[A-Za-z0-9/_-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")


class KmsKey:
    """One KMS key by whatever name it was configured, and by its ARN once that is known."""

    def __init__(self, name: str, access: KmsAccess) -> None:
        arn = _ARN.fullmatch(name)
        if arn is None and _NAME.fullmatch(name) is None:
            raise UsageError(f"{name!r} is neither a kms key arn nor an alias nor a key id")
        self.service = KmsService(access, arn["region"] if arn else None)
        self._name = name
        self._arn = name if arn and arn["kind"] == "key" else None

    @property
    def arn(self) -> str:
        """The full key ARN; asked for once where an alias or id was configured, and kept from then on."""
        if self._arn is None:
            answer = self.service.call("DescribeKey", self._name, KeyId=self._name)
            self._arn = str(answer["KeyMetadata"]["Arn"])
        return self._arn


class KmsProvider:
    """Implements `KeyProvider`; safe in several threads.

    Args:
        key: key ARN, alias, alias ARN or key id.
        access: endpoint, credentials and TLS policy.

    Raises:
        UsageError: `key` or `access` cannot be used.
    """

    def __init__(self, key: str, access: KmsAccess) -> None:
        self._key = KmsKey(key, access)

    @property
    def recipient(self) -> str:
        """`awskms:<full key ARN>`; asks KMS once where the key was named by alias, and then raises as `wrap`."""
        return f"{SCHEME}:{self._key.arn}"

    @property
    def clock(self) -> Clock | None:
        """The service's own time as of its latest answer."""
        return self._key.service.clock

    def generate(self, context: Mapping[str, str]) -> GeneratedKey:
        """GenerateDataKey (AES_256) under `context`.

        Raises:
            KeyDeniedError, KeyRevokedError, KeyMissingError, KeyServiceUnavailableError, ClockError, UsageError:
                see `KmsService.call`.
        """
        arn = self._key.arn
        answer = self._key.service.call(
            "GenerateDataKey", arn, KeyId=arn, KeySpec="AES_256", EncryptionContext=dict(context)
        )
        wrapped = self._wrapped(answer, arn)
        return GeneratedKey(_data_key(answer, arn), wrapped)

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Encrypt a data key made elsewhere for this recipient too; raises as `generate`."""
        if len(data_key) != KEY_SIZE:
            raise UsageError(f"key to wrap is {len(data_key)} bytes, must be {KEY_SIZE}")
        arn = self._key.arn
        answer = self._key.service.call("Encrypt", arn, KeyId=arn, Plaintext=data_key, EncryptionContext=dict(context))
        return self._wrapped(answer, arn)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Decrypt, with the key pinned so that KMS does not choose one by the ciphertext.

        Raises:
            KeyMismatchError: wrapped under another key or context, or altered.
            KeyDeniedError, KeyRevokedError, KeyMissingError, KeyServiceUnavailableError, ClockError, UsageError:
                see `KmsService.call`.
        """
        arn = self._key.arn
        recipient = f"{SCHEME}:{arn}"
        if not _same_key(wrapped.recipient, recipient):
            raise KeyMismatchError(f"wrapped key is for {wrapped.recipient}, not for {recipient}")
        answer = self._key.service.call(
            "Decrypt", arn, KeyId=arn, CiphertextBlob=wrapped.ciphertext, EncryptionContext=dict(context)
        )
        return _data_key(answer, arn)

    def unlock(self) -> None:
        """Nothing: the key is in the service, and stays there."""

    def wrap_secret(self, secret: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Encrypt a host secret; its context, with a data key of zeros, is no data key's. Raises as `generate`."""
        return self.wrap(secret, context)

    def unwrap_secret(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Decrypt a host secret; raises as `unwrap`."""
        return self.unwrap(wrapped, context)

    def _wrapped(self, answer: Mapping[str, Any], arn: str) -> WrappedKey:
        if answer["KeyId"] != arn:
            raise KeyMismatchError(f"kms answered with key {answer['KeyId']}, not with {arn}")
        return WrappedKey(
            recipient=f"{SCHEME}:{arn}",
            ciphertext=answer["CiphertextBlob"],
            material_id=answer.get("KeyMaterialId"),
            request_id=answer["ResponseMetadata"].get("RequestId"),
        )


class KmsHostSecret:
    """Implements `HostSecret` by an HMAC_256 key that never leaves KMS.

    Args:
        key: ARN, alias, alias ARN or key id.
        access: endpoint, credentials and TLS policy.
    """

    def __init__(self, key: str, access: KmsAccess) -> None:
        self._key = KmsKey(key, access)

    @property
    def uri(self) -> str:
        """`awskms-mac:<full key ARN>`; asks KMS once where the key was named by alias."""
        return f"{MAC_SCHEME}:{self._key.arn}"

    def mac(self, message: bytes) -> bytes:
        """GenerateMac with HMAC_SHA_256.

        Raises:
            UsageError: over 4,096 bytes, or not an HMAC_256 key.
            KeyDeniedError, KeyRevokedError, KeyMissingError, KeyServiceUnavailableError, ClockError:
                see `KmsService.call`.
        """
        if len(message) > MESSAGE_LIMIT:
            raise UsageError(f"message is {len(message)} bytes, a host secret takes at most {MESSAGE_LIMIT}")
        arn = self._key.arn
        answer = self._key.service.call("GenerateMac", arn, KeyId=arn, Message=message, MacAlgorithm="HMAC_SHA_256")
        return bytes(answer["Mac"])


def _data_key(answer: Mapping[str, Any], arn: str) -> bytes:
    data_key = bytes(answer["Plaintext"])
    if len(data_key) != KEY_SIZE:
        raise KeyMismatchError(f"kms key {arn} gave a data key of {len(data_key)} bytes, not {KEY_SIZE}")
    return data_key


def _same_key(recipient: str, own: str) -> bool:
    """Whether two recipients are one key; replicas of a multi-Region key differ in nothing but the region."""
    if recipient == own:
        return True
    theirs, ours = (_ARN.fullmatch(uri.removeprefix(f"{SCHEME}:")) for uri in (recipient, own))
    if theirs is None or ours is None or not ours["resource"].startswith("key/mrk-"):
        return False
    return all(theirs[part] == ours[part] for part in ("partition", "account", "resource"))
