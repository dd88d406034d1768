"""Reads the files: an automation in Prefect's own words, whose action is the one notification block of this server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml  # type: ignore[import-untyped] # its stubs are not in the lock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore
from pydantic import ValidationError

from proofkeep.errors import UsageError

FOLDER = Path(__file__).parent
_NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Definition:
    """One file.

    Attributes:
        subject, body: templates as Prefect renders them.
    """

    name: str
    members: dict[str, Any]
    subject: str
    body: str

    def automation(self, block: UUID) -> AutomationCore:
        """The automation that notifies by this block document.

        Raises:
            UsageError: it is none that this version of Prefect knows.
        """
        action = SendNotification(block_document_id=block, subject=self.subject, body=self.body)
        try:
            return AutomationCore.model_validate({**self.members, "tags": ["proofkeep"], "actions": [action]})
        except ValidationError as error:
            places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False))
            raise UsageError(f"automation {self.name} is wrong in {places}") from None


def read_definitions(folder: Path = FOLDER) -> list[Definition]:
    """All definitions of a folder, by their files' names.

    Raises:
        UsageError: there is none, or one is not as it must be.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UsageError(f"folder {folder} holds no automation")
    return [_read(file) for file in files]


def _read(file: Path) -> Definition:
    try:
        members = cast("dict[str, Any]", yaml.safe_load(file.read_text("utf-8")))
        told = members.pop(_NOTIFICATION)
        return Definition(members["name"], members, told["subject"], told["body"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise UsageError(f"file {file.name} needs name, trigger, and a notification with subject and body") from None
