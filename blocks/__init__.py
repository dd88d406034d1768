"""Typed configuration in the Prefect UI, built into engine objects.

Blocks hold paths, URIs and names; never a key, a passphrase or a credential.
"""

from blocks import quiet  # noqa: F401 - before Prefect is imported
from blocks.keys import KeyProvider
from blocks.ledger import Ledger
from blocks.loading import load_block
from blocks.repository import Repository
from blocks.source import Source
from blocks.store import ObjectStore
from blocks.tls import TlsPolicy

BLOCK_TYPES = (TlsPolicy, ObjectStore, Ledger, KeyProvider, Source, Repository)
"""Each after those it refers to."""

__all__ = [
    "BLOCK_TYPES",
    "KeyProvider",
    "Ledger",
    "ObjectStore",
    "Repository",
    "Source",
    "TlsPolicy",
    "load_block",
]
