"""Where a passphrase comes from: never an argument, a block field or a log, always one of the sources below.

    env:NAME            an environment variable
    fd:N                an open file descriptor, read to its end
    credential:NAME     a systemd credential
    file:/absolute/path a file that only its owner may read

One line feed at the end does not belong to the passphrase. It is read when it is needed and not kept here.
"""

import os
from collections.abc import Callable
from pathlib import Path

from proofkeep.errors import KeyMissingError, PolicyError, UsageError
from proofkeep.keys.private_files import Privacy, credential_path, read_file

Passphrase = Callable[[], bytes]
"""Returns the passphrase; called once for each time a private key is opened or written."""

MIN_LENGTH = 15
"""Characters of a new passphrase; SP 800-63B asks as much of a password that stands alone."""

_DESCRIPTOR_LIMIT = 4_096


def passphrase_from_uri(uri: str) -> Passphrase:
    """Return the source that `uri` names. Raises `UsageError` for one that is none of the four."""
    scheme, _, rest = uri.partition(":")
    if scheme == "env" and rest:
        return lambda: _from_environment(rest, uri)
    if scheme == "fd" and rest.isascii() and rest.isdigit():
        return lambda: _from_descriptor(int(rest), uri)
    if scheme == "credential" and rest:
        return lambda: _stripped(read_file(credential_path(rest, uri), uri, Privacy.CREDENTIAL)[0], uri)
    if scheme == "file" and rest.startswith("/"):
        return lambda: _stripped(read_file(Path(rest), uri, Privacy.PRIVATE)[0], uri)
    # The text itself stays unsaid: it may be a passphrase put where its source belongs.
    raise UsageError("passphrase source is none of env:NAME, fd:N, credential:NAME, file:/path")


def accept_new_passphrase(passphrase: bytes) -> bytes:
    """Return a passphrase that is long enough to protect a new key file; raise `PolicyError` otherwise."""
    if len(passphrase.decode(errors="replace")) < MIN_LENGTH:
        raise PolicyError(f"passphrase is shorter than {MIN_LENGTH} characters")
    return passphrase


def _from_environment(name: str, uri: str) -> bytes:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise KeyMissingError(f"{uri} is not set")
    return _stripped(value, uri)


def _from_descriptor(number: int, uri: str) -> bytes:
    content = b""
    try:
        while len(content) <= _DESCRIPTOR_LIMIT and (more := os.read(number, _DESCRIPTOR_LIMIT)):
            content += more
    except OSError:
        raise KeyMissingError(f"{uri} cannot be read") from None
    if len(content) > _DESCRIPTOR_LIMIT:
        raise UsageError(f"{uri} gives more than {_DESCRIPTOR_LIMIT} bytes")
    return _stripped(content, uri)


def _stripped(content: bytes, uri: str) -> bytes:
    passphrase = content.removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase:
        raise KeyMissingError(f"{uri} is empty")
    return passphrase
