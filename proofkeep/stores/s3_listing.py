"""Listings: an answer of ListObjectsV2 read without the SDK, and the order that any listing is held to."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

from proofkeep.errors import StoreError
from proofkeep.model import ObjectStat
from proofkeep.stores.names import is_name

BELOW_SLASH = frozenset("-.")


class Found(NamedTuple):
    """One object of a listing."""

    key: str
    size: int
    modified: datetime


class Page(NamedTuple):
    """One answer, and what asks for the next: empty after the last."""

    found: list[Found]
    following: str


def start_of(after: str) -> str:
    """After which name a store may be asked to begin, empty for none.

    One that lists by folder would leave out `a/b` after `a.b`, which sorts before it.
    """
    return "" if BELOW_SLASH & set(after) else after


def in_order(
    found: Iterable[tuple[str, int, datetime]], after: str, subject: str, latest: str = ""
) -> Iterator[ObjectStat]:
    """Objects behind `after` whose names the format may use; `latest` ended the page before.

    Raises:
        StoreError: they are out of order.
    """
    latest = latest or after
    for name, size, modified in found:
        if name <= after or not is_name(name):
            continue
        if name <= latest:
            raise StoreError(f"{subject} is out of order: {name} comes after {latest}")
        latest = name
        yield ObjectStat(name=name, size=size, modified_ns=instant(modified))


def instant(moment: datetime) -> int:
    """Nanoseconds since the epoch; S3 knows whole seconds or milliseconds."""
    return round(moment.timestamp() * 1000) * 1_000_000


def read_page(body: bytes) -> Page | None:
    """The answer; None where it is none."""
    reading = _Reading()
    try:
        return reading.page(body)
    except (expat.ExpatError, ValueError, KeyError):
        return None


class _Reading:
    """Texts by their place in the document; the objects one by one."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text: list[str] = []
        self._fields: dict[str, str] = {}
        self._found: list[Found] = []

    def page(self, body: bytes) -> Page:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse_entities
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.Parse(body, True)  # noqa: FBT003 - the standard library's signature
        more = self._fields["ListBucketResult/IsTruncated"] == "true"
        following = self._fields["ListBucketResult/NextContinuationToken"] if more else ""
        if more and not following:
            raise ValueError("a listing goes on, and does not say where")
        if self._fields.get("ListBucketResult/EncodingType") == "url":
            return Page([each._replace(key=unquote(each.key)) for each in self._found], following)
        return Page(self._found, following)

    def _begin(self, name: str, _: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()

    def _end(self, _: str) -> None:
        place = "/".join(self._path)
        self._path.pop()
        if place == "ListBucketResult/Contents":
            key, size, modified = (self._fields.pop(f"{place}/{name}") for name in ("Key", "Size", "LastModified"))
            self._found.append(Found(key, int(size), _moment(modified)))
        else:
            self._fields[place] = "".join(self._text)
        self._text.clear()


def _refuse_entities(*_: object) -> None:
    raise ValueError("a listing declares entities")


def _moment(spelled: str) -> datetime:
    moment = datetime.fromisoformat(spelled)
    if moment.tzinfo is None:
        raise ValueError("an instant without its offset")
    return moment
