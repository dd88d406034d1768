"""The block of a source."""

from typing import ClassVar

from pydantic import Field

from blocks.base import ConfigurationBlock, Section
from blocks.fields import AbsolutePath, Duration, PingUrl
from proofkeep.configuration.duration import DEFAULT_ALLOWED_AGE


class Source(ConfigurationBlock):
    """A directory tree to back up. Root, label and patterns are visible to everyone who may use this UI.

    Example:
        Load a stored source:
        ```python
        from blocks import Source

        source = Source.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep Source"
    _block_type_slug: ClassVar[str] = "proofkeep-source"

    root: AbsolutePath = Field(description="Absolute path of the tree on its host.")
    label: str | None = Field(default=None, description="What it is, for people; empty shows the root.")
    include: list[str] = Field(
        default_factory=list, description="Patterns of what is wanted, relative to the root; empty wants everything."
    )
    exclude: list[str] = Field(
        default_factory=list, description="Patterns of what is left out; these win over what is wanted."
    )
    one_filesystem: bool = Field(default=False, description="Record mount points without entering them.")
    xattrs: bool = Field(default=True, description="Read extended attributes and ACLs.")
    allowed_age: Duration = Field(
        default=DEFAULT_ALLOWED_AGE, description="How old its last verified snapshot may be, such as 26h or 8d."
    )
    ping_url: PingUrl = Field(
        default=None,
        description="Monitor that is told of start, success and failure of each backup.",
    )

    def section(self) -> Section:
        """`[source]` of the configuration, where the monitor's address does not stand."""
        return {name: value for name, value in super().section().items() if name != "ping_url"}
