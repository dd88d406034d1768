"""The flow `restore`: a snapshot, whole or by keyed file ids, into a directory of the host that runs it."""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect import flow

from blocks import KeyProvider, Repository, load_block
from flows.cards import Card, failure_told
from flows.host import claim
from flows.progress import RunProgress
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import in_thread, threads, watched
from proofkeep.configuration import Configuration, opened, remembering_damage
from proofkeep.damage import OnFound
from proofkeep.errors import TargetError, UsageError
from proofkeep.progress import counted, in_units
from proofkeep.restore import RestoreReport
from proofkeep.restore.files import Target
from proofkeep.snapshots import EVERYTHING, CommittedSnapshot, by_id, find_snapshot
from tasks.boundary import only_our_errors
from tasks.kinds import Receipt
from tasks.restore import Restoration, restore_snapshot

_ID = re.compile("[0-9a-f]{32}")
_OTHER_IDS = (
    "take what was restored. For the ids under the findings start a new run with another `target`, **Run** on its "
    "deployment: with the id of a snapshot that holds their files, or with the ids corrected; a Retry repeats those "
    "that this run has."
)


@flow(
    name="restore",
    flow_run_name=named_by("snapshot"),
    task_runner=threads(2),
    **telling(),
)
def restore(
    repository: str,
    target: str,
    snapshot: str = "latest",
    keys: str | None = None,
    file_ids: list[str] | None = None,
    devices: bool = False,  # noqa: FBT001, FBT002 - a flow's parameters are a form, passed by name
    entry: str | None = None,
    sync: bool = True,  # noqa: FBT001, FBT002 - as above
) -> Receipt:
    """Restore a snapshot; the run ends Failed when anything is not as the source had it, the rest is restored.

    Takes no path of a file: parameters are visible to everyone who may use this UI.

    Args:
        repository: name of a Proofkeep Repository block.
        target: directory on the host by its absolute path, absent or empty.
        snapshot: `latest`, or an id: `<run>.<generation>`, a run's newest by its id alone, or enough first digits.
        keys: name of a Proofkeep Key Provider block of the restore role; empty uses the repository's.
        file_ids: keyed ids of the files wanted, 32 hex digits each; empty wants everything.
        devices: whether device nodes are made too.
        entry: whose latest snapshot is meant; needed where the repository holds several entries.
        sync: whether the run waits until the disk has what was restored, before the directory gets its name.
    """
    with failure_told("restore", snapshot) as card:
        claim(run := this_run())
        wanted = _ids(file_ids or [])
        if not Path(target).is_absolute():  # it would lie in the worker's checkout
            raise TargetError("the restore target is no absolute path")
        block = load_block(Repository, repository)
        configuration = block.configuration(keys=load_block(KeyProvider, keys) if keys else None)
        place = configuration.open_target(Path(target), devices=devices, sync=sync)
        with remembering_damage(configuration, run.id.hex) as memory, only_our_errors("restore"):
            told = _restore(configuration, block.session(), place, (snapshot, entry), wanted, memory.find)
            report = msgspec.convert(told, RestoreReport)
            memory.tell(report)
        _say(card, report, target, synced=sync)
        report.require_intact()
    return told


def _restore(
    configuration: Configuration,
    session: Any,
    place: Target,
    which: tuple[str, str | None],
    wanted: Sequence[bytes],
    on_found: OnFound,
) -> Receipt:
    cancelled = threading.Event()
    progress = RunProgress("reading the manifest")
    with opened(configuration, session, unlocking=True, progress=progress) as repo:
        snapshot, entry = which
        found = find_snapshot(repo.repository, snapshot, entry=entry, progress=progress)
        restoration = Restoration(
            repo.repository,
            repo.chunks,
            repo.data_keys,
            found,
            place,
            by_id(wanted, repo.repository.keys.ids.path_id) if wanted else EVERYTHING,
            damage=repo.damage,
            on_found=on_found,
            cancelled=cancelled.is_set,
            progress=progress,
        )
        told: Receipt = watched(
            in_thread(restore_snapshot.submit(restoration)), lambda: _show(progress, found), cancelled
        )
    progress.finish(f"{counted(told['files'], 'file')} restored")
    return told


def _ids(spelled: Sequence[str]) -> list[bytes]:
    if not all(_ID.fullmatch(identity) for identity in spelled):
        raise UsageError("file ids have 32 hex digits each")
    return [bytes.fromhex(identity) for identity in spelled]


def _show(progress: RunProgress, snapshot: CommittedSnapshot) -> None:
    counts, total = progress.of("restore"), snapshot.facts.totals.get("bytes", 0)
    done = counts.get("bytes", 0)
    words = f"{counted(counts.get('files', 0), 'file')}, {in_units(done)} of {in_units(total)} restored and verified"
    progress.show(done / total if total else 0.0, words + progress.pace("restore", total_bytes=total))


def _say(card: Card, report: RestoreReport, target: str, *, synced: bool) -> None:
    rows = {
        "result": f"**{report.verdict}**",
        "snapshot": f"`{report.snapshot}`" + ("" if report.complete else ", incomplete when it was made"),
        "target": f"`{target}`",
        "files": f"{report.files:,}, {in_units(report.bytes)}",
        "on disk": "yes" if synced else "not waited for",
        "directories": f"{report.directories:,}",
        "other": f"{report.other:,}; {report.skipped:,} sockets and devices left out",
        "read from the store": in_units(report.read),
        "not set": f"{counted(report.owners_unset, 'owner')}, {counted(report.xattrs_unset, 'extended attribute')}",
    }
    card.say(f"Restore of {report.snapshot}", rows, report.findings, report.verdict)
    if report.astray:
        card.then = _OTHER_IDS
