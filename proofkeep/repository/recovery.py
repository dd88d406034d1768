"""The host secret wrapped for every recipient: kept by `init`, and had back when no host is left that holds it.

What lies under `secrets/` vouches for itself in nothing: a secret counts only once the repository's MACs hold under it.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

from proofkeep import events
from proofkeep.crypto import host_keys
from proofkeep.errors import (
    AuthenticationError,
    IntegrityError,
    KeyAccessError,
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    ObjectMissingError,
    ProofkeepError,
    RepositoryExistsError,
    RepositoryMissingError,
    UnsupportedVersionError,
)
from proofkeep.format import names, wrapped
from proofkeep.format.descriptor import peek_repository
from proofkeep.format.wrapped import WrappedSecret
from proofkeep.ports import KeyProvider, ObjectStore
from proofkeep.repository.connect import connect

_GENERATIONS = 1 << 16


class HeldSecret:
    """A host secret in memory, to be tried before it is kept. Implements `HostSecret`."""

    def __init__(self, secret: bytes, uri: str) -> None:
        self._secret = secret
        self.uri = uri

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under the secret."""
        return host_keys.digest(self._secret, message)


def try_recipients(providers: Sequence[KeyProvider]) -> None:
    """Let each recipient wrap a key that is thrown away: what a descriptor names it names for good.

    Raises:
        KeyAccessError, UsageError: of the kind met; not for a role that may not do it, which proves nothing.
    """
    nobodys = wrapped.context(bytes(16), bytes(16), bytes(16))
    for provider in providers:
        with suppress(KeyDeniedError):
            provider.generate(nobodys)


def wrap_for_all(
    store: ObjectStore, repository: bytes, secret: bytes, providers: Sequence[KeyProvider], now_ns: int
) -> list[WrappedSecret]:
    """Wrap the host secret for each recipient, as a generation that the store does not hold yet; writes nothing.

    Raises:
        KeyAccessError, PolicyError: of the kind met, where one recipient cannot have it.
    """
    context = wrapped.secret_context(repository)
    forms = [provider.wrap_secret(secret, context) for provider in providers]
    return [WrappedSecret(_free_generation(store, form.recipient), form, now_ns) for form in forms]


def keep_wrapped(store: ObjectStore, repository: bytes, forms: Sequence[WrappedSecret]) -> None:
    """Put what `wrap_for_all` made; raises as `ObjectStore.put`."""
    for form in forms:
        data = wrapped.encode_secret(repository, form)
        store.put(form.name, data, sha256=sha256(data).digest())
        events.emit("host-secret-wrap", recipient=form.wrapped.recipient, generation=form.generation)


def recover(store: ObjectStore, ledger_store: ObjectStore, providers: Sequence[KeyProvider]) -> bytes:
    """The 32-byte host secret, unwrapped for one of these recipients and proven by connecting with it.

    Raises:
        KeyMissingError: it lies wrapped for none of them.
        KeyDeniedError: for one of them, which this role may only wrap for.
        KeyMismatchError: nothing that unwraps is this repository's secret, or nothing unwraps.
        RepositoryMissingError, LedgerMissingError, LedgerMismatchError: there is nothing to recover it for.
    """
    try:
        repository = peek_repository(store.get(names.DESCRIPTOR))
    except ObjectMissingError:
        raise RepositoryMissingError(f"{store.location.place} holds no repository") from None
    ours = {names.recipient_id(provider.recipient): provider for provider in providers}
    error: ProofkeepError | None = None
    found = [(generation, recipient) for recipient, generation in _stored(store) if recipient in ours]
    for generation, recipient in sorted(found, reverse=True):
        provider = ours[recipient]
        name = names.wrapped_secret(provider.recipient, generation)
        try:
            return _proven(store, ledger_store, repository, name, provider)
        except (KeyAccessError, UnsupportedVersionError) as failed:
            # Anybody can put what does not open; a reason of our own key says more.
            error = failed if error is None or isinstance(error, KeyMismatchError) else error
    raise error or KeyMissingError(
        f"host secret of repository {repository.hex()} lies wrapped for none of this role's keys"
    )


def _proven(
    store: ObjectStore, ledger_store: ObjectStore, repository: bytes, name: str, provider: KeyProvider
) -> bytes:
    data = store.get(name)
    try:
        form = wrapped.decode_secret(repository, name, data)
    except IntegrityError as damaged:
        raise KeyMismatchError(str(damaged)) from None
    secret = provider.unwrap_secret(form.wrapped, wrapped.secret_context(repository))
    try:
        connect(store, ledger_store, HeldSecret(secret, name))
    except AuthenticationError:
        raise KeyMismatchError(
            f"wrapped host secret {name} is not that of repository {repository.hex()}, or its descriptor was altered"
        ) from None
    events.emit("host-secret-recover", repository=repository.hex(), recipient=form.wrapped.recipient)
    return secret


def _stored(store: ObjectStore) -> list[tuple[bytes, int]]:
    """Recipient ids and generations; anybody can put anything here, and what has no such name is passed over."""
    parsed = (names.parse_secret(stat.name) for stat in store.list(names.SECRETS))
    return [place for place in parsed if place is not None]


def _free_generation(store: ObjectStore, recipient: str) -> int:
    """The first that is free: what an interrupted `init` left cannot be checked here, so it stays beside."""
    identity = names.recipient_id(recipient)
    taken = {generation for other, generation in _stored(store) if other == identity}
    for generation in range(1, _GENERATIONS):
        if generation not in taken:
            return generation
    raise RepositoryExistsError(f"no generation of a host secret wrapped for {recipient} is free")
