"""Which entries of a manifest are wanted: everything, paths, or keyed ids."""

from collections.abc import Callable, Sequence

import msgspec

from proofkeep.format.manifest import order

_Takes = Callable[[bytes], bool]
_Spans = Callable[[bytes, bytes], bool]


class Selection(msgspec.Struct, frozen=True):
    """`takes(path)` says whether an entry is wanted, `spans(first, last)` whether a segment may hold one.

    Attributes:
        unmet: keyed ids that were asked for and that nothing taken so far has.
    """

    takes: _Takes
    spans: _Spans
    unmet: Callable[[], Sequence[bytes]] = lambda: ()


EVERYTHING = Selection(lambda _path: True, lambda _first, _last: True)


def by_path(paths: Sequence[bytes]) -> Selection:
    """These paths (relative to the source's root) and all that lies below them."""
    wanted = [order(path.strip(b"/")) for path in paths]

    def takes(path: bytes) -> bool:
        parts = order(path)
        return any(parts[: len(want)] == want for want in wanted)

    def spans(first: bytes, last: bytes) -> bool:
        low, high = order(first), order(last)
        return any(low[: len(want)] <= want <= high or low[: len(want)] == want for want in wanted)

    return Selection(takes, spans)


def by_id(path_ids: Sequence[bytes], path_id: Callable[[bytes], bytes]) -> Selection:
    """Entries with these keyed ids; needs a walk of the whole manifest."""
    wanted = dict.fromkeys(path_ids, False)

    def takes(path: bytes) -> bool:
        identity = path_id(path)
        if identity not in wanted:
            return False
        wanted[identity] = True
        return True

    return Selection(
        takes, lambda _first, _last: True, lambda: [identity for identity, met in wanted.items() if not met]
    )
