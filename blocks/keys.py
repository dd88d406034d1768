"""The block of the key provider."""

from typing import ClassVar

from pydantic import Field

from blocks.base import ConfigurationBlock, Section
from blocks.fields import HttpsUrl, KeyUri, PassphraseUri


class KeyProvider(ConfigurationBlock):
    """Where the keys of one role are: URIs only, never a key.

    A backup host names public wrapping keys or a KMS key; the restore role has a block of its own.

    Example:
        Load a stored key provider:
        ```python
        from blocks import KeyProvider

        keys = KeyProvider.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep Key Provider"
    _block_type_slug: ClassVar[str] = "proofkeep-key-provider"

    providers: list[KeyUri] = Field(
        min_length=1,
        description="URI of the key of each recipient of data keys: awskms:ARN, file:/path or credential:NAME.",
    )
    passphrase: PassphraseUri | None = Field(
        default=None,
        description="Where the passphrase of a protected key file is: env:NAME, file:/path or credential:NAME.",
    )
    kms_endpoint_url: HttpsUrl | None = Field(
        default=None, description="https address of a KMS other than AWS's own; plain http is refused."
    )
    kms_region: str | None = Field(default=None, description="Region of KMS; empty takes the host's AWS configuration.")

    def section(self) -> Section:
        """`[keys]` of the configuration."""
        return {name: value for name, value in super().section().items() if not name.startswith("kms_")}

    def kms_section(self) -> Section:
        """`[kms]` of the configuration."""
        fields = {"endpoint_url": self.kms_endpoint_url, "region": self.kms_region}
        return {name: value for name, value in fields.items() if value}
