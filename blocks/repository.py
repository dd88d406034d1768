"""The block of a repository, from which flows get everything the engine needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from blocks.aws import aws_session
from blocks.base import ConfigurationBlock
from blocks.fields import AbsolutePath, BlockName, HostSecretUri, PingUrl
from blocks.keys import KeyProvider
from blocks.ledger import Ledger
from blocks.source import Source
from blocks.store import ObjectStore
from blocks.tls import TlsPolicy
from proofkeep.configuration import Configuration, parse


class Repository(ConfigurationBlock):
    """All objects of one backup domain: their store, ledger, keys and this host's state.

    Example:
        Load a stored repository:
        ```python
        from blocks import Repository

        repository = Repository.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep Repository"
    _block_type_slug: ClassVar[str] = "proofkeep-repository"

    store: ObjectStore = Field(description="Where packs, index and snapshots lie.")
    ledger: Ledger = Field(description="Where the ledger lies, apart from the packs.")
    keys: KeyProvider = Field(description="The keys of the backup role.")
    tls: TlsPolicy | None = Field(default=None, description="Policy of every connection; empty trusts the system.")
    host_secret: HostSecretUri = Field(
        description="Where the host secret is: file:/path, credential:NAME or awskms-mac:ARN."
    )
    state: AbsolutePath = Field(
        default="/var/lib/proofkeep",
        description="State directory of the host: spool, journals and catalog; a retry must find it again.",
    )
    ping_url: PingUrl = Field(
        default=None,
        description="Monitor that is told of start, success and failure of verify and drill; its path holds {verb}.",
    )
    aws_credentials: BlockName | None = Field(
        default=None,
        description="Name of an AwsCredentials block; empty, and better, uses the host's ambient credential chain.",
    )

    @model_validator(mode="after")
    def _is_a_configuration(self) -> Self:
        self.configuration()
        return self

    def configuration(
        self,
        *,
        entry: str | None = None,
        source: Source | None = None,
        keys: KeyProvider | None = None,
        backup: Mapping[str, Any] | None = None,
    ) -> Configuration:
        """What the engine is configured with.

        Args:
            keys: instead of the backup role's, for restore and drill.
            backup: knobs, as section `[backup]`.

        Raises:
            UsageError: a field is out of bounds.
        """
        document = self.document(entry=entry, source=source, keys=keys, backup=backup)
        return parse(document, base=Path("/"), subject=f"block {self._block_document_name or 'repository'}")

    def document(
        self,
        *,
        entry: str | None = None,
        source: Source | None = None,
        keys: KeyProvider | None = None,
        backup: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The same as a configuration file holds it."""
        role = keys or self.keys
        document: dict[str, Any] = {
            "state": self.state,
            "host_secret": self.host_secret,
            "store": self.store.section(),
            "ledger": self.ledger.store.section(),
            "keys": role.section(),
            "kms": role.kms_section(),
            "tls": self.tls.section() if self.tls else {},
            "backup": dict(backup or {}),
        }
        if entry is not None:
            document["entry"] = entry
        if source is not None:
            document["source"] = source.section()
        if address := self.ping_url if source is None else source.ping_url:
            document["ping_url"] = address.get_secret_value()
        return document

    def session(self) -> Any:
        """A botocore session with the credentials of `aws_credentials`; None for the ambient chain.

        Raises:
            UsageError: the block or the package it needs is missing.
        """
        return aws_session(self.aws_credentials) if self.aws_credentials else None
