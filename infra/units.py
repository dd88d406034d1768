"""Reads this repository's systemd units as far as they say what is started, so that `make up` and tests start the same.

No systemd here: the commands run as child processes, with paths of one machine in place of the installed ones.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "systemd"
INSTALLED = "/opt/proofkeep"

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Unit:
    """A unit file.

    Attributes:
        settings: values by `Section.Key`, in their order; systemd allows a key several times.
        places: installed paths and names, and what stands for each on this machine.
    """

    settings: Mapping[str, list[str]]
    places: Mapping[str, str]

    @classmethod
    def read(cls, name: str, places: Mapping[str, str] | None = None) -> "Unit":
        """The unit `name` of this repository."""
        settings: dict[str, list[str]] = {}
        section = ""
        for line in (DIRECTORY / name).read_text("utf-8").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                settings.setdefault(f"{section}.{key}", []).append(value)
        return cls(settings, places or {})

    @property
    def environment(self) -> dict[str, str]:
        """What its environment files say."""
        found: dict[str, str] = {}
        for file in self.settings.get("Service.EnvironmentFile", []):
            for line in (DIRECTORY / Path(file).name).read_text("utf-8").splitlines():
                if line and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    found[name] = self.here(value)
        return found

    def commands(self, key: str, environment: Mapping[str, str]) -> list[list[str]]:
        """Command lines of `ExecStart` or `ExecStartPre`, variables filled in, without the `-` that lets one fail."""
        return [
            [
                _VARIABLE.sub(lambda found: environment[found[1]], self.here(word))
                for word in shlex.split(line.removeprefix("-"))
            ]
            for line in self.settings.get(f"Service.{key}", [])
        ]

    @property
    def credentials(self) -> dict[str, str]:
        """Installed path by credential."""
        pairs = (value.split(":", 1) for value in self.settings.get("Service.LoadCredential", []))
        return {name: path for name, path in pairs}  # noqa: C416 - lists of two are no pairs to mypy

    def here(self, text: str) -> str:
        """A text of the unit with this machine's places in it."""
        for installed, here in self.places.items():
            text = text.replace(installed, here)
        return text
