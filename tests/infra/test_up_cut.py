"""What a first start of `make up` left that was cut between two steps; `test_up.py` begins where one was cut."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from infra.servers.postgres import PostgresCluster
from infra.up.repository import make_keys


def test_keys_of_a_start_that_was_cut_are_made_again_and_those_of_one_that_was_not_stay(tmp_path: Path) -> None:
    here = tmp_path / "repository"
    here.with_suffix(".making").mkdir()
    (here.with_suffix(".making") / "host.secret").write_text("half")

    make_keys(here)
    made = {path.name: path.read_bytes() for path in here.iterdir()}
    make_keys(here)

    assert made.keys() == {"host.secret", "restore.pem", "backup.pub"}
    assert {path.name: path.read_bytes() for path in here.iterdir()} == made
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


@pytest.mark.requires("setpriv", "psql")
def test_cluster_whose_first_start_was_cut_before_its_database_gets_it(tmp_path: Path) -> None:
    place = Path(tempfile.mkdtemp(prefix="pk-pg-", dir="/var/tmp"))
    place.chmod(0o711)
    cluster = PostgresCluster(place / "pg", tmp_path / "log", ("fsync=off",)).start()
    try:
        asked = [f"--host={place / 'pg'}", "prefect"]
        subprocess.run(["dropdb", *asked], check=True)
        cluster.stop()

        cluster.start()

        subprocess.run(["psql", *asked, "--command=select"], check=True)
    finally:
        cluster.stop()
        shutil.rmtree(place)
