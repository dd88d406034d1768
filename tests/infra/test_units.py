"""Units as systemd reads them. systemd is not process 1 here: `test_up.py` runs their command lines."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.lateness import WINDOW_SECONDS
from flows.patience import LEASE_SECONDS
from infra.units import DIRECTORY, Unit
from tests.architecture.tree import ROOT

UNITS = sorted(path.name for path in DIRECTORY.glob("proofkeep-*.*"))
SERVICES = [name for name in UNITS if name.endswith(".service")]
SECRET_WORDS = re.compile(r"(?i)(auth_string|password|passphrase|secret|token)[^=\n]*=\s*\S")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with this checkout's own commands and pages in them: verify looks for what they start."""
    for name in UNITS:
        text = (DIRECTORY / name).read_text().replace("/opt/proofkeep/.venv", sys.prefix)
        (tmp_path / name).write_text(text.replace("/opt/proofkeep", str(ROOT)).replace("User=proofkeep", "User=root"))
    return tmp_path


@pytest.mark.requires("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(installed: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(installed / name for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )

    said = [line for line in done.stderr.splitlines() if "proofkeep" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.requires("systemd-analyze")
def test_systemd_finds_what_is_wrong_with_a_unit(installed: Path) -> None:
    unit = installed / "proofkeep-server.service"
    unit.write_text(unit.read_text().replace("ExecStart=/", "ExecStart=/absent/").replace("Restart=", "Retsart="))

    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "Unknown key 'Retsart'" in done.stderr


@pytest.mark.parametrize("name", ["server.env", "worker.env", *UNITS])
def test_no_file_holds_a_secret(name: str) -> None:
    lines = [line for line in (DIRECTORY / name).read_text().splitlines() if not line.startswith("#")]

    held = [line for line in lines if SECRET_WORDS.search(line) and "LoadCredential" not in line]
    assert [line for line in held if "infra.with_credentials" not in line] == []
    assert not any("://" in line and re.search(r"://[^/@\s]+:[^/@\s]+@", line) for line in lines)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_kept_from_what_it_does_not_need(name: str) -> None:
    settings = Unit.read(name).settings

    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "UMask": "0077",
        "User": "proofkeep",
    }.items():
        assert settings[f"Service.{key}"] == [value]
    assert settings["Service.CapabilityBoundingSet"] in ([""], ["CAP_DAC_READ_SEARCH"])
    assert settings["Service.LoadCredential"][0].startswith("api-auth:")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_phones_home(name: str) -> None:
    environment = Unit.read(name).environment

    assert (environment["PREFECT_SERVER_ANALYTICS_ENABLED"], environment["DO_NOT_TRACK"]) == ("false", "1")


@pytest.mark.requires("logrotate", root=True)
def test_log_rotation_is_understood_and_cuts_no_file_under_a_run(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text("{}\n")
    tmp_path.chmod(0o755)
    text = (DIRECTORY / "logrotate.conf").read_text()
    assert "/var/log/proofkeep" in text
    rules = tmp_path / "rules.conf"
    rules.write_text(
        text.replace("/var/log/proofkeep", str(tmp_path)).replace("su proofkeep proofkeep", "su root root")
    )

    with log.open("a") as run:
        subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", rules], check=True)
        run.write("late\n")

    assert not log.exists()
    assert (tmp_path / "events.jsonl.1").read_text() == "{}\nlate\n"


@pytest.mark.requires("systemd-analyze")
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_calls_the_exposure_of_a_service_low(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager", DIRECTORY / name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.requires("systemd-analyze")
def test_a_restore_hosts_worker_may_give_files_their_owners_back(installed: Path) -> None:
    """Settings of a drop-in follow the unit's own."""
    drop_in = installed / "proofkeep-worker.service.d"
    drop_in.mkdir()
    shutil.copy(DIRECTORY / "restore-host.conf", drop_in)
    worker = installed / "proofkeep-worker.service"

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", worker], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "CAP_CHOWN" in (DIRECTORY / "restore-host.conf").read_text()
    assert "CAP_CHOWN" not in (DIRECTORY / "proofkeep-worker.service").read_text()


@pytest.mark.requires("systemd-analyze")
def test_timer_names_an_instant_of_every_day() -> None:
    (calendar,) = Unit.read("proofkeep-database-retention.timer").settings["Timer.OnCalendar"]

    done = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=True)

    assert "Normalized form: *-*-* 12:00:00" in done.stdout


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".timer")])
def test_service_of_a_timer_runs_to_its_end_and_is_started_by_nothing_else(name: str) -> None:
    service = Unit.read(name.replace(".timer", ".service")).settings

    assert service["Service.Type"] == ["oneshot"]
    assert "Install.WantedBy" not in service


def test_reconcile_sees_the_processes_it_judges_and_runs_as_the_worker_does() -> None:
    """Hidden processes would be told from living ones by their number alone (flows/host.py)."""
    reconcile, worker = (Unit.read(f"proofkeep-{name}.service") for name in ("reconcile", "worker"))

    assert not {"Service.ProtectProc", "Service.PrivatePIDs"} & reconcile.settings.keys()
    assert reconcile.commands("ExecStart", {}) == worker.commands("ExecStartPre", {})
    assert [line[0] for line in worker.settings["Service.ExecStartPre"]] == ["-"]  # no run's trouble keeps it away
    assert [line[0] for line in reconcile.settings["Service.ExecStart"]] == ["/"]  # and its own unit fails by it
    for key in ("EnvironmentFile", "User", "WorkingDirectory", "StateDirectory", "TimeoutStartSec"):
        assert reconcile.settings[f"Service.{key}"] == worker.settings[f"Service.{key}"]


def test_server_listens_for_its_proxy_alone_and_reaches_whom_its_automations_notify() -> None:
    """The server's own process sends notifications; systemd's IP filters hold what goes out with what comes in."""
    server = Unit.read("proofkeep-server.service")
    (command,) = server.commands("ExecStart", {})
    holding = ("IPAddressDeny", "PrivateNetwork", "RestrictNetworkInterfaces")

    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert not {f"Service.{key}" for key in holding} & server.settings.keys()
    assert "AF_INET AF_INET6" in server.settings["Service.RestrictAddressFamilies"][0]


def test_a_server_that_is_away_is_asked_for_minutes_and_not_beyond_the_lease_of_a_slot() -> None:
    """Pauses are 2, 4, 8, ... seconds, each spread by a fifth; docs/platform-engineer/installation.md says up to 8."""
    retries = int(Unit.read("proofkeep-worker.service").environment["PREFECT_CLIENT_MAX_RETRIES"])

    asked, most = (sum(2**number for number in range(1, count + 1)) for count in (retries, 8))

    assert 240 <= asked <= most * 1.2 < LEASE_SECONDS


def test_programs_of_the_units_exist() -> None:
    places = {"/opt/proofkeep/.venv": sys.prefix, "/opt/proofkeep": str(ROOT)}
    for name in SERVICES:
        unit = Unit.read(name, places)
        for command in (
            *unit.commands("ExecStartPre", unit.environment),
            *unit.commands("ExecStart", unit.environment),
        ):
            started = command[command.index("--") + 1]
            assert shutil.which(command[0]), command
            assert shutil.which(started), command


@pytest.mark.requires("systemd-analyze")
@pytest.mark.parametrize("names", [("host-secret.conf",), ("host-secret.conf", "restore-host.conf")])
def test_drop_ins_of_a_worker_add_their_credentials(names: tuple[str, ...], installed: Path) -> None:
    drop_ins = installed / "proofkeep-worker.service.d"
    drop_ins.mkdir()
    for name in names:
        shutil.copy(DIRECTORY / name, drop_ins)
    worker = installed / "proofkeep-worker.service"

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", worker], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_worker_starts_where_the_host_secret_is_derived_by_a_key_service() -> None:
    """Systemd starts no unit of which a credential's file, named by an absolute path, is absent."""
    assert Unit.read("proofkeep-worker.service").credentials == {"api-auth": "/etc/proofkeep/api-auth"}
    assert Unit.read("host-secret.conf").credentials == {"host-secret": "/etc/proofkeep/host.secret"}


def test_installation_page_names_every_file_of_the_units_and_keeps_what_was_edited() -> None:
    page = (ROOT / "docs" / "platform-engineer" / "installation.md").read_text()
    lines = page.splitlines()

    assert [name for name in ("host-secret.conf", "restore-host.conf", "logrotate.conf") if name not in page] == []
    copied = [line for line in lines if line.endswith(".env /etc/proofkeep/")]
    assert len(copied) == 2  # of server and of host
    assert all(line.startswith("cp --no-clobber ") for line in copied)
    enabled = next(at for at, line in enumerate(lines) if line.startswith("systemctl enable") and "nginx" in line)
    assert lines[enabled + 1] == "systemctl reload nginx"


def test_run_that_waits_for_a_slot_is_not_called_late_within_the_default_window() -> None:
    """Prefect tells it from one whose worker is gone by nothing; three long backups of one hour share two slots."""
    late = Unit.read("proofkeep-server.service").environment["PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS"]

    assert int(late) == WINDOW_SECONDS


@pytest.mark.requires("systemd-tmpfiles", root=True)
def test_results_of_runs_that_the_server_no_longer_knows_are_removed_and_younger_ones_stay(tmp_path: Path) -> None:
    text = (DIRECTORY / "tmpfiles.conf").read_text()
    assert "/var/lib/proofkeep/" in text
    rules = tmp_path / "rules.conf"
    rules.write_text(text.replace("/var/lib/proofkeep", str(tmp_path)))
    storage = tmp_path / "prefect" / "storage"
    storage.mkdir(parents=True)
    day = 86_400
    for days in (0, 91, 101):
        (storage / str(days)).write_text("{}")
        os.utime(storage / str(days), times=(time.time() - days * day,) * 2)

    subprocess.run(["systemd-tmpfiles", "--clean", rules], check=True)

    assert {path.name for path in storage.iterdir()} == {"0", "91"}
