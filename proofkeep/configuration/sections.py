"""The sections of a configuration: frozen values with the defaults an operator gets by saying nothing.

Structs check types and bounds when they are read (`reading.parse`), not when they are built by hand.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from proofkeep.configuration.duration import DEFAULT_ALLOWED_AGE, parse_duration
from proofkeep.configuration.rate import parse_rate
from proofkeep.errors import UsageError
from proofkeep.format.sizes import LEAST_PACK_SIZE, MAX_PACK, PACK_SIZE
from proofkeep.spool import DEFAULT_LIMIT
from proofkeep.tls import Curve

Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[tls]`: whom to trust and how to identify ourselves, for every connection.

    Attributes:
        ca_file: PEM file of the only certificates to trust; without it the system's store.
        client_certificate, client_key: for servers that ask for one.
        curve: the one group of the key exchange.
    """

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    curve: Curve = "P-256"


class LocalPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="local"):
    """`[store]` or `[ledger]` with `kind = "local"`: a directory, made by `init` if its parent exists."""

    path: Path


class S3Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="s3"):
    """`[store]` or `[ledger]` with `kind = "s3"`: a prefix of a bucket.

    Attributes:
        endpoint_url: https; without it AWS itself.
        sse_kms_key_id: ask for SSE-KMS under this key and refuse a store that does not confirm it.
        bandwidth_limit: what this process sends to the bucket, all senders together (`proofkeep.configuration.rate`).
    """

    bucket: Name
    prefix: str = ""
    endpoint_url: Text | None = None
    region: Name | None = None
    sse_kms_key_id: Text | None = None
    bandwidth_limit: Text | None = None

    def __post_init__(self) -> None:
        """Refuse what is no rate; msgspec names the section to a `ValueError`."""
        if self.bandwidth_limit is not None:
            try:
                parse_rate(self.bandwidth_limit)
            except UsageError as error:
                raise ValueError(f"bandwidth_limit: {error}") from None


Place = LocalPlace | S3Place


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[keys]`: where keys are, never what they are.

    Attributes:
        providers: a URI for each recipient of data keys (`proofkeep.keys.uris`).
        passphrase: the source of the passphrase of a protected key file, such as `env:NAME`, `file:/path` or
            `credential:NAME`; absent on hosts that only wrap.
    """

    providers: tuple[Text, ...] = ()
    passphrase: Text | None = None


class KmsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[kms]`: how to reach AWS KMS; needed for its URIs only, and there only where AWS's own is not meant."""

    endpoint_url: Text | None = None
    region: Name | None = None


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[source]`: the tree to back up.

    Attributes:
        label: for people; visible in Prefect. Without it the root's path.
        include, exclude: patterns as in `proofkeep.sources.patterns`.
        one_filesystem: record mount points without entering them.
        xattrs: read extended attributes and ACLs.
        allowed_age: how old the last verified snapshot may be (`proofkeep.configuration.duration`).
    """

    root: Path
    label: Name | None = None
    include: tuple[Text, ...] = ()
    exclude: tuple[Text, ...] = ()
    one_filesystem: bool = False
    xattrs: bool = True
    allowed_age: Text = DEFAULT_ALLOWED_AGE

    def __post_init__(self) -> None:
        """Refuse what is no duration; msgspec names the section to a `ValueError`."""
        try:
            parse_duration(self.allowed_age)
        except UsageError as error:
            raise ValueError(f"allowed_age: {error}") from None


class BackupSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[backup]`: knobs of a run, as in `proofkeep.backup.Options`.

    Attributes:
        spool_limit: bytes of ciphertext that may wait on this host.
        pack_size: bytes at which a pack is full.
        senders: parallel requests of one transfer.
        expiry_days: how long a snapshot is to be kept, from the run's start; without it, no date is promised.
        allow_empty: whether a source without anything in it is meant.
        known_ahead: newest ledger entries that are known to be from the future; for one run, not to be kept here.
    """

    level: Annotated[int, Meta(ge=1, le=22)] = 3
    workers: Annotated[int, Meta(ge=1, le=64)] = 2
    self_check: bool = True
    spool_limit: Annotated[int, Meta(ge=16 << 20)] = DEFAULT_LIMIT
    pack_size: Annotated[int, Meta(ge=LEAST_PACK_SIZE, le=MAX_PACK)] = PACK_SIZE
    senders: Annotated[int, Meta(ge=1, le=64)] = 4
    expiry_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None
    allow_empty: bool = False
    known_ahead: tuple[Text, ...] = ()


class DrillSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[drill]`: where a restore drill works and what it is held against.

    Attributes:
        evidence: folder of all evidence; without it `evidence` in the state directory.
        tmpfs: a directory in memory for restored plaintext; used only if the system says that it is one;
            without it /dev/shm.
        sealed: a folder for scratch under a key that is thrown away, where memory is too small; without it `scratch`
            in the state directory.
        per_stratum: files drawn from each stratum.
        every_snapshot: draw from every snapshot, not only the newest complete and the oldest of each entry.
        largest: bytes; larger files are left out and counted.
        rto_seconds, rpo_seconds: targets to hold the drill against.
    """

    evidence: Path | None = None
    tmpfs: Path | None = None
    sealed: Path | None = None
    per_stratum: Annotated[int, Meta(ge=1, le=1000)] = 1
    every_snapshot: bool = False
    largest: Annotated[int, Meta(ge=1)] | None = None
    rto_seconds: Annotated[int, Meta(ge=1)] | None = None
    rpo_seconds: Annotated[int, Meta(ge=1)] | None = None
