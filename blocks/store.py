"""The block of an object store."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from blocks.base import ConfigurationBlock, Section
from blocks.fields import AbsolutePath, HttpsUrl, Rate
from proofkeep.errors import UsageError

_LOCAL = frozenset({"path"})
_S3 = frozenset({"bucket", "prefix", "endpoint_url", "region", "sse_kms_key_id", "bandwidth_limit"})


class ObjectStore(ConfigurationBlock):
    """Where objects lie: a prefix of an S3 bucket, or a directory of the host.

    Credentials for S3 come from the host's ambient chain or from the repository's AWS credentials block.

    Example:
        Load a stored object store:
        ```python
        from blocks import ObjectStore

        store = ObjectStore.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep Object Store"
    _block_type_slug: ClassVar[str] = "proofkeep-object-store"

    kind: Literal["s3", "local"] = Field(default="s3", description="S3, or a local directory.")
    path: AbsolutePath | None = Field(default=None, description="Local: absolute path of the directory.")
    bucket: str | None = Field(default=None, description="S3: the bucket, which must exist.")
    prefix: str | None = Field(default=None, description="S3: what every object's name begins with.")
    endpoint_url: HttpsUrl | None = Field(
        default=None, description="S3: https address of a store other than AWS; plain http is refused."
    )
    region: str | None = Field(default=None, description="S3: region; empty takes the host's AWS configuration.")
    sse_kms_key_id: str | None = Field(
        default=None,
        description="S3: ask for server-side encryption under this KMS key, and refuse a store that does not confirm.",
    )
    bandwidth_limit: Rate | None = Field(
        default=None,
        description="S3: what one run sends to the bucket at most, such as 20 MiB/s; empty for as fast as it goes.",
    )

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        mine, needed = (_LOCAL, "path") if self.kind == "local" else (_S3, "bucket")
        given = set(self.section()) - {"kind"}
        if needed not in given:
            raise UsageError(f"object store of kind {self.kind} needs {needed}")
        if foreign := sorted(given - mine):
            raise UsageError(f"object store of kind {self.kind} knows no {foreign[0]}")
        return self

    def section(self) -> Section:
        """`[store]` or `[ledger]` of the configuration."""
        return super().section()
