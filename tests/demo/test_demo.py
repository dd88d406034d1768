"""The whole demo, run as a newcomer runs it. Each test leaves nothing running."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from infra.demo.evidence import altered
from infra.servers.https import answers
from infra.servers.ports import LOOPBACK
from tests.demo.demo import LOOPBACK_HEX, Demo
from tests.demo.newcomer import Newcomer
from tests.engine.targets.trees import everything_about

ROWS = [
    "source",
    "files",
    "read",
    "new",
    "stored",
    "ratio",
    "throughput",
    "then changed",
    "second backup",
    "in transit",
    "sealed",
    "key id",
    "ledger",
    "verified",
    "restored",
    "compared",
    "drilled",
    "evidence",
    "took",
    "look at it",
    "end it",
]
MIB = 1 << 20


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path / "demo")
    yield demo
    demo.make("down")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "folder").mkdir(parents=True)
    (root / "folder/large").write_bytes(os.urandom(3 * MIB))
    (root / "folder/text").write_text("a line like any other\n" * 10_000)
    (root / "twin").hardlink_to(root / "folder/text")
    (root / "link").symlink_to("folder/large")
    (root / os.fsdecode(b"\xff odd\n name")).write_bytes(b"odd")
    (root / "read-only").write_bytes(b"keep")
    (root / "read-only").chmod(0o400)
    return root


def test_demo_of_a_newcomer(newcomer: Newcomer) -> None:
    rows, done = newcomer.demo.rows, newcomer.done

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(rows) == ROWS
    assert rows["files"].startswith("3,106 in ")
    assert rows["read"].endswith("MiB; holes are not read")
    assert rows["in transit"].startswith("TLSv1.")
    assert rows["verified"].startswith("intact; all ")
    assert "flipped bit" in rows["drilled"]
    assert "every claim above was checked and holds" in done.stdout
    assert float(rows["took"].partition(" ")[0]) > 0


def test_tree_of_the_user_is_only_read_and_everything_ends_with_down(demo: Demo, tree: Path) -> None:
    before = everything_about(tree)

    done = demo.make("demo", f"SOURCE={tree}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(demo.rows) == ROWS
    assert demo.rows["then changed"] == "folder/large was left out the first time"
    assert demo.rows["second backup"].startswith("3.0 MiB new")
    assert everything_about(tree) == before
    evidence = Path(demo.rows["evidence"])
    assert json.loads(evidence.read_bytes())["result"] == "passed"
    address, hint = demo.make("ui").stdout.splitlines()
    assert "ssh -L" in hint
    server, _, run = address.partition("/v2/runs/flow-run/")
    assert server.startswith(f"http://{LOOPBACK}:")
    with urlopen(f"{server}/api/flow_runs/{run}", timeout=30) as answer:  # noqa: S310 - begins with http, see above
        shown = json.load(answer)
    assert (shown["parameters"]["entry"], shown["state_name"]) == ("demo", "Completed")
    assert demo.listens_on == {LOOPBACK_HEX}

    assert demo.make("down").returncode == 0

    assert demo.pids == []
    assert not answers(server)
    assert altered(evidence.parent) == []
    assert demo.make("ui").returncode != 0


def test_left_out_file_that_lies_elsewhere_too_is_no_untruth(demo: Demo, tree: Path) -> None:
    (tree / "copy").write_bytes((tree / "folder/large").read_bytes())

    done = demo.make("demo", f"SOURCE={tree}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.rows["second backup"].startswith("0 B new")


def test_damaged_store_makes_the_demo_fail_and_the_next_one_replaces_it(demo: Demo, tree: Path) -> None:
    done = demo.call(sys.executable, "-m", "tests.demo.sabotaged", "run", "--source", str(tree))

    assert done.returncode == 1, done.stdout
    assert "flow verify ended Failed" in done.stderr
    assert "every claim" not in done.stdout
    assert "make ui" in done.stderr

    supervisor = int((demo.directory / "supervisor.pid").read_text())
    orphans = set(demo.pids) - {supervisor}
    os.kill(supervisor, signal.SIGKILL)
    again = demo.make("demo", f"SOURCE={tree}")

    assert again.returncode == 0, again.stdout + again.stderr
    assert orphans
    assert not orphans & set(demo.pids)
