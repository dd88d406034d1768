"""Who runs a backup and how."""

from dataclasses import dataclass

from proofkeep.format.sizes import PACK_SIZE
from proofkeep.spool import DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Identity:
    """What ledger and record say of a run.

    Attributes:
        run: 16 bytes; under Prefect the flow run's UUID.
        entry: name of the inventory entry.
        host, identity: where it ran and as whom.
        software: name and version.
        lock: SHA-256 (hex) of the installed dependency lock, or "unknown".
        orchestrator: the Prefect flow run id, or None.
    """

    run: bytes
    entry: str
    host: str
    identity: str
    software: str
    lock: str
    orchestrator: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Knobs of a run.

    Attributes:
        level: of zstd.
        workers: threads of each of compress and encrypt.
        self_check: open, decompress and compare every frame in the worker that sealed it.
        spool_limit: bytes of ciphertext that may wait on this host.
        senders: parallel requests of one transfer.
        allow_empty: whether a source without anything in it is meant.
        expires_ns: instant until which the snapshot is to be kept, or None.
        known_ahead: newest ledger entries that a person knows to be from the future, each as `spell_head` writes it.
        damaged: what this host found damaged, as `proofkeep.damage` spells it; the run relies on none of these packs.
    """

    level: int = 3
    workers: int = 2
    self_check: bool = True
    spool_limit: int = DEFAULT_LIMIT
    pack_size: int = PACK_SIZE
    senders: int = 4
    allow_empty: bool = False
    expires_ns: int | None = None
    known_ahead: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
