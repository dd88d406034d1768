"""The published JSON Schema: `python -m proofkeep.inventory.schema > docs/platform-engineer/inventory.schema.json`."""

import json

from proofkeep.inventory.model import Inventory


def render() -> str:
    """The schema, for editors and other tools; what it cannot say (names that fit together) `plan` checks."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Inventory.model_json_schema()
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - a page for the docs
