"""A Prefect database with every migration done, made at set-up: a fresh server spends 7 s of its start on them.

`python -m infra.demo.database FILE` makes it; the demo copies it, if it is there, before its server starts.
"""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.servers.process import clean_environment

PREPARED = Path(sys.prefix) / "prefect.db"
NAME = "prefect.db"  # as Prefect calls it in its home


def prepare(file: Path) -> None:
    """Migrate an empty database and keep it as `file`, whole or not at all."""
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
            env=clean_environment({"PREFECT_HOME": home}),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        whole = file.with_name(f".{file.name}.new")
        whole.unlink(missing_ok=True)
        with sqlite3.connect(Path(home) / NAME) as database:
            database.execute("VACUUM INTO ?", (str(whole),))
        database.close()
        whole.replace(file)


def place(home: Path) -> None:
    """Put a copy into a Prefect home, if one was prepared; the server makes its own otherwise."""
    if PREPARED.exists():
        shutil.copyfile(PREPARED, home / NAME)


if __name__ == "__main__":
    sys.stderr.write("set-up: preparing Prefect's database (about 10 s)\n")
    prepare(Path(sys.argv[1]))
