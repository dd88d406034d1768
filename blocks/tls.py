"""The block of the TLS policy."""

from typing import ClassVar, Literal

from pydantic import Field

from blocks.base import ConfigurationBlock
from blocks.fields import AbsolutePath


class TlsPolicy(ConfigurationBlock):
    """Whom to trust on every connection, and how this host identifies itself.

    TLS 1.2 or newer with ECDHE and AES-GCM is demanded always; certificate and host name are checked always.

    Example:
        Load a stored TLS policy:
        ```python
        from blocks import TlsPolicy

        policy = TlsPolicy.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep TLS Policy"
    _block_type_slug: ClassVar[str] = "proofkeep-tls-policy"

    ca_file: AbsolutePath | None = Field(
        default=None,
        description="PEM file on the host with the only CA certificates to trust; empty trusts the system's store.",
    )
    client_certificate: AbsolutePath | None = Field(
        default=None, description="PEM file on the host with the certificate shown to servers that ask for one."
    )
    client_key: AbsolutePath | None = Field(
        default=None, description="PEM file on the host with the key of that certificate; the key stays in its file."
    )
    curve: Literal["P-256", "P-384"] = Field(
        default="P-256", description="The one elliptic curve used for key exchange."
    )
