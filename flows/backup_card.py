"""What the card of a backup says."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.cards import Card
from proofkeep.backup import Backup
from proofkeep.errors import JournalBusyError
from proofkeep.progress import counted, in_units
from tasks.kinds import Receipt

_LOCAL = "local directory, nothing travelled"


def say_commit(
    card: Card,
    entry: str,
    backup: Backup,
    commit: Receipt,
    receipts: Mapping[str, list[Receipt]],
) -> None:
    """Say on the card what was committed, complete or not.

    Args:
        receipts: of this attempt's uploads and verifies.
    """
    totals = commit["totals"]
    status = "complete" if commit["complete"] else f"incomplete, {totals['unread']} unread"
    rows = {
        "snapshot": f"`{commit['snapshot']}`, **{status}**",
        "files": f"{totals['files']:,}; {totals['unchanged_files']:,} unchanged, {totals['vanished']:,} vanished",
        "source": in_units(totals["bytes"]),
        "read": in_units(totals["read_bytes"]),
        "new": f"{in_units(totals['new_bytes'])} in {counted(totals['new_chunks'], 'chunk')}",
        "stored": in_units(totals["stored"]),
        "packs referred to": f"{commit['packs']:,}",
        "taken up from abandoned runs": _adopted(backup) or _not_adopted(backup),
        "TLS": _all(receipts["upload"]) or "nothing was left to send",
        "verified by": _all(receipts["verify"]) or "nothing was left to verify",
        "recipients of the data keys": ", ".join(f"`{uri}`" for uri in backup.repository.descriptor.recipients),
        "data keys": ", ".join(f"`{key}`" for key in _data_keys(backup)) or "none, nothing was sealed",
        "ledger head": f"`{commit['head']}`",
        "ledger apart": "no, it shares disk, host or account with the packs"
        if commit["ledger_shares_neighbourhood"]
        else "yes",
        "clock": "compared" if commit["clock_checked"] else "**not checked**, nobody stated a time",
    }
    card.say(f"Backup of {entry}", rows, [*backup.findings, *backup.unread], status)


def _all(receipts: Sequence[Mapping[str, Any]]) -> str:
    """How the transfers of several receipts travelled or were verified, each way once."""
    found = {part for receipt in receipts for part in str(receipt["by"]).split("; ")}
    return ", ".join(sorted(_LOCAL if part == "local" else part for part in found if part))


def _adopted(backup: Backup) -> str:
    """What earlier runs of the entry had sealed, and this one counted on."""
    return ", ".join(
        f"{counted(each.packs, 'pack')}, {in_units(each.bytes)}, of `{each.run}`" for each in backup.adopted
    )


def _not_adopted(backup: Backup) -> str:
    held = [finding.subject for finding in backup.findings if finding.code == JournalBusyError.code]
    return f"nothing: another process works on {', '.join(held)}" if held else "nothing was left"


def _data_keys(backup: Backup) -> list[str]:
    return sorted({item.name.split("/")[2] for item in backup.journal.objects("kind='key'")})
