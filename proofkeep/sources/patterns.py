"""Include and exclude patterns: globs relative to a source's root, as gitignore has them, on bytes.

`*` and `?` stay within a component, `[...]` names bytes of one, `**` as a whole component crosses any number. A pattern
with a slash at its start or inside is anchored at the root, one without matches at any depth; a slash at its end
matches directories only. What matches takes everything below it along. Knows nothing of the filesystem.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from proofkeep.errors import PatternError

MAX_PATTERN = 4096
ANY_DEPTH = b"**"


class Verdict(Enum):
    """What a selection says of one path: leave it out, take it, or pass through to what may be taken below."""

    LEAVE = 0
    TAKE = 1
    PASS = 2


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, parsed: a regular expression for each component, `ANY_DEPTH` where it crosses directories."""

    components: tuple[bytes, ...]
    directories_only: bool

    @property
    def expression(self) -> bytes:
        """Matches a whole path."""
        built = b""
        last = len(self.components) - 1
        for place, component in enumerate(self.components):
            if component != ANY_DEPTH:
                built += component + (b"/" if place < last else b"")
            else:
                built += b"(?:.*/)?" if place < last else b".+"
        return built

    @property
    def approaches(self) -> bytes:
        """Matches the directories below which a path may match; empty when there are none."""
        fixed = self.components[:-1]
        below = b""
        if ANY_DEPTH in self.components:
            fixed = self.components[: self.components.index(ANY_DEPTH)]
            below = b".+"
        for component in reversed(fixed):
            below = component + (b"(?:/" + below + b")?" if below else b"")
        return below


class Selection:
    """Which paths of a tree are wanted: all, or those that `include` matches, without those that `exclude` matches."""

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Compile the patterns.

        Raises:
            PatternError: one of them is malformed.
        """
        wanted = [parse(pattern) for pattern in include]
        unwanted = [parse(pattern) for pattern in exclude]
        self._selective = bool(wanted)
        self._included = _either(wanted)
        self._excluded = _either(unwanted)
        self._approaches = _union([glob.approaches for glob in wanted if glob.approaches])

    @property
    def takes_everything(self) -> bool:
        """Whether there is no pattern at all."""
        return not self._selective and self._excluded[True] is None

    def judge(self, path: bytes, *, directory: bool, inside: bool) -> Verdict:
        """What is to be done with `path`; `inside` says that a directory above it was taken."""
        if _matches(self._excluded[directory], path):
            return Verdict.LEAVE
        if inside or not self._selective or _matches(self._included[directory], path):
            return Verdict.TAKE
        if directory and _matches(self._approaches, path):
            return Verdict.PASS
        return Verdict.LEAVE


def parse(pattern: str) -> Glob:
    """The glob that `pattern` spells.

    Raises:
        PatternError: it is empty, too long, holds NUL, an unclosed bracket, `.`, `..` or an empty component.
    """
    try:
        spelled = os.fsencode(pattern)
    except UnicodeEncodeError:
        raise _malformed(pattern, "has no bytes") from None
    if b"\0" in spelled:
        raise _malformed(pattern, "holds a NUL")
    if len(spelled) > MAX_PATTERN:
        raise PatternError(f"a pattern is longer than {MAX_PATTERN} bytes")
    if spelled.startswith(b"!"):
        raise _malformed(pattern, "negates; write an include, or `\\!` for the character")
    trimmed = spelled.removeprefix(b"/").removesuffix(b"/")
    names = trimmed.split(b"/")
    if any(name in {b"", b".", b".."} for name in names):
        raise _malformed(pattern, "has a component that is empty, `.` or `..`")
    anchored = spelled.startswith(b"/") or len(names) > 1
    components = [] if anchored else [ANY_DEPTH]
    for name in names:
        if name != ANY_DEPTH:
            components.append(_component(name, pattern))
        elif components[-1:] != [ANY_DEPTH]:
            components.append(ANY_DEPTH)
    return Glob(tuple(components), spelled.endswith(b"/"))


def _component(name: bytes, pattern: str) -> bytes:
    built = b""
    place = 0
    while place < len(name):
        character = name[place : place + 1]
        place += 1
        if character == b"*":
            built += b"" if built.endswith(b"[^/]*") else b"[^/]*"
        elif character == b"?":
            built += b"[^/]"
        elif character == b"[":
            expression, place = _bracket(name, place, pattern)
            built += expression
        elif character == b"\\":
            if place == len(name):
                raise _malformed(pattern, "ends a component with a backslash")
            built += re.escape(name[place : place + 1])
            place += 1
        else:
            built += re.escape(character)
    return built


def _bracket(name: bytes, place: int, pattern: str) -> tuple[bytes, int]:
    """The expression of a bracket whose inside begins at `place`, and the place behind it."""
    negated = name[place : place + 1] in {b"!", b"^"}
    first = place + negated
    members: set[int] = set()
    at = first
    while at == first or name[at : at + 1] != b"]":
        low, at = _member(name, at, pattern)
        high = low
        if name[at : at + 1] == b"-" and name[at + 1 : at + 2] not in {b"]", b""}:
            high, at = _member(name, at + 1, pattern)
        if high < low:
            raise _malformed(pattern, "has a range that ends before it begins")
        members.update(range(low, high + 1))
    # The 256 bytes are spelled out: no class can then match a slash, and nothing needs escaping.
    chosen = set(range(256)) - members if negated else members
    listed = b"".join(b"\\x%02x" % byte for byte in sorted(chosen - {ord("/")}))
    return (b"[" + listed + b"]" if listed else b"(?!)"), at + 1


def _member(name: bytes, place: int, pattern: str) -> tuple[int, int]:
    """One byte of a bracket's inside, and the place behind it."""
    if name[place : place + 2] == b"[:":
        raise _malformed(pattern, "names a character class, which is not known here")
    if name[place : place + 1] == b"\\":
        place += 1
    if place >= len(name):
        raise _malformed(pattern, "has an unclosed bracket")
    return name[place], place + 1


def _either(globs: Sequence[Glob]) -> dict[bool, re.Pattern[bytes] | None]:
    """Expressions for directories (True) and for everything else (False)."""
    return {
        True: _union([glob.expression for glob in globs]),
        False: _union([glob.expression for glob in globs if not glob.directories_only]),
    }


def _union(expressions: Sequence[bytes]) -> re.Pattern[bytes] | None:
    if not expressions:
        return None
    return re.compile(b"|".join(b"(?:" + expression + b")" for expression in expressions), re.DOTALL)


def _matches(expression: re.Pattern[bytes] | None, path: bytes) -> bool:
    return expression is not None and expression.fullmatch(path) is not None


def _malformed(pattern: str, what: str) -> PatternError:
    return PatternError(f"pattern {pattern!r} {what}")
