"""The flow `status`: what of this host is overdue, failed or left over, every hour; Failed while something is."""

import time
from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from blocks import Repository, Source, load_block
from flows.cards import artifact_key, failure_told, leading, publish, told_within
from flows.host import claim, label
from flows.runs import named_by, this_run
from flows.status_card import render
from flows.telling import telling
from proofkeep.attempts import KnownEntry
from proofkeep.configuration import Configuration
from proofkeep.errors import ProofkeepError
from proofkeep.status import BrokenEntry, StatusReport
from proofkeep.status import forget as forget_what_is_gone

ATTENTION = "Attention"
_FORGOTTEN = "proofkeep.forgotten"


class WatchedEntry(BaseModel):
    """An entry that is to be listed before it was ever backed up."""

    model_config = ConfigDict(extra="forbid")

    entry: str = Field(description="Name of the inventory entry.")
    source: str = Field(description="Name of its Proofkeep Source block, which says its allowed age.")
    drilled_on: str | None = Field(
        default=None, description="Host that drills it instead of this one, whose status tells of its drills."
    )


@flow(name="status", flow_run_name=named_by("repository"), **telling())
def status(
    repository: str,
    entries: list[WatchedEntry] | None = None,
    drilled: list[str] | None = None,
    forget: str | None = None,
    forget_repository: str | None = None,
) -> State[Any]:
    """Show the age of each entry's last verified snapshot, its last drill, open failures, and what waits in spools.

    Failed with the name Attention while an entry is older than allowed, cannot be used, or has an open failure, or a
    verify or drill of a repository has one; the message names entries and codes and leads to the card. All entries
    that were ever backed up on this host are listed, and all that is open on it, whatever the repository.

    Args:
        repository: name of a Proofkeep Repository block; ages of its entries are asked of it.
        entries: those that have to be listed even if they never ran.
        drilled: names of entries that this host drills and others back up; only their drills are told here.
        forget: name of an entry of this repository that is backed up or drilled on this host no more: it is not listed
            again; what its runs found damaged in the repository stays open until it is found sound.
        forget_repository: where a repository lies that this host serves no more, as the card says it: its entries are
            not listed again, nor is what is open of it.
    """
    with failure_told("status", repository):
        claim(run := this_run())
        block = load_block(Repository, repository)
        configuration, now = block.configuration(), time.time_ns()
        _forget(configuration, run, entry=forget, repository=forget_repository)
        known, broken = _watched(block, entries or [])
        asked = configuration.status(block.session(), now_ns=now, entries=known, drilled=drilled or [])
        report = replace(_with_drill_hosts(asked, entries or []), broken=broken)
        key = artifact_key("status", repository)
        made = publish(render(repository, report, now), key, f"Status: {report.verdict}")
        return _state(report, leading(f"{report.verdict}.", key, made))


def _forget(configuration: Configuration, run: FlowRun, **gone: str | None) -> None:
    """A Retry does not ask again for what it would find gone: an earlier attempt forgot it."""
    for what, name in gone.items():
        if name and run.labels.get(f"{_FORGOTTEN}-{what}") != name:
            with configuration.history() as history:
                forget_what_is_gone(history, configuration.place, **{what: name})
            label(run, {f"{_FORGOTTEN}-{what}": name})


def _watched(block: Repository, entries: list[WatchedEntry]) -> tuple[list[KnownEntry], list[BrokenEntry]]:
    """The entries as they are configured, and those whose blocks cannot be used, which hide none of the others."""
    known, broken = [], []
    for entry in entries:
        try:
            known.append(_known(block, entry))
        except ProofkeepError as error:
            broken.append(BrokenEntry(entry.entry, error))
    return known, broken


def _known(block: Repository, entry: WatchedEntry) -> KnownEntry:
    configuration = block.configuration(entry=entry.entry, source=load_block(Source, entry.source))
    if configuration.known_entry is None:
        raise AssertionError(configuration.place)
    return configuration.known_entry


def _with_drill_hosts(report: StatusReport, watched: list[WatchedEntry]) -> StatusReport:
    """This host's history cannot know what others drill."""
    hosts = {(report.place, each.entry): each.drilled_on for each in watched}
    found = [replace(each, drilled_on=hosts.get((each.known.place, each.known.name))) for each in report.entries]
    return replace(report, entries=found)


def _state(report: StatusReport, attention: str) -> State[Any]:
    """How the run ends. Raises the error that kept the repository from being asked, if nothing else is wrong."""
    if report.reasons:
        told_within.add(this_run().id)
        return Failed(name=ATTENTION, message=attention)
    if report.unreachable is not None:
        raise report.unreachable
    return Completed(message=report.verdict)
