"""Which adapter each section means."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofkeep.configuration.rate import parse_rate
from proofkeep.configuration.sections import (
    KeySettings,
    KmsSettings,
    LocalPlace,
    Place,
    S3Place,
    SourceSettings,
    TlsSettings,
)
from proofkeep.errors import UsageError
from proofkeep.keys.passphrases import passphrase_from_uri
from proofkeep.keys.uris import KeyMeans
from proofkeep.ports import HostSecret, ObjectStore
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState
from proofkeep.stores.local import LocalStore
from proofkeep.stores.s3_places import service_of
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.tls import TlsPolicy

if TYPE_CHECKING:
    from proofkeep.attempts import KnownEntry
    from proofkeep.history import History
    from proofkeep.sources.directory import DirectorySource


def tls_policy(settings: TlsSettings) -> TlsPolicy:
    """The policy of every connection."""
    return TlsPolicy(settings.ca_file, settings.client_certificate, settings.client_key, settings.curve)


def same_service(store: Place, ledger: Place) -> bool:
    """Whether both are buckets of one server other than AWS, where a bucket has no host of its own."""
    if isinstance(store, LocalPlace) or isinstance(ledger, LocalPlace) or store.endpoint_url is None:
        return False
    return (store.endpoint_url, store.region) == (ledger.endpoint_url, ledger.region)


def open_store(
    place: Place,
    tls: TlsPolicy,
    session: Any,
    beside: ObjectStore | None = None,
    *,
    reading: bool = False,
    holds: str = "packs",
) -> ObjectStore:
    """The object store at a place; raises as the adapter's constructor.

    Args:
        beside: one of the same service, whose client and connections serve this one too.
        reading: whether it is opened to read a little and soon, rather than to write.
        holds: as `LocalStore` has it; what an S3 store answers names its bucket.
    """
    if isinstance(place, LocalPlace):
        return LocalStore(place.path, holds)
    direct = _open_directly(place, tls, beside) if reading and session is None else None
    return direct or _open_by_sdk(place, tls, session, beside)


def _open_directly(place: S3Place, tls: TlsPolicy, beside: ObjectStore | None) -> ObjectStore | None:
    if place.endpoint_url is None:
        return None
    from proofkeep.stores.s3_direct import DirectS3Store, open_directly  # noqa: PLC0415 - as below

    if isinstance(beside, DirectS3Store):
        return beside.sibling(place.bucket, place.prefix, lambda: _open_by_sdk(place, tls, None, beside.sdk))
    return open_directly(
        place.bucket,
        place.prefix,
        lambda: _open_by_sdk(place, tls, None),
        tls=tls,
        endpoint_url=place.endpoint_url,
        region=place.region,
    )


def _open_by_sdk(place: S3Place, tls: TlsPolicy, session: Any, beside: ObjectStore | None = None) -> ObjectStore:
    from proofkeep.stores.bandwidth import shared  # noqa: PLC0415 - hosts with local stores do without it and the SDK
    from proofkeep.stores.s3 import S3Store  # noqa: PLC0415 - as above

    limit = place.bandwidth_limit
    bandwidth = shared(f"{place.endpoint_url} {place.bucket}", parse_rate(limit)) if limit else None
    if isinstance(beside, S3Store):
        return beside.sibling(place.bucket, place.prefix, sse_kms_key_id=place.sse_kms_key_id, bandwidth=bandwidth)
    return S3Store(
        place.bucket,
        place.prefix,
        tls=tls,
        endpoint_url=place.endpoint_url,
        region=place.region,
        session=session,
        sse_kms_key_id=place.sse_kms_key_id,
        bandwidth=bandwidth,
    )


def connect(store: ObjectStore, ledger: ObjectStore, secret: HostSecret) -> Repository:
    """See `proofkeep.repository.connect.connect`."""
    from proofkeep.repository import connect as connecting  # noqa: PLC0415 - loaded while a passphrase is worked on

    return connecting.connect(store, ledger, secret)


def key_means(uri: str, keys: KeySettings, kms: KmsSettings, tls: TlsPolicy, session: Any) -> KeyMeans:
    """What a key's URI does not tell; the AWS SDK is loaded for AWS's schemes only."""
    passphrase = passphrase_from_uri(keys.passphrase) if keys.passphrase else None
    if not uri.startswith(("awskms:", "awskms-mac:")):
        return KeyMeans(passphrase)
    from proofkeep.keys.kms_service import KmsAccess  # noqa: PLC0415 - as above

    return KeyMeans(passphrase, KmsAccess(tls, kms.region, kms.endpoint_url, session))


def open_source(settings: SourceSettings, own_directories: Sequence[Path]) -> "DirectorySource":
    """The tree to back up, without our own directories."""
    from proofkeep.sources.directory import DirectorySource  # noqa: PLC0415 - who reads a repository does without

    return DirectorySource(
        settings.root,
        label=settings.label or str(settings.root),
        include=settings.include,
        exclude=settings.exclude,
        exclude_roots=own_directories,
        one_filesystem=settings.one_filesystem,
        xattrs=settings.xattrs,
    )


def open_target(final: Path, *, devices: bool = False, sync: bool = True) -> DirectoryTarget:
    """A directory to restore into; nothing is touched yet."""
    return DirectoryTarget(final, allow_devices=devices, sync=sync)


def open_state(root: Path, repository: bytes) -> RepositoryState:
    """The state directory of one repository; made if it is missing. Raises `UsageError`."""
    with _usable(root):
        return RepositoryState(root, repository)


def place_of(store: Place) -> str:
    """Where packs lie; two stores of one name at two services are two places."""
    if isinstance(store, LocalPlace):
        return os.path.normpath(store.path)
    from proofkeep.attempts import SERVICE  # noqa: PLC0415 - who reads a repository does without

    return f"s3://{store.bucket}/{store.prefix.strip('/')}{SERVICE}{service_of(store.endpoint_url)}"


def known_entry(place: str, name: str, allowed_age: int) -> "KnownEntry":
    """What the history is to know of an entry."""
    from proofkeep.attempts import KnownEntry  # noqa: PLC0415 - who reads a repository does without

    return KnownEntry(place, name, allowed_age)


def open_history(root: Path, *, briefly: bool = False) -> "History":
    """The history in a state directory; made if it is missing. As `History`; raises `UsageError` too."""
    from proofkeep.history import History  # noqa: PLC0415 - who reads a repository does without

    with _usable(root):
        return History(root, briefly=briefly)


@contextmanager
def _usable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"state directory {root} cannot be used: {reason}") from None
