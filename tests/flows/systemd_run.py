"""What infra/systemd/on-host.sh asks of `systemd-run`, done without systemd and as the caller's own user."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Run the command behind `--` with nothing of the caller's environment."""
    at = arguments.index("--")
    options = [option.partition("=")[::2] for option in arguments[:at]]
    folder = next(value for name, value in options if name == "--working-directory")
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder}
    with tempfile.TemporaryDirectory() as credentials:
        environment["CREDENTIALS_DIRECTORY"] = credentials
        for key, value in (text.partition("=")[::2] for name, text in options if name == "--property"):
            if key == "EnvironmentFile":
                environment |= dict(line.split("=", 1) for line in Path(value).read_text().splitlines())
            elif key == "LoadCredential":
                name, _, file = value.partition(":")
                (Path(credentials) / name).write_bytes(Path(file).read_bytes())
                (Path(credentials) / name).chmod(0o400)
        return subprocess.run(arguments[at + 1 :], cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
