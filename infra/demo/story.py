"""The demo from the first server to the last claim, in the order a person sees it.

Importing this imports Prefect: `surroundings.enter` comes first.
"""

import os
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from prefect.flows import Flow
from prefect.settings import get_current_settings

from flows import logs
from flows.backup import backup
from flows.drill import restore_drill
from flows.drill_options import DrillOptions, LiveSource
from flows.progress import watchers
from flows.restore import restore
from flows.verify import verify
from infra.demo import cloud, tree
from infra.demo.comparison import Comparison, compare
from infra.demo.evidence import read_evidence
from infra.demo.failure import DemoError, FlowFailedError
from infra.demo.ground import Ground, remove
from infra.demo.origin import Origin
from infra.demo.outcome import BackupSeen, Outcome
from infra.demo.registration import NAME, initialise, register, register_source
from infra.demo.runs import Run, recorded, run
from infra.demo.screen import Screen
from infra.demo.supervision import Supervision
from infra.demo.supervisor import AWS, PREFECT
from infra.demo.surroundings import add
from infra.demo.ui import remember
from infra.demo.witness import certificate_digest, hear
from proofkeep.configuration import Configuration


@dataclass
class Story:
    """One telling."""

    screen: Screen
    ground: Ground
    origin: Origin
    servers: Supervision
    _runs: list[Run] = field(default_factory=list)
    _ui: str = ""

    def tell(self, began: float) -> Outcome:
        """Run all of it.

        Args:
            began: `time.monotonic()` when the person pressed return.

        Raises:
            DemoError: a server did not start or a flow did not complete.
            ProofkeepError: the repository could not be made or its ledger not be read.
        """
        logs.configure()
        self._make_source()
        place = self._start_cloud()
        self._start_prefect()
        configuration = self._make_repository(place)
        first = self._back_up("backup", place, self.origin.left_out)
        change = self.origin.change()
        since_ns = time.time_ns()
        second = self._back_up("backup again", place, ())
        ui = remember(self.ground, self._ui, self._runs[-1].id)
        with self.screen.step("read the ledger") as step:
            vouched = hear(configuration)
            step.note = f"{vouched.objects} objects vouched for"
        head = second.receipt["head"]
        verified = self._run("verify", verify, NAME, read=1.0, expect_heads=[head])
        restored = self._run("restore", restore, NAME, str(self.ground.restored), second.receipt["snapshot"])
        comparison = self._compare(since_ns)
        drill = f"demo-{uuid4().hex[:12]}"
        drilled = self._run(
            "restore drill",
            restore_drill,
            NAME,
            live=[LiveSource(entry=NAME, source=NAME)],
            drill=drill,
            options=DrillOptions(evidence=self.ground.evidence),
        )
        with self.screen.step("ask Prefect what it saw") as step:
            seen = recorded(self._runs)
            step.note = f"{sum(len(each.tasks) for each in seen)} task runs in {len(seen)} flow runs"
        return Outcome(
            origin=self.origin,
            change=change,
            cloud=place,
            certificate=certificate_digest(self.ground.ca / "server.pem"),
            first=first,
            second=second,
            vouched=vouched,
            verified=verified.result,
            restored=restored.result,
            comparison=comparison,
            drilled=drilled.result,
            evidence=read_evidence(self.ground.evidence / drill),
            recorded=seen,
            ui=ui,
            seconds=time.monotonic() - began,
        )

    def _make_source(self) -> None:
        if self.origin.generated:
            with self.screen.step("make a tree") as step:
                tree.generate(self.ground.source)
                step.note = str(self.ground.source)

    def _start_cloud(self) -> cloud.Cloud:
        with self.screen.step("start S3 and KMS") as step:
            facts = self.servers.facts(AWS)
            add(facts["environment"])
            place = cloud.furnish(facts)
            step.note = place.url
        return place

    def _start_prefect(self) -> None:
        with self.screen.step("start Prefect") as step:
            self._ui = self.servers.facts(PREFECT)["url"]
            if get_current_settings().api.url != f"{self._ui}/api":
                raise DemoError("prefect was imported before its server was known, and would start one of its own")
            remember(self.ground, self._ui)
            step.note = self._ui

    def _make_repository(self, place: cloud.Cloud) -> Configuration:
        with self.screen.step("make the repository") as step:
            configuration = register(place, self.ground)
            step.note = initialise(configuration).hex()
        return configuration

    def _back_up(self, title: str, place: cloud.Cloud, left_out: tuple[str, ...]) -> BackupSeen:
        register_source(self.origin, left_out)
        done = self._run(title, backup, NAME, NAME, NAME, total=self.origin.measure())
        return BackupSeen(done.result, cloud.stored_packs(place), done.seconds)

    def _run(self, title: str, flow: Flow[..., Any], *arguments: Any, total: int | None = None, **options: Any) -> Run:
        with self.screen.step(title, total=total) as step:
            watchers.append(step)
            try:
                done = run(flow, *arguments, **options)
            except FlowFailedError as failed:
                remember(self.ground, self._ui, failed.run)
                raise
            finally:
                watchers.remove(step)
        self._runs.append(done)
        return done

    def _compare(self, since_ns: int) -> Comparison:
        with self.screen.step("compare with the source") as step:
            trees = os.fsencode(self.origin.root), os.fsencode(self.ground.restored)
            found = compare(*trees, since_ns=since_ns, ignored=self.origin.ignored)
            step("compare", files=found.files, bytes=found.bytes)
        if found.identical and not self.origin.generated:
            remove(self.ground.restored)  # a second plain copy of somebody's files is not ours to keep
        return found
