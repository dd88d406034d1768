"""A store that is asked beforehand, so that answers which do not depend on one another are not waited for in line."""

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future
from contextvars import copy_context
from itertools import chain, islice
from typing import Any

from proofkeep.errors import ObjectMissingError, ProofkeepError
from proofkeep.model import Clock, Location, ObjectStat, Placed, TlsSession
from proofkeep.ports import Body, ObjectStore


class ForeseenStore:
    """`store`, some of whose answers are on their way when they are asked for. Each of those is given once.

    What failed is asked again by whoever asks for it and hears of it then; that an object is missing is an answer.
    For one reader at a time, but for what it did not foresee: there it is as safe as `store`.
    """

    def __init__(self, store: ObjectStore, threads: Executor) -> None:
        """`threads` ask; they are the caller's to end."""
        self._store = store
        self._threads = threads
        self._under_way: dict[Hashable, Future[Any]] = {}

    def will_get(self, name: str) -> None:
        """A whole object will be asked for."""
        self._foresee(("get", name), lambda: self._store.get(name))

    def will_stat(self, name: str) -> None:
        """An object will be looked at."""
        self._foresee(("stat", name), lambda: self._store.stat(name))

    def will_list(self, prefix: str, *, after: str = "") -> None:
        """A listing will be asked for; its first page is."""
        self._foresee(("list", prefix, after), lambda: _begun(self._store.list(prefix, after=after)))

    @property
    def location(self) -> Location:
        """See the port."""
        return self._store.location

    @property
    def clock(self) -> Clock | None:
        """See the port."""
        return self._store.clock

    @property
    def tls(self) -> TlsSession | None:
        """See the port."""
        return self._store.tls

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        """See the port."""
        if self._under_way and (offset, length, version_id) == (0, None, None):
            content: bytes | None = self._answer(("get", name))
            if content is not None:
                return content
        return self._store.get(name, offset=offset, length=length, version_id=version_id)

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        """See the port."""
        found: ObjectStat | None = self._answer(("stat", name)) if version_id is None else None
        return found or self._store.stat(name, version_id=version_id)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        """See the port."""
        found: Iterator[ObjectStat] | None = self._answer(("list", prefix, after))
        return found or self._store.list(prefix, after=after)

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        """See the port."""
        return self._store.read(name, version_id=version_id)

    def put(self, name: str, body: Body, **how: Any) -> Placed:
        """See the port."""
        return self._store.put(name, body, **how)

    def delete(self, name: str) -> None:
        """See the port."""
        self._store.delete(name)

    def _foresee(self, what: Hashable, ask: Callable[[], object]) -> None:
        self._under_way[what] = self._threads.submit(copy_context().run, ask)

    def _answer(self, what: Hashable) -> Any:
        """What was foreseen; None where it was not, or failed."""
        future = self._under_way.pop(what, None)
        try:
            return None if future is None else future.result()
        except ObjectMissingError:
            raise
        except ProofkeepError:
            return None


def _begun(listing: Iterator[ObjectStat]) -> Iterator[ObjectStat]:
    """The same listing, asked for its first page."""
    return chain(list(islice(listing, 1)), listing)
