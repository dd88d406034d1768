"""An inventory of names that no other test uses, and the blocks it names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.register_blocks import register_documents
from proofkeep.inventory import Inventory, parse
from tests.engine.inventory.example import TEXT


@dataclass(frozen=True)
class Names:
    """What the example's names stand for at the session's server, so that tests do not meet."""

    suffix: str
    checkout: Path

    @property
    def text(self) -> str:
        """The example under these names, its packs in a local directory."""
        changes = {
            "name: example": f"name: example-{self.suffix}",
            "name: main": f"name: main-{self.suffix}",
            "repository: main": f"repository: main-{self.suffix}",
            "name: home": f"name: home-{self.suffix}",
            "backup-1.example": f"host-{self.suffix}",
            "transport: tls": "transport: local",
            "/opt/proofkeep": str(self.checkout),
            "source: home": f"source: home-{self.suffix}",
            "key: backup": f"key: backup-{self.suffix}",
            "restore_key: restore": f"restore_key: restore-{self.suffix}",
        }
        text = TEXT
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        return text

    def inventory(self, *changes: tuple[str, str]) -> Inventory:
        """Under these names, with further changes."""
        text = self.text
        for before, after in changes:
            assert before in text
            text = text.replace(before, after, 1)
        return parse(text)

    def title(self, flow: str, name: str) -> str:
        """Title of a deployment."""
        return f"{flow}/{name}-{self.suffix}"


def new_names(checkout: Path) -> Names:
    return Names(os.urandom(4).hex(), checkout)


def register(names: Names, directory: Path, **source: Any) -> None:
    """Blocks that fit the inventory; no repository lies behind them."""
    suffix = names.suffix
    documents: Mapping[str, Any] = {
        "object_store": {f"{kind}-{suffix}": {"kind": "local", "path": str(directory / kind)} for kind in ("p", "l")},
        "ledger": {f"main-{suffix}": {"store": f"l-{suffix}"}},
        "key_provider": {
            f"{role}-{suffix}": {"providers": [f"file:{directory}/{role}.pem"]} for role in ("backup", "restore")
        },
        "repository": {
            f"main-{suffix}": {
                "store": f"p-{suffix}",
                "ledger": f"main-{suffix}",
                "keys": f"backup-{suffix}",
                "host_secret": f"file:{directory}/host.secret",
                "state": str(directory / "state"),
            }
        },
        "source": {f"home-{suffix}": {"root": str(directory / "source")} | source},
    }
    register_documents(documents)
