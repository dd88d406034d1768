"""What all blocks share: unknown fields are refused, and an error never repeats what was typed."""

from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import ConfigDict, model_validator

Section = dict[str, Any]
"""One section of `proofkeep.configuration`, as its TOML file would hold it."""


_PREFECTS_OWN = frozenset({"block_type_slug", "_block_document_id", "_block_document_name", "_is_anonymous"})


class ConfigurationBlock(Block):
    """Base of the blocks; registered is only what derives from it."""

    # Somebody may type a secret into the wrong field: refused, it must not appear in logs either.
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_prefects_own(cls, values: Any) -> Any:
        """Drop what Prefect adds to the documents of nested blocks, and what a form left empty."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if name not in _PREFECTS_OWN and value != ""}

    def section(self) -> Section:
        """The fields that were set, under the names of the configuration file."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}
