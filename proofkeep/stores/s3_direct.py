"""Reading from an S3 bucket before the SDK is there: loading it and making a client is a third of a small restore.

Only what is plain is done here: GET, HEAD of what is missing and listings, each tried once, on a server that is not
AWS, under credentials out of the environment. At the first answer that is not plain the SDK's adapter takes over, with
its retries and its words for what is wrong; it also does everything else.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from proofkeep.errors import ObjectMissingError
from proofkeep.model import Clock, Location, ObjectStat, Placed, TlsSession
from proofkeep.ports import Body, ObjectStore, Watch, unwatched
from proofkeep.stores import bodies
from proofkeep.stores.names import require_name, require_prefix
from proofkeep.stores.s3_listing import Found, in_order, read_page, start_of
from proofkeep.stores.s3_places import place_elsewhere
from proofkeep.stores.s3_server import Server, open_server
from proofkeep.tls import TlsPolicy
from proofkeep.tls.lines import Answer

OK, PARTIAL, NOT_FOUND = 200, 206, 404
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PAGE = 16 << 20  # bytes; a page of 1,000 names of 1,024 has a tenth of it


class DirectS3Store:
    """Objects below `prefix` in one bucket of a server; implements `ObjectStore`, safe to use from several threads.

    Args:
        sdk: makes the adapter that takes over, called once at most.
    """

    def __init__(
        self, server: Server, location: Location, bucket: str, prefix: str, sdk: Callable[[], ObjectStore]
    ) -> None:
        self._server = server
        self._location = location
        self._bucket = bucket
        self._below = require_name(prefix.removesuffix("/")) + "/" if prefix else ""
        self._make_sdk = sdk
        self._made: ObjectStore | None = None
        self._making = threading.Lock()
        self._taken_over = False

    def sibling(self, bucket: str, prefix: str, sdk: Callable[[], ObjectStore]) -> "DirectS3Store | None":
        """The store in another bucket of the same server, over the same connections; None as by `open_directly`."""
        location = place_elsewhere(f"https://{self._location.neighbourhood}", bucket)
        if location is None or not _BUCKET.fullmatch(bucket):
            return None
        return DirectS3Store(self._server, location, bucket, prefix, sdk)

    @property
    def sdk(self) -> ObjectStore:
        """The SDK's adapter, made when it is first needed."""
        with self._making:
            if self._made is None:
                self._made = self._make_sdk()
            return self._made

    @property
    def location(self) -> Location:
        """See the port."""
        return self._location

    @property
    def clock(self) -> Clock | None:
        """See the port."""
        clocks = [store.clock for store in (self._made, self._server.recorder) if store is not None and store.clock]
        return max(clocks, key=lambda clock: clock.local_ns, default=None)

    @property
    def tls(self) -> TlsSession | None:
        """See the port; of reading, while that is done here."""
        mine = None if self._taken_over else self._server.recorder.session
        return mine or (self._made.tls if self._made else None)

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        """See the port."""
        if require_name(name) and length != 0:
            content = self._get(name, offset, length, version_id)
            if content is not None:
                return content
            self._taken_over = True
        return self.sdk.get(name, offset=offset, length=length, version_id=version_id)

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        """See the port. What is missing, as it mostly is where that is asked, is seen here."""
        answer = self._ask("HEAD", require_name(name), version_id, 0)
        if answer is not None and answer.status == NOT_FOUND:
            raise ObjectMissingError(f"object {name} does not exist")
        if answer is None or answer.status != OK:
            self._taken_over = True
        return self.sdk.stat(name, version_id=version_id)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        """See the port, and `S3Store.list` for the order."""
        subject = f"listing of {require_prefix(prefix) or 'the store'}"
        asked = {"list-type": "2", "prefix": self._below + prefix, "encoding-type": "url"}
        if start := start_of(after):
            asked["start-after"] = self._below + start
        latest = after
        while True:
            answer = self._request("GET", "", asked, _PAGE)
            page = read_page(answer.body) if answer is not None and answer.status == OK else None
            if page is None or page.following == asked.get("continuation-token"):
                self._taken_over = True
                yield from self.sdk.list(prefix, after=latest)
                return
            for stat in in_order(map(self._named, page.found), after, subject, latest):
                latest = stat.name
                yield stat
            if not page.following:
                return
            asked["continuation-token"] = page.following

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        """See the port; left to the SDK."""
        return self.sdk.read(name, version_id=version_id)

    def put(
        self,
        name: str,
        body: Body,
        *,
        sha256: bytes,
        retain_until_ns: int | None = None,
        replace: bool = False,
        watch: Watch = unwatched,
    ) -> Placed:
        """See the port; left to the SDK."""
        return self.sdk.put(name, body, sha256=sha256, retain_until_ns=retain_until_ns, replace=replace, watch=watch)

    def delete(self, name: str) -> None:
        """See the port; left to the SDK."""
        self.sdk.delete(name)

    def _get(self, name: str, offset: int, length: int | None, version_id: str | None) -> bytes | None:
        """The content; None where the answer is not exactly that."""
        if offset == 0 and length is None:
            answer, expected = self._ask("GET", name, version_id, bodies.WHOLE), OK
        else:
            last = "" if length is None else offset + length - 1
            most, span = bodies.WHOLE if length is None else length, {"range": f"bytes={offset}-{last}"}
            answer, expected = self._ask("GET", name, version_id, most, span), PARTIAL
        if answer is None or answer.status != expected or "content-length" not in answer.headers:
            return None
        begins = expected == OK or answer.headers.get("content-range", "").startswith(f"bytes {offset}-")
        return answer.body if begins and length in {None, len(answer.body)} else None

    def _ask(
        self, method: str, name: str, version_id: str | None, most: int, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        version = {} if version_id is None else {"versionId": version_id}
        return self._request(method, f"/{self._below}{name}", version, most, headers)

    def _request(
        self, method: str, path: str, query: Mapping[str, str], most: int, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        if self._taken_over:
            return None
        return self._server.ask(method, f"/{self._bucket}{path}", query, most, headers)

    def _named(self, found: Found) -> tuple[str, int, datetime]:
        return found.key.removeprefix(self._below), found.size, found.modified


def open_directly(
    bucket: str,
    prefix: str,
    sdk: Callable[[], ObjectStore],
    *,
    tls: TlsPolicy,
    endpoint_url: str,
    region: str | None,
) -> DirectS3Store | None:
    """The store, if it can be read without the SDK; raises as `open_server`."""
    location = place_elsewhere(endpoint_url, bucket)
    server = open_server(endpoint_url, region, tls) if _BUCKET.fullmatch(bucket) else None
    return None if server is None or location is None else DirectS3Store(server, location, bucket, prefix, sdk)
