"""What the patterns mean, spelled out slowly: no regular expression, one question at a time."""


def matches(pattern: bytes, path: bytes, *, directory: bool) -> bool:
    """Whether `path` itself matches."""
    if pattern.endswith(b"/"):
        if not directory:
            return False
        pattern = pattern[:-1]
    anchored = b"/" in pattern
    parts = pattern.removeprefix(b"/").split(b"/")
    return parts_match(parts if anchored else [b"**", *parts], path.split(b"/"))


def parts_match(parts: list[bytes], names: list[bytes]) -> bool:
    if not parts:
        return not names
    if parts == [b"**"]:
        return len(names) > 0
    if parts[0] == b"**":
        return any(parts_match(parts[1:], names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and name_matches(parts[0], names[0]) and parts_match(parts[1:], names[1:])


def name_matches(part: bytes, name: bytes) -> bool:
    if not part:
        return not name
    if part[:1] == b"*":
        return any(name_matches(part[1:], name[eaten:]) for eaten in range(len(name) + 1))
    if not name:
        return False
    if part[:1] == b"?":
        return name_matches(part[1:], name[1:])
    if part[:1] == b"[":
        inside, rest = bracket(part)
        return (name[0] in inside) and name_matches(rest, name[1:])
    if part[:1] == b"\\":
        part = part[1:]
    return part[:1] == name[:1] and name_matches(part[1:], name[1:])


def bracket(part: bytes) -> tuple[set[int], bytes]:
    """The bytes that a bracket stands for (plain members and ranges only), and what follows it."""
    negated = part[1:2] in {b"!", b"^"}
    start = 2 if negated else 1
    end = part.index(b"]", start + 1)
    inside = part[start:end]
    members = set()
    while inside:
        if len(inside) >= 3 and inside[1:2] == b"-":
            members |= set(range(inside[0], inside[2] + 1))
            inside = inside[3:]
        else:
            members.add(inside[0])
            inside = inside[1:]
    return (set(range(256)) - members if negated else members), part[end + 1 :]


def wanted(tree: dict[bytes, bool], include: list[bytes], exclude: list[bytes]) -> set[bytes]:
    """The paths of `tree` (path: whether it is a directory) that a walk yields, the root aside."""
    left_out = {path for path in tree if any_above(exclude, path, tree)}
    taken = {path for path in tree if not include or any_above(include, path, tree)} - left_out
    return taken | {above for path in taken for above in lineage(path)}


def any_above(patterns: list[bytes], path: bytes, tree: dict[bytes, bool]) -> bool:
    return any(matches(pattern, step, directory=tree[step]) for step in lineage(path) for pattern in patterns)


def lineage(path: bytes) -> list[bytes]:
    """The path and every directory above it."""
    names = path.split(b"/")
    return [b"/".join(names[:depth]) for depth in range(1, len(names) + 1)]
