"""The inventory: what is backed up, where, how, how long, and what that leaves uncovered.

Loaded by the commands and flows that need it only: pydantic and YAML take a while to import.
"""

from proofkeep.inventory.fields import control_queue, host_of
from proofkeep.inventory.model import Drill, Entry, Host, Inventory, Repository, Schedule, Verify
from proofkeep.inventory.posture import Gap, gaps, render_posture
from proofkeep.inventory.reading import load, parse

__all__ = [
    "Drill",
    "Entry",
    "Gap",
    "Host",
    "Inventory",
    "Repository",
    "Schedule",
    "Verify",
    "control_queue",
    "gaps",
    "host_of",
    "load",
    "parse",
    "render_posture",
]
