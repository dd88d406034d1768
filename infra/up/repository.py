"""Keys, a local repository, its blocks and an inventory of one entry: what there is to try out."""

import sys
from pathlib import Path

from infra.up.stack import HOST, ROOT, Stack
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
    if not here.exists():
        here.mkdir(mode=0o700)
        create_host_secret(here / "host.secret")
        create_key_file(here / "restore.pem", None)
        export_public_key(here / "restore.pem", here / "backup.pub")
    inventory = stack.directory / "inventory.yaml"
    if not inventory.exists():
        inventory.write_text(_INVENTORY.format(**places))
    (here / "proofkeep.toml").write_text(_CONFIGURATION.format(**places))
    (here / "blocks.toml").write_text(_BLOCKS.format(**places))
    if not (here / "packs").exists():
        stack.run([_program("proofkeep"), "init", "--config", str(here / "proofkeep.toml")])
    stack.run([_program("python"), "-m", "infra.register_blocks", str(here / "blocks.toml")])
    stack.run([_program("proofkeep"), "apply", str(inventory)])
    return inventory


def notify(stack: Stack, url: str) -> None:
    """Make the automations, which notify an https address."""
    stack.run([_program("python"), "-m", "infra.automations", "--webhook", url])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
