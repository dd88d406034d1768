"""YAML as plain values and the line each stands in: a safe loader that refuses what two readers read differently."""

from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped] # its stubs are not in the lock

from proofkeep.configuration.text_file import SIZE_LIMIT
from proofkeep.errors import InventoryError
from proofkeep.inventory.model import Place

DEPTH_LIMIT = 20


class Document:
    """A parsed document.

    Args:
        text: YAML.
        subject: begins each error's message.

    Raises:
        InventoryError: it is no YAML, is too large or too deep, names a key twice or uses an alias.
    """

    def __init__(self, text: str, subject: str) -> None:
        self._subject = subject
        self._lines: dict[Place, int] = {}
        if len(text) > SIZE_LIMIT:
            raise InventoryError(f"{subject} is larger than {SIZE_LIMIT} bytes")
        try:
            loader = yaml.SafeLoader(text)
            self._refuse_aliases(text)
            root = loader.get_single_node()
            if root is None:
                raise InventoryError(f"{subject} is empty")
            for place, node in self._walk(root, ()):
                self._lines[place] = node.start_mark.line + 1
            self.values: Any = loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f", line {mark.line + 1}" if mark else ""
            raise InventoryError(f"{subject}{line}: {error.problem or 'no yaml'}") from None
        except (yaml.YAMLError, ValueError, RecursionError):
            raise InventoryError(f"{subject} is no yaml") from None

    def line(self, place: Place) -> int:
        """Line of a place, or of the nearest place around it that the document has."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def _refuse_aliases(self, text: str) -> None:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1
                raise InventoryError(f"{self._subject}, line {line}: aliases are not read, write the value again")

    def _walk(self, node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.Node]]:
        if len(place) > DEPTH_LIMIT:
            raise InventoryError(f"{self._subject}, line {node.start_mark.line + 1}: is nested too deeply")
        yield place, node
        if isinstance(node, yaml.SequenceNode):
            for number, child in enumerate(node.value):
                yield from self._walk(child, (*place, number))
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, child in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                    raise InventoryError(f"{self._subject}, line {line}: a key has to be one plain word")
                if key.value in seen:
                    raise InventoryError(f"{self._subject}, line {line}: {key.value} is there twice")
                seen.add(key.value)
                yield from self._walk(child, (*place, key.value))
