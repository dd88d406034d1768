"""The block of the ledger."""

from typing import ClassVar

from pydantic import Field

from blocks.base import ConfigurationBlock
from blocks.store import ObjectStore


class Ledger(ConfigurationBlock):
    """Where checksums and events are kept, apart from the packs they vouch for.

    Example:
        Load a stored ledger:
        ```python
        from blocks import Ledger

        ledger = Ledger.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str] = "Proofkeep Ledger"
    _block_type_slug: ClassVar[str] = "proofkeep-ledger"

    store: ObjectStore = Field(
        description="Its object store; the packs' own directory or bucket is refused, another account is best."
    )
