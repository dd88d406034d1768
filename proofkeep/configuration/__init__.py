"""Typed configuration, and from it the adapters: the only room of the engine that picks them.

Serves the command line and the Prefect blocks alike. Holds paths, URIs and names; never a key or a passphrase.
"""

from proofkeep.configuration.configuration import Configuration
from proofkeep.configuration.identity import environment, software
from proofkeep.configuration.opened import Opened, opened
from proofkeep.configuration.reading import load, parse
from proofkeep.configuration.remembering import entry_names, read_before, remembering_damage
from proofkeep.configuration.sections import (
    BackupSettings,
    DrillSettings,
    KeySettings,
    KmsSettings,
    LocalPlace,
    Place,
    S3Place,
    SourceSettings,
    TlsSettings,
)

__all__ = [
    "BackupSettings",
    "Configuration",
    "DrillSettings",
    "KeySettings",
    "KmsSettings",
    "LocalPlace",
    "Opened",
    "Place",
    "S3Place",
    "SourceSettings",
    "TlsSettings",
    "entry_names",
    "environment",
    "load",
    "opened",
    "parse",
    "read_before",
    "remembering_damage",
    "software",
]
