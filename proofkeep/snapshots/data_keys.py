"""Data keys unwrapped under the restore role, each once, held in memory only."""

import threading
from collections.abc import Sequence

from proofkeep import events
from proofkeep.errors import (
    LOST,
    REFUSED,
    KeyAccessError,
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    ProofkeepError,
)
from proofkeep.format import names, wrapped
from proofkeep.ports import KeyProvider
from proofkeep.repository import Repository
from proofkeep.repository.stored import fetch

_REFUSED = (*REFUSED, KeyMismatchError)


class DataKeys:
    """Finds and unwraps data keys; safe to use from several threads."""

    def __init__(self, repository: Repository, providers: Sequence[KeyProvider]) -> None:
        self._repository = repository
        self._providers = {provider.recipient: provider for provider in providers}
        self._keys: dict[tuple[bytes, bytes], bytes | ProofkeepError] = {}
        self._refused: dict[tuple[bytes, bytes], list[str]] = {}
        self._lock = threading.Lock()

    def __call__(self, writer: bytes, data_key: bytes) -> bytes:
        """The 32-byte data key.

        Raises:
            KeyMissingError: it lies wrapped for none of the configured recipients.
            KeyDeniedError, KeyMismatchError, KeyRevokedError, KeyServiceUnavailableError.
            IntegrityError: every wrapped form is damaged.
        """
        with self._lock:
            found = self._keys.get((writer, data_key))
            if found is None:
                found = self._keys[writer, data_key] = self._settled(writer, data_key)
        if isinstance(found, bytes):
            return found
        raise found.with_traceback(None)  # each raise would add to it

    @property
    def refused(self) -> list[str]:
        """Wrapped forms that did not hold, of each key that was asked for and cannot be had."""
        with self._lock:
            return [name for forms in self._refused.values() for name in forms]

    def _settled(self, writer: bytes, data_key: bytes) -> bytes | ProofkeepError:
        """The key, or why it cannot be had: whoever reads many packs of one lost key asks for it once."""
        try:
            return self._unwrap(writer, data_key)
        except LOST as lost:
            return lost

    def _unwrap(self, writer: bytes, data_key: bytes) -> bytes:
        """Try every wrapped form, newest generation first; `supersedes` is only a hint."""
        error: ProofkeepError = KeyMissingError(f"data key {data_key.hex()} is wrapped for none of this role's keys")
        prefix = names.wrapped_keys(writer, data_key)
        refused = self._refused[writer, data_key] = []
        stats = sorted(self._repository.store.list(prefix), key=lambda stat: stat.name[-4:], reverse=True)
        if not stats:
            error = KeyMissingError(f"data key {data_key.hex()} has no wrapped form in the store any more")
        for stat in stats:
            try:
                key = self._open(stat.name, writer, data_key)
            except KeyDeniedError as denied:
                error = denied
            except (KeyAccessError, ProofkeepError) as failed:
                error = failed if not isinstance(error, KeyDeniedError) else error
                if isinstance(failed, _REFUSED):
                    refused.append(stat.name)
            else:
                if key is not None:
                    refused.clear()
                    return key
        raise error

    def _open(self, name: str, writer: bytes, data_key: bytes) -> bytes | None:
        """Unwrap one form; None when it is for another recipient, or under an epoch that nobody made."""
        repository = self._repository
        data = fetch(repository.store, name)
        keys = repository.keys.epochs.get(wrapped.peek_epoch(data, f"wrapped key {name}"))
        if keys is None:
            return None
        entry = wrapped.open_wrapped(keys.ledger, repository.id, name, data)
        provider = self._providers.get(entry.wrapped.recipient)
        if provider is None:
            return None
        key = provider.unwrap(entry.wrapped, wrapped.context(repository.id, writer, data_key))
        events.emit("data-key-unwrap", data_key=data_key.hex(), recipient=entry.wrapped.recipient)
        return key
