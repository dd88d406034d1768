"""From a URI to the adapter: configuration names keys by URI and never holds one.

    key providers   awskms:<key arn or alias>
                    file:/absolute/path, credential:<name>     a key file; `#<recipient URI>` pins its public key
    host secrets    awskms-mac:<hmac key arn or alias>
                    file:/absolute/path, credential:<name>     32 bytes

Picks by scheme in the manner of securesystemslib's signers; the AWS SDK is imported only for its own schemes.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from proofkeep.errors import UsageError
from proofkeep.keys.host_secret import CredentialHostSecret, FileHostSecret
from proofkeep.keys.local import load_key_provider
from proofkeep.keys.passphrases import Passphrase
from proofkeep.keys.private_files import credential_path
from proofkeep.ports import HostSecret, KeyProvider

if TYPE_CHECKING:
    from proofkeep.keys.kms_service import KmsAccess

Adapter = TypeVar("Adapter")

_SCHEME = re.compile("[a-z][a-z0-9+.-]{1,15}")


class KeyMeans(msgspec.Struct, frozen=True):
    """What URIs do not tell.

    Args:
        passphrase: opens a protected private key; None on hosts that only wrap.
        kms: how to reach AWS KMS; needed for its schemes only.
    """

    passphrase: Passphrase | None = None
    kms: "KmsAccess | None" = None


NO_MEANS: Final = KeyMeans()


def key_provider_from_uri(uri: str, means: KeyMeans = NO_MEANS) -> KeyProvider:
    """Build the key provider that `uri` names.

    Raises:
        UsageError: unknown scheme, or not a URI of its scheme.
        KeyMissingError, KeyMismatchError, PolicyError: the key file is absent, of another key, or not acceptable.
    """
    return _adapter(uri, _KEY_PROVIDERS, "key provider")(uri, means)


def host_secret_from_uri(uri: str, means: KeyMeans = NO_MEANS) -> HostSecret:
    """Build the host secret that `uri` names; nothing is read before its first use.

    Raises:
        UsageError: unknown scheme, or not a URI of its scheme.
    """
    return _adapter(uri, _HOST_SECRETS, "host secret")(uri, means)


def _kms_provider(uri: str, means: KeyMeans) -> KeyProvider:
    from proofkeep.keys.kms import KmsProvider  # noqa: PLC0415 - hosts with local keys do without the SDK

    return KmsProvider(_rest(uri), _kms_access(uri, means))


def _kms_host_secret(uri: str, means: KeyMeans) -> HostSecret:
    from proofkeep.keys.kms import KmsHostSecret  # noqa: PLC0415 - as above

    return KmsHostSecret(_rest(uri), _kms_access(uri, means))


def _file_provider(uri: str, means: KeyMeans) -> KeyProvider:
    location, pin = _pinned(uri)
    path = _absolute_path(location)
    return load_key_provider(path, location, passphrase=means.passphrase, expected_recipient=pin)


def _credential_provider(uri: str, means: KeyMeans) -> KeyProvider:
    location, pin = _pinned(uri)
    path = credential_path(_rest(location), location)
    return load_key_provider(path, location, passphrase=means.passphrase, credential=True, expected_recipient=pin)


def _file_host_secret(uri: str, _: KeyMeans) -> HostSecret:
    return FileHostSecret(_absolute_path(uri))


def _credential_host_secret(uri: str, _: KeyMeans) -> HostSecret:
    return CredentialHostSecret(_rest(uri))


_KEY_PROVIDERS: dict[str, Callable[[str, KeyMeans], KeyProvider]] = {
    "awskms": _kms_provider,
    "credential": _credential_provider,
    "file": _file_provider,
}

_HOST_SECRETS: dict[str, Callable[[str, KeyMeans], HostSecret]] = {
    "awskms-mac": _kms_host_secret,
    "credential": _credential_host_secret,
    "file": _file_host_secret,
}


def _adapter(uri: str, adapters: dict[str, Adapter], role: str) -> Adapter:
    scheme, colon, _ = uri.partition(":")
    if "\0" in uri:
        raise UsageError(f"{role} uri holds a zero byte")
    if colon and scheme in adapters:
        return adapters[scheme]
    known = ", ".join(sorted(adapters))
    # Anything that does not look like a scheme stays unsaid: it may be a key put where its uri belongs.
    if colon and _SCHEME.fullmatch(scheme):
        raise UsageError(f"{role} scheme {scheme!r} is none of {known}")
    raise UsageError(f"{role} uri has none of the schemes {known}")


def _rest(uri: str) -> str:
    return uri.partition(":")[2]


def _pinned(uri: str) -> tuple[str, str]:
    location, mark, pin = uri.partition("#")
    if mark and not pin.startswith(("p384:", "rsa:")):
        raise UsageError(f"{location} is pinned to {pin!r}, which is no recipient uri")
    return location, pin


def _absolute_path(uri: str) -> Path:
    path = Path(_rest(uri))
    if not path.is_absolute():
        raise UsageError(f"{uri} does not name an absolute path")
    return path


def _kms_access(uri: str, means: KeyMeans) -> "KmsAccess":
    if means.kms is None:
        raise UsageError(f"{uri} needs a tls policy and access to kms")
    return means.kms
