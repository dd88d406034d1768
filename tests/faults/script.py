"""What a fault proxy is told to do: to which requests, from which one on, how often, and what."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs, urlsplit

FOR_EVER = 1 << 30
MIDDLE, LAST = -1, 1 << 30


class Fault(Enum):
    """What happens to a request."""

    REFUSE = "the connection is reset before an answer, and nothing reaches the store"
    STALL = "the request is taken and never answered, and nothing reaches the store"
    CUT_UP = "the connection is reset after some bytes of the body, and nothing reaches the store"
    CUT_DOWN = "the store answers, and the connection is reset after some bytes of the answer's body"
    STATUS = "an answer with an error's status, and nothing reaches the store"
    LATE = "the store does it, and the answer comes after the client has gone"
    CORRUPT_UP = "one bit of the body changes on its way to the store"
    CORRUPT_DOWN = "one bit of the answer's body changes on its way back"
    THROTTLE = "both bodies trickle"


@dataclass(frozen=True)
class Request:
    """One request as the proxy sees it.

    Attributes:
        kind: method and first word of the object's name, such as `PUT packs`; `LIST` for listings.
    """

    method: str
    target: str
    kind: str

    @classmethod
    def of(cls, method: str, target: str) -> "Request":
        """`target` is the path with its query: bucket, one word of prefix, the object's name."""
        parts = urlsplit(target)
        *_, name = parts.path.split("/", 3)
        if method == "GET" and "list-type" in parse_qs(parts.query):
            return cls(method, target, "LIST")
        return cls(method, target, f"{method} {name.partition('/')[0]}")

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Rule:
    """A fault for requests of one kind.

    Attributes:
        kind: as `Request.kind`.
        first: number, from 1, of the first request of that kind that is hit.
        times: how many requests in a row.
        at: for cuts and corruption, which byte of the body, or `MIDDLE`; the last if there are fewer.
        status, code: for `STATUS`; without a code, the status's usual one.
    """

    fault: Fault
    kind: str
    first: int = 1
    times: int = 1
    at: int = 0
    status: int = 503
    code: str = ""

    def place(self, length: int) -> int:
        """Which byte that is of so many."""
        return length // 2 if self.at == MIDDLE else max(min(self.at, length - 1), 0)


@dataclass
class Script:
    """Rules, and how many requests of each kind there were so far."""

    rules: list[Rule] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    hit: list[tuple[Fault | None, str]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def rule_for(self, request: Request) -> Rule | None:
        """The rule that hits this request, which is counted."""
        with self._lock:
            number = self.count(request)
            for rule in self.rules:
                if rule.kind == request.kind and rule.first <= number < rule.first + rule.times:
                    self.hit.append((rule.fault, request.path))
                    return rule
            return None

    def count(self, request: Request) -> int:
        """Its number among those of its kind."""
        with self._lock:
            number = self.seen[request.kind] = self.seen.get(request.kind, 0) + 1
            return number


@dataclass(kw_only=True)
class Turn(Script):
    """From one request on nothing is as it was, whatever is asked for.

    Attributes:
        kind, number: of the first request that is hit.
        happens: called before that one is answered.
        rule: what is done to it and to every later one; None lets them pass.
    """

    kind: str
    number: int
    happens: Callable[[], object] = lambda: None
    rule: Rule | None = None

    def rule_for(self, request: Request) -> Rule | None:
        """The one rule, once it is time."""
        with self._lock:
            number = self.count(request)
            if not self.hit:
                if (request.kind, number) != (self.kind, self.number):
                    return None
                self.happens()
            self.hit.append((self.rule.fault if self.rule else None, request.path))
            return self.rule
