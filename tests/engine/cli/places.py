"""A host with its configuration file, keys and source, on which the command line runs."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.servers.process import clean_environment
from tests.engine.cli import template
from tests.engine.cli.template import SCRIPT

PASSPHRASE = "correct horse battery staple"
WITHOUT_ROOTS_EYES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")

LOCAL = {"store": 'kind = "local"\npath = "store"', "ledger": 'kind = "local"\npath = "ledger"'}


@dataclass(frozen=True)
class Ended:
    """What a command left behind when it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object on standard output."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass
class Place:
    """One host; its files lie below `root`.

    Attributes:
        sections: text of the configuration file's sections by name, "" for its top; `configure` writes them.
    """

    root: Path
    sections: dict[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source = self.root / "source"
        self.config = self.root / "proofkeep.toml"
        self.sections = {
            "": f'entry = "home"\nstate = "state"\nhost_secret = "file:{self.root}/host.secret"',
            **LOCAL,
            "keys": f'providers = ["file:{self.root}/key.pem"]\npassphrase = "env:PROOFKEEP_PASSPHRASE"',
            "source": 'root = "source"\nlabel = "a home"',
        } | self.sections

    def configure(self, **sections: str) -> None:
        """Write the configuration file, with these sections replaced (`top` is what stands before them)."""
        if "top" in sections:
            sections[""] = sections.pop("top")
        self.sections |= sections
        text = [f"[{name}]\n{body}" if name else body for name, body in self.sections.items()]
        self.config.write_text("\n".join(text) + "\n")

    def command(self, *arguments: str | bytes | Path) -> list[str | bytes | Path]:
        """The command line."""
        return [SCRIPT, *arguments]

    def started_with(self) -> dict[str, str]:
        """The environment of every command."""
        ours = {"PROOFKEEP_CONFIG": str(self.config), "PROOFKEEP_PASSPHRASE": PASSPHRASE}
        return clean_environment(ours | dict(self.environment))

    def run(self, *arguments: str | bytes | Path, under: Sequence[str] = ()) -> Ended:
        """Run the command to its end; `under` is a command that starts the console script itself."""
        if not under:
            code, out, error = template.run(arguments, self.root, self.started_with())
            return Ended(code, out.decode(), error.decode())
        ended = subprocess.run(
            [*under, *self.command(*arguments)],
            cwd=self.root,
            env=self.started_with(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def done(self, *arguments: str | bytes | Path) -> dict[str, Any]:
        """Run with `--json` what must succeed; the result."""
        ended = self.run(*arguments, "--json")
        assert ended.code == 0, ended.err
        result: dict[str, Any] = ended.document["result"]
        return result

    def make_keys(self) -> None:
        """A protected wrapping key and a host secret, by the command line."""
        self.done("keygen", "key", self.root / "key.pem", "--passphrase", "env:PROOFKEEP_PASSPHRASE")
        self.done("keygen", "host-secret", self.root / "host.secret")

    def fill_source(self) -> None:
        """A few files of different kinds."""
        (self.source / "folder").mkdir(parents=True)
        (self.source / "empty").touch()
        (self.source / "large").write_bytes(os.urandom(3 << 20))
        (self.source / "folder/small").write_bytes(b"small")
        (self.source / "link").symlink_to("folder/small")
        (self.source / "twin").hardlink_to(self.source / "folder/small")
        (self.source / os.fsdecode(b"line\nfeed \x1b[31m \xff")).write_bytes(b"strange")


def refused(ended: Ended, code: str) -> None:
    """It says code and hint on both streams, and has no result but perhaps the run."""
    error = ended.document["error"]
    assert (ended.code, error["code"]) == (2, code)
    assert not error["message"][0].isupper()
    assert f"proofkeep: {error['message']} [{code}]\nhint: {error['hint']}\n" in ended.err
    assert set(ended.document["result"] or {}) <= {"run"}


def unprivileged() -> Sequence[str]:
    """A command under which root may not read what modes forbid."""
    return WITHOUT_ROOTS_EYES if os.geteuid() == 0 else ()
