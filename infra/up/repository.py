"""Keys, a local repository, its blocks and an inventory of one entry: what there is to try out."""

import shutil
import sys
from pathlib import Path

from infra.up.stack import HOST, ROOT, Stack
from proofkeep.format import names
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key

_CONFIGURATION = """\
state = "{here}/state"
host_secret = "file:{here}/host.secret"
entry = "tried"

[store]
kind = "local"
path = "{here}/packs"

[ledger]
kind = "local"
path = "{here}/ledger"

[keys]
providers = ["file:{here}/backup.pub"]
"""

_BLOCKS = """\
[object_store.packs]
kind = "local"
path = "{here}/packs"

[object_store.ledger]
kind = "local"
path = "{here}/ledger"

[ledger.main]
store = "ledger"

[key_provider.backup]
providers = ["file:{here}/backup.pub"]

[key_provider.restore]
providers = ["file:{here}/restore.pem"]

[repository.main]
store = "packs"
ledger = "main"
keys = "backup"
host_secret = "file:{here}/host.secret"
state = "{here}/state"

[source.tried]
root = "{source}"
label = "tried"

[limits]
proofkeep-upload = 4
"""

_INVENTORY = """\
# Change it, then: proofkeep plan and proofkeep apply, or the flow apply_inventory in the UI.
version: 1
name: tried
control_host: {host}
hosts:
  - name: {host}
    checkout: {root}
repositories:
  - name: main
    host: {host}
    location: this machine
    transport: local
    key: backup
    restore_key: restore
    restore_target: {here}/restored
    verify:
      cron: "0 6 * * 0"
entries:
  - name: tried
    system: this machine
    host: {host}
    source: tried
    cui: false
    location: this machine
    repository: main
    schedule:
      cron: "30 1 * * *"
    allowed_age: 26h
    drill:
      cron: "0 6 1 1,4,7,10 *"
"""


def prepare(stack: Stack, source: Path) -> Path:
    """Make what is not there yet, tell the server, and return the inventory's file."""
    here = stack.directory / "repository"
    places = {"here": here, "source": source, "host": HOST, "root": ROOT}
    make_keys(here)
    inventory = stack.directory / "inventory.yaml"
    if not inventory.exists():
        making = inventory.with_suffix(".making")
        making.write_text(_INVENTORY.format(**places))
        making.rename(inventory)
    (here / "proofkeep.toml").write_text(_CONFIGURATION.format(**places))
    (here / "blocks.toml").write_text(_BLOCKS.format(**places))
    if not (here / "packs" / names.DESCRIPTOR).exists():  # which init writes last, and goes on where it was cut
        stack.run([_program("proofkeep"), "init", "--config", str(here / "proofkeep.toml")])
    stack.run([_program("python"), "-m", "infra.register_blocks", str(here / "blocks.toml")])
    stack.run([_program("proofkeep"), "apply", str(inventory)])
    return inventory


def make_keys(here: Path) -> None:
    """Make the directory with keys in it where it is not there; one that was cut is begun again."""
    if here.exists():
        return
    making = here.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    create_host_secret(making / "host.secret")
    create_key_file(making / "restore.pem", None)
    export_public_key(making / "restore.pem", making / "backup.pub")
    making.rename(here)


def notify(stack: Stack, url: str) -> None:
    """Make the automations, which notify an https address."""
    stack.run([_program("python"), "-m", "infra.automations", "--webhook", url])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
