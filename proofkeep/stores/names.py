"""Which names an object may have: the same in every store, so that a repository can move between them."""

import re

from proofkeep.errors import UsageError

# No component begins with a dot: that leaves out `.`, `..` and the folders a store keeps for itself.
_COMPONENT = r"[a-z0-9_-][a-z0-9._-]{0,254}"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_PREFIX = re.compile(rf"(?:{_COMPONENT}/)*(?:{_COMPONENT})?")

NAME_LIMIT = 511  # bytes; S3 allows 1,024 for the store's prefix, a slash and the name together


def is_component(text: str) -> bool:
    """Whether `text` may stand between two slashes of a name."""
    return re.fullmatch(_COMPONENT, text) is not None


def is_name(text: str) -> bool:
    """Whether an object may be called `text`."""
    return len(text) <= NAME_LIMIT and _NAME.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether an object's name may begin with `text`; the empty one is where all names begin."""
    return _PREFIX.fullmatch(text) is not None


def require_name(name: str) -> str:
    """Return `name`, or raise `UsageError` if no object may be called that."""
    if not is_name(name):
        raise UsageError(f"object name {name[:NAME_LIMIT]!a} is not allowed")
    return name


def require_prefix(prefix: str) -> str:
    """Return `prefix`, or raise `UsageError` if no object's name can begin with it."""
    if not is_prefix(prefix):
        raise UsageError(f"object name prefix {prefix[:NAME_LIMIT]!a} is not allowed")
    return prefix
