"""Plaintext, file names and keys reach neither Prefect nor logs, spool, journal, catalog or store."""

import base64
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from prefect.logging.handlers import APILogHandler
from prefect.states import Cancelled
from pydantic import SecretStr

from blocks import Source
from flows.abandon import abandon
from flows.backup import backup
from flows.drill import restore_drill
from flows.reconcile import reconcile
from flows.restore import restore
from flows.resume_transfers import resume_transfers
from flows.spot_check import spot_check
from flows.verify import verify
from infra.servers.postgres import PostgresCluster
from infra.servers.seaweedfs import ADMIN, STRANGER, ambient_credentials
from proofkeep.backup.session import SealingSession
from proofkeep.drill.population import stat_fingerprint
from tests.flows import canaries
from tests.flows.conftest import PrefectSide
from tests.flows.faults import STEPS
from tests.flows.house import ENTRY, MIB, House, store_documents
from tests.flows.leases import closed_to_everybody
from tests.flows.running import artifacts, client, run_here, run_here_again, task_runs
from tests.flows.test_crashes import died, seen
from tests.flows.test_reconcile import NO_TIME, now
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver

TOKEN = os.urandom(8).hex()
PLAIN = f"canary-plaintext-{TOKEN}".encode()
NAME = f"canary-name-{TOKEN}"
FOLDER = f"canary-folder-{TOKEN}"
MONITOR = f"canary-monitor-{TOKEN}"
INSIDE_THE_FIRST_FRAME = 300


@pytest.fixture
def data_keys(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every data key that is made from now on."""
    made: list[bytes] = []
    open_session = SealingSession._open

    def remembering(session: SealingSession) -> bytes:
        key = open_session(session)
        made.append(key)
        return key

    monkeypatch.setattr(SealingSession, "_open", remembering)
    return made


@pytest.fixture
def marked_house(make_house: Callable[..., House], pki: Pki) -> Iterator[House]:
    """A house with a monitor that knows its backups and checks by an address that nobody else is to know."""
    house = make_house(tls={"ca_file": str(pki.ca_path)})
    house.fill(2)
    (house.source / FOLDER).mkdir()
    (house.source / FOLDER / NAME).write_bytes(PLAIN * 1000)
    (house.source / f"{NAME}.link").symlink_to(f"{FOLDER}/{NAME}")
    with Receiver(pki.server) as monitor:
        told = SecretStr(f"{monitor.url}/{MONITOR}/{{verb}}")
        house.block = house.block.model_copy(update={"ping_url": told})
        store_documents(house.name, house.block, Source(root=str(house.source), label="test", ping_url=told))
        yield house
        verbs = {path.split("/")[2] for path in monitor.paths}
    assert verbs == {"backup", "verify", "drill"}


def private_scalar(key_file: Path) -> bytes:
    _, begin, rest = key_file.read_bytes().partition(b"-----BEGIN PRIVATE KEY-----")
    key = load_pem_private_key(begin + rest, None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return key.private_numbers().private_value.to_bytes(48, "big")


def run_well_and_badly(house: House, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every way in which flows end; what their states were."""

    def fault(*_: Any, **__: Any) -> None:
        raise OSError(5, PLAIN.decode(), str(house.source / FOLDER / NAME))

    for place, step in STEPS.values():
        with monkeypatch.context() as patch:
            patch.setattr(place, step, fault)
            run = run_here(backup, house.parameters())
        yield run.state_name or ""
    obstacle = house.root / "store" / "packs"
    obstacle.write_text("in the way")
    with closed_to_everybody(house.source / FOLDER / NAME):
        run = run_here(backup, house.parameters())
    yield run.state_name or ""
    yield run_here(resume_transfers, {"repository": house.name}).state_name or ""
    yield seen(house)[0].state_name or ""
    obstacle.unlink()
    with closed_to_everybody(house.source / FOLDER / NAME):  # each time anew: the kernel ends the lease after 45 s
        run = run_here_again(backup, run)
    yield run.state_name or ""
    assert "markdown" in artifacts(run.id)
    run = run_here_again(backup, run)
    yield run.state_name or ""
    yield run_here(verify, {"repository": house.name, "read": 1.0}).state_name or ""
    restoring = {"repository": house.name, "keys": house.name}
    yield run_here(restore, restoring | {"target": str(house.root / "restored")}).state_name or ""
    everything = {"tmpfs": str(memory), "per_stratum": 10}
    drilling = restoring | {"live": [{"entry": ENTRY, "source": house.name}], "options": everything}
    yield run_here(restore_drill, drilling).state_name or ""
    yield run_here(restore_drill, drilling | {"options": everything | {"tmpfs": None}}).state_name or ""
    yield from spot_checks(house, monkeypatch, fault)
    for pack in (house.root / "store" / "packs").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[INSIDE_THE_FIRST_FRAME] ^= 1
            pack.write_bytes(content)
    yield run_here(verify, {"repository": house.name, "read": 1.0}).state_name or ""
    yield run_here(restore, restoring | {"target": str(house.root / "damaged")}).state_name or ""
    yield run_here(restore_drill, drilling).state_name or ""
    task_runs(run, run.run_count, 1)
    shutil.move(house.root / "store" / "packs", house.root / "packs")
    obstacle.write_text("in the way")
    (house.source / FOLDER / NAME).write_bytes(os.urandom(MIB) + PLAIN)
    run = run_here(backup, house.parameters())
    yield run.state_name or ""
    yield run_here(abandon, {"repository": house.name, "run": run.id.hex}).state_name or ""
    killed, cancelled = died(house), died(house)
    with client() as api:
        api.set_flow_run_state(cancelled.id, Cancelled(), force=True)
    reconcile(settled=NO_TIME)
    yield from (now(each.id).state_name or "" for each in (killed, cancelled))
    assert all("markdown" in artifacts(each.id) for each in (killed, cancelled))


def spot_checks(house: House, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., None]) -> Iterator[str]:
    """Asked for the marked file, as a drill on another host asks."""
    ids = house.configuration.connect().keys.ids
    path, status = f"{FOLDER}/{NAME}".encode(), (house.source / FOLDER / NAME).stat()
    stat = stat_fingerprint(ids, path, status.st_size, status.st_mtime_ns)
    asked = [{"file": ids.path_id(path).hex(), "stat": stat}]
    checking = {"entry": ENTRY, "repository": house.name, "source": house.name, "questions": asked}
    run = run_here(spot_check, checking)
    assert '"result": "read"' in artifacts(run.id)["table"]
    yield run.state_name or ""
    with monkeypatch.context() as patch:
        patch.setattr("tasks.spot_check.spot_check", fault)
        yield run_here(spot_check, checking).state_name or ""


def test_no_secret_is_found_anywhere_after_runs_that_ended_well_and_badly(
    marked_house: House,
    data_keys: list[bytes],
    prefect: PrefectSide,
    memory: Path,
    postgres: PostgresCluster | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = list(run_well_and_badly(marked_house, memory, monkeypatch))
    told = told_to_prefect(marked_house, postgres, tmp_path, caplog)

    secrets = {
        "plaintext": PLAIN,
        "file name": NAME.encode(),
        "folder name": FOLDER.encode(),
        "engine object": b"proofkeep.backup.run.Backup",
        "monitor": MONITOR.encode(),
        "host secret": (marked_house.root / "host.secret").read_bytes(),
        "private key": private_scalar(marked_house.root / "key.pem"),
        **{f"data key {number}": key for number, key in enumerate(set(data_keys))},
    }
    stores = [marked_house.root / "store", marked_house.root / "ledger"]
    begin = ["Failed"] * 6 + ["Attention", "Partial"] + ["Completed"] * 6
    assert states == begin + ["Failed"] * 5 + ["Completed", "Crashed", "Cancelled"]
    assert len(set(data_keys)) >= len(STEPS)
    assert "Traceback" in caplog.text
    assert canaries.found(secrets, [prefect.directory, marked_house.state, *stores, memory, told]) == []


def told_to_prefect(
    house: House, postgres: PostgresCluster | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Path:
    """A folder with what was logged, and with the rows of the server's database."""
    APILogHandler().flush()
    folder = tmp_path / "told"
    folder.mkdir()
    (folder / "printed").write_text(caplog.text)
    if postgres is not None:
        postgres.dump(folder / "prefect.sql")
        assert house.name in (folder / "prefect.sql").read_text()
    return folder


def test_secret_key_of_a_store_is_found_nowhere_after_it_was_taken_and_refused(
    s3_house: House,
    prefect: PrefectSide,
    postgres: PostgresCluster | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3_house.fill(1)
    good = run_here(backup, s3_house.parameters())
    for variable, value in ambient_credentials(STRANGER).items():
        monkeypatch.setenv(variable, value)
    denied = run_here(backup, s3_house.parameters())
    told = told_to_prefect(s3_house, postgres, tmp_path, caplog)

    assert (good.state_name, denied.state_name) == ("Completed", "Failed")
    assert "`store-denied`" in artifacts(denied.id)["markdown"]
    secrets = {each.access_key: each.secret_key.encode() for each in (ADMIN, STRANGER)}
    assert canaries.found(secrets, [prefect.directory, s3_house.state, told]) == []


@pytest.mark.parametrize("secret", [PLAIN, bytes(range(200, 232))], ids=["text", "bytes"])
def test_every_form_of_a_secret_would_be_found(secret: bytes, tmp_path: Path) -> None:
    for number, form in enumerate(canaries.forms(secret)):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "file").write_bytes(b"before" + form + b"after")

        assert canaries.found({"secret": secret}, [place]), form


@pytest.mark.parametrize("before", range(3))
def test_secret_inside_longer_base64_would_be_found(before: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(base64.b64encode(b"x" * before + PLAIN + b"yyyy"))

    assert canaries.found({"secret": PLAIN}, [tmp_path]) == [("secret", str(tmp_path / "file"))]


def test_secret_in_a_long_row_of_a_database_would_be_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "database")) as database:
        database.execute("CREATE TABLE rows (value TEXT)")
        database.executemany("INSERT INTO rows VALUES (?)", [("x" * size + TOKEN,) for size in range(4000, 4200)])
        database.commit()

    hits = canaries.found({"secret": TOKEN.encode()}, [tmp_path])

    assert len(hits) >= 200
