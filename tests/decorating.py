"""Stores and journals that count, fail, lose answers or die on purpose: decorators over the ports, nothing inside."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar
from unittest.mock import patch

from proofkeep.catalog import Catalog
from proofkeep.journal import Journal, Noted
from proofkeep.model import Clock, Location, ObjectStat, Placed, TlsSession
from proofkeep.ports import Body, ObjectStore
from proofkeep.spool import OpenPack, Spool

T = TypeVar("T")
Around = Callable[[str, str, Callable[[], Any]], Any]
"""Called with an operation, an object's name, and what would do it."""

HOST_STEPS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "proofkeep.backup.run.Journal": (
        Journal,
        (
            "set_fact",
            "reopen_without",
            "add_pack",
            "close_transfer",
            "set_pack_sent",
            "add_pack_failure",
            "set_pack_verified",
            "set_packs_indexed",
            "keep_object",
            "replace_objects",
            "set_object_sent",
        ),
    ),
    "proofkeep.journal.database.Noted": (Noted, ("begin", "add", "finish", "clear")),
    "proofkeep.backup.run.Catalog": (
        Catalog,
        (
            "add_pack",
            "set_version",
            "drop_packs",
            "set_retired",
            "set_locked",
            "set_file_states",
            "set_segment_states",
            "set_head",
        ),
    ),
    "proofkeep.backup.run.Spool": (Spool, ("release", "clear")),
    "proofkeep.backup.checksum.OpenPack": (OpenPack, ("append", "finish")),
}
"""Where the verb takes its journal, catalog and spool from, and what of theirs changes something."""
HOST_FILES = (
    "proofkeep.backup.vouch.replace_file",
    "proofkeep.backup.indexing.replace_file",
    "proofkeep.backup.commit.save_heads",
)


class WatchedStore:
    """A store of which every request goes through `around`."""

    def __init__(self, inner: ObjectStore, around: Around) -> None:
        self.inner = inner
        self.around = around

    @property
    def location(self) -> Location:
        return self.inner.location

    @property
    def clock(self) -> Clock | None:
        return self.inner.clock

    @property
    def tls(self) -> TlsSession | None:
        return self.inner.tls

    def put(self, name: str, body: Body, **how: Any) -> Placed:
        def call() -> Placed:
            return self.inner.put(name, body, **how)

        return self._watched("put", name, call)

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        def call() -> bytes:
            return self.inner.get(name, offset=offset, length=length, version_id=version_id)

        return self._watched("get", name, call)

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        return self._watched("read", name, lambda: self.inner.read(name, version_id=version_id))

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        return self._watched("stat", name, lambda: self.inner.stat(name, version_id=version_id))

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        return self._watched("list", prefix, lambda: self.inner.list(prefix, after=after))

    def delete(self, name: str) -> None:
        self._watched("delete", name, lambda: self.inner.delete(name))

    def _watched(self, operation: str, name: str, call: Callable[[], T]) -> T:
        result: T = self.around(operation, name, call)
        return result


class Puts:
    """Counts puts by name.

    Attributes:
        tried: all of them; the bytes of one that a store refuses have travelled, too.
        names: those that arrived.
        repeated: those that were tried although one had arrived.
    """

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        if operation != "put":
            return call()
        self.tried[name] += 1
        self.repeated += Counter({name: self.names[name]})
        result = call()
        self.names[name] += 1
        return result


class Crash(BaseException):
    """The process is gone: nobody catches it, and nothing happens after it."""


class Fuse:
    """Counts steps over stores and journal; from step `last` on, before or after doing it, every step is a `Crash`."""

    def __init__(self, last: int | None = None, *, after: bool = False) -> None:
        self.steps = 0
        self.log: list[str] = []
        self._last = last
        self._after = after
        self._dead = False
        self._lock = threading.Lock()

    @property
    def blown(self) -> bool:
        """Whether the process died."""
        return self._dead

    def blow(self) -> None:
        """The process is dead from the next step on."""
        with self._lock:
            self._dead = True

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        if not self._begin(f"{operation} {name}"):
            return call()
        if self._after:
            call()
        raise Crash(f"{operation} {name}")

    def _begin(self, step: str) -> bool:
        """Whether the process dies at this step."""
        with self._lock:
            if self._dead:
                raise Crash("dead already")
            self.steps += 1
            self.log.append(step)
            self._dead = self.steps == self._last
            return self._dead


@contextmanager
def watched_host(around: Around) -> Iterator[None]:
    """Every change of journal, catalog, spool and small state files goes through `around`."""
    with ExitStack() as patches:
        for place, (kind, steps) in HOST_STEPS.items():
            patches.enter_context(patch(place, _watched_class(kind, steps, around)))
        for place in HOST_FILES:
            patches.enter_context(patch(place, _watched_function(place, around)))
        yield


def _watched_class(kind: type[Any], steps: tuple[str, ...], around: Around) -> type[Any]:
    members = {name: _watched_method(kind, name, around) for name in steps}
    return type(f"Watched{kind.__name__}", (kind,), members)


def _watched_method(kind: type[Any], name: str, around: Around) -> Callable[..., Any]:
    original = getattr(kind, name)

    def method(self: Any, *values: Any, **named: Any) -> Any:
        what = values[0] if values and isinstance(values[0], str) else ""
        return around(f"{kind.__name__}.{name}", what, lambda: original(self, *values, **named))

    return method


def _watched_function(place: str, around: Around) -> Callable[..., Any]:
    original = resolve_name(place)

    def function(file: Path, *values: Any) -> Any:
        return around(place.rpartition(".")[2], file.name, lambda: original(file, *values))

    return function
