"""Starts a command with secrets from systemd credentials in its environment: Prefect reads them from nowhere else.

`python -m infra.with_credentials VARIABLE=CREDENTIAL... -- COMMAND ARGUMENT...` becomes the command. So no environment
file and no unit holds a secret; the process's own environment does, readable by its user and root alone.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

DIRECTORY = "CREDENTIALS_DIRECTORY"
LIMIT = 4096


class CredentialError(Exception):
    """A credential is missing or cannot be one; the message holds its name, never its value."""


def secrets(wanted: Sequence[str], directory: str | None) -> dict[str, str]:
    """Values by variable. One line feed at a credential's end does not belong to it.

    Args:
        wanted: `VARIABLE=CREDENTIAL` each.
        directory: where systemd has put them.

    Raises:
        CredentialError: no directory, no such file, nothing or too much in it.
    """
    if not directory:
        raise CredentialError(f"{DIRECTORY} is not set, the unit loads no credential")
    found = {}
    for each in wanted:
        variable, _, name = each.partition("=")
        if not variable or not name or "/" in name:
            raise CredentialError(f"{each!r} is not VARIABLE=CREDENTIAL")
        try:
            text = (Path(directory) / name).read_text("utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise CredentialError(f"credential {name} cannot be read") from None
        if not text or len(text) > LIMIT or "\n" in text or "\0" in text:
            raise CredentialError(f"credential {name} is not one line of text")
        found[variable] = text
    return found


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the command."""
    if "--" not in arguments or arguments[-1] == "--":
        sys.exit("with_credentials: VARIABLE=CREDENTIAL... -- COMMAND ARGUMENT...")
    at = arguments.index("--")
    command = list(arguments[at + 1 :])
    try:
        environment = {**os.environ, **secrets(arguments[:at], os.environ.get(DIRECTORY))}
    except CredentialError as error:
        sys.exit(f"with_credentials: {error}")
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - becomes the command, without a shell
    except OSError as error:
        sys.exit(f"with_credentials: {command[0]} cannot be started: {(error.strerror or '').lower()}")


if __name__ == "__main__":
    main(sys.argv[1:])
