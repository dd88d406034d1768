"""Stores, keys and a host secret, with no repository yet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.ports import ObjectStore
from proofkeep.repository import Repository
from proofkeep.repository.connect import connect
from proofkeep.repository.create import create
from proofkeep.repository.recovery import HeldSecret
from proofkeep.stores.local import LocalStore

NOW_NS = 1_800_000_000 * 10**9


def key_pair() -> ec.EllipticCurvePrivateKey:
    """A fresh recipient."""
    return ec.generate_private_key(ec.SECP384R1())


def wrapping(key: ec.EllipticCurvePrivateKey) -> LocalKeyProvider:
    """What the backup host has of a recipient."""
    return LocalKeyProvider(key.public_key())


def unwrapping(key: ec.EllipticCurvePrivateKey) -> LocalKeyProvider:
    """What the restore role has of a recipient."""
    return LocalKeyProvider(key.public_key(), lambda: key)


@dataclass(eq=False)
class Site:
    """Where a repository is to be."""

    root: Path

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.store, self.ledger = (LocalStore(self.root / name) for name in ("store", "ledger"))
        for name in ("store", "ledger"):
            (self.root / name).mkdir(exist_ok=True)
        self.secret = create_host_secret(self.root / "secret")
        self.keys = [key_pair(), key_pair()]

    def create(self, *, store: ObjectStore | None = None, ledger: ObjectStore | None = None, **how: Any) -> Repository:
        """`init` for both recipients, through decorated stores if given; `how` replaces what it is done with."""
        providers = how.pop("providers", None) or [wrapping(key) for key in self.keys]
        options = {"now_ns": NOW_NS, "keep_for": providers, **how}
        secret = options.pop("secret", self.secret)
        recipients = [provider.recipient for provider in providers]
        return create(store or self.store, ledger or self.ledger, secret, recipients, **options)

    def connect_with(self, secret: bytes) -> Repository:
        """The repository under these 32 bytes."""
        return connect(self.store, self.ledger, HeldSecret(secret, "held"))

    def content(self) -> dict[str, bytes]:
        """Every stored object; those of the ledger store under `ledger:`."""
        found = {stat.name: self.store.get(stat.name) for stat in self.store.list("")}
        return found | {f"ledger:{stat.name}": self.ledger.get(stat.name) for stat in self.ledger.list("")}
