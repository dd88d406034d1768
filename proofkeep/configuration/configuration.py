"""The whole configuration, and what a verb gets from it: stores, keys, source, state and identity."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from proofkeep.configuration import adapters
from proofkeep.configuration.duration import parse_duration
from proofkeep.configuration.entry_name import entry_to_back_up
from proofkeep.configuration.identity import host_name, lock_digest, service_identity, software
from proofkeep.configuration.sections import (
    BackupSettings,
    DrillSettings,
    KeySettings,
    KmsSettings,
    LocalPlace,
    Name,
    Place,
    SourceSettings,
    Text,
    TlsSettings,
)
from proofkeep.errors import TargetError, UsageError
from proofkeep.keys.uris import KeyMeans, host_secret_from_uri, key_provider_from_uri
from proofkeep.ports import HostSecret, KeyProvider, ObjectStore, Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState
from proofkeep.targets.directory import DirectoryTarget

if TYPE_CHECKING:
    from proofkeep.attempts import KnownEntry, Recording
    from proofkeep.backup import Identity, Options
    from proofkeep.backup.resume import Resumed
    from proofkeep.backup.retrying import Pause
    from proofkeep.drill.plan import Live, Places, Plan
    from proofkeep.history import History
    from proofkeep.pings import Pings
    from proofkeep.sources.directory import DirectorySource
    from proofkeep.status import StatusReport
    from proofkeep.unfinished import UnfinishedRun

_DAY_NS = 86_400 * 10**9


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One inventory entry on one host.

    `session`, where a method takes it, is a `botocore.session.Session` whose credentials are used instead of the
    ambient chain.

    Attributes:
        state: this host's state directory (spool, journals, catalog).
        store, ledger: where packs lie, and apart from them the ledger.
        host_secret: URI of the host secret (`proofkeep.keys.uris`).
        entry: name of the inventory entry; needed to back up.
        source: needed to back up.
        ping_url: https address of a monitor that is told of start, success and failure (`proofkeep.pings`).
    """

    state: Path
    store: Place
    ledger: Place
    host_secret: Text
    entry: Name | None = None
    keys: KeySettings = KeySettings()
    kms: KmsSettings = KmsSettings()
    tls: TlsSettings = TlsSettings()
    source: SourceSettings | None = None
    backup: BackupSettings = BackupSettings()
    drill: DrillSettings = DrillSettings()
    ping_url: Text | None = None

    def __post_init__(self) -> None:
        """Refuse an address before anything begins: later, a ping that fails ends nothing."""
        if self.ping_url is not None:
            from proofkeep.pings import require_address  # noqa: PLC0415 - most hosts do without

            require_address(self.ping_url)

    def pings(self) -> "Pings | None":
        """Where pings go. Raises `UsageError` for a TLS policy that cannot be used."""
        if self.ping_url is None:
            return None
        from proofkeep.pings import Pings  # noqa: PLC0415 - as above

        return Pings(self.ping_url, adapters.tls_policy(self.tls))

    def open_stores(self, session: Any = None, *, reading: bool = False) -> tuple[ObjectStore, ObjectStore]:
        """The stores of packs and of the ledger; `reading` as in `adapters.open_store`.

        Raises:
            UsageError, TlsPolicyError, StoreUnavailableError, StoreDeniedError: they cannot be had.
        """
        tls = adapters.tls_policy(self.tls)
        store = adapters.open_store(self.store, tls, session, reading=reading)
        beside = store if adapters.same_service(self.store, self.ledger) else None
        return store, adapters.open_store(self.ledger, tls, session, beside, reading=reading, holds="ledger")

    def connect(self, session: Any = None) -> Repository:
        """The repository; raises as `proofkeep.repository.connect.connect` and `open_stores`."""
        store, ledger = self.open_stores(session)
        return adapters.connect(store, ledger, self.open_host_secret(session))

    def open_host_secret(self, session: Any = None) -> HostSecret:
        """The host secret; nothing is read before its first use. Raises `UsageError`."""
        return host_secret_from_uri(self.host_secret, self._means(self.host_secret, session))

    def key_providers(self, session: Any = None) -> list[KeyProvider]:
        """One for each URI of `keys.providers`, in their order.

        Raises:
            UsageError: none is configured, or one is not a URI of its scheme.
            KeyAccessError: of the kind met.
        """
        if not self.keys.providers:
            raise UsageError("keys.providers is empty, no data key can be made or opened")
        return [key_provider_from_uri(uri, self._means(uri, session)) for uri in self.keys.providers]

    def open_source(self) -> "DirectorySource":
        """The source, without state directory, local store and local ledger wherever they lie in its tree.

        Raises:
            UsageError: no source is configured.
            PatternError: a pattern is malformed.
        """
        if self.source is None:
            raise UsageError("section source is missing, there is nothing to back up")
        return adapters.open_source(self.source, self.own_directories)

    @property
    def own_directories(self) -> list[Path]:
        """Directories of Proofkeep itself on this host: state, and store and ledger where they are local."""
        return [self.state, *(place.path for place in (self.store, self.ledger) if isinstance(place, LocalPlace))]

    def open_target(self, final: Path, *, devices: bool = False, sync: bool = True) -> DirectoryTarget:
        """A directory to restore into; nothing is touched yet.

        Raises:
            TargetError: it lies in one of our own directories, where plaintext must never be.
        """
        place = final.absolute().parent.resolve() / final.name
        if any(place.is_relative_to(own.resolve()) for own in self.own_directories):
            raise TargetError("the restore target lies in the repository's own directory")
        return adapters.open_target(final, devices=devices, sync=sync)

    def open_state(self, repository: Repository) -> RepositoryState:
        """What this host keeps for the repository; made at first use. Raises `UsageError`."""
        return adapters.open_state(self.state, repository.id)

    @property
    def place(self) -> str:
        """Where the repository lies, as this configuration says it; tells repositories apart that cannot be reached."""
        return adapters.place_of(self.store)

    @property
    def known_entry(self) -> "KnownEntry | None":
        """The entry with its allowed age; None where none is configured to be backed up."""
        if self.entry is None or self.source is None:
            return None
        return adapters.known_entry(self.place, self.entry, parse_duration(self.source.allowed_age))

    def history(self, *, briefly: bool = False) -> "History":
        """What this host remembers of attempts. Raises `UsageError`, and as `History`."""
        return adapters.open_history(self.state, briefly=briefly)

    @contextmanager
    def recorded(self, verb: str, entries: Sequence[str], run: str) -> Iterator["Recording"]:
        """Within, an attempt of a verb is under way: the history learns how it ends. Raises as `History.recording`."""
        with self.history() as history:
            known = self.known_entry
            if known is not None and known.name in entries:
                history.know(known)
            with history.recording(verb, self.place, entries, run) as recording:
                yield recording

    def resume(
        self, repository: Repository, state: RepositoryState, left: "UnfinishedRun", pause: "Pause | None", **how: Any
    ) -> "Resumed":
        """Send what an abandoned run left; raises as `proofkeep.backup.resume.resume`.

        Args:
            pause, how: as `resume` and `Backup` have them.
        """
        from proofkeep.attempts import BACKUP  # noqa: PLC0415 - as above
        from proofkeep.backup.adopt import LeftRun  # noqa: PLC0415 - a restore starts without loading the backup
        from proofkeep.backup.resume import resume  # noqa: PLC0415 - as above
        from proofkeep.configuration.remembering import options_to_resume  # noqa: PLC0415 - as above

        left.require_readable()
        identity = self.identity(bytes.fromhex(left.run), entry=left.name)
        options = options_to_resume(self)
        with ExitStack() as opened:
            recording = None
            if left.ended:  # else no snapshot can come of it, and its failure stays as open as it was
                recording = opened.enter_context(self.recorded(BACKUP, [identity.entry], left.run))
            run = opened.enter_context(LeftRun(repository, state, left, identity, options, **how))
            resumed = resume(run, pause)
            if recording is not None:
                recording.failure = resumed.failure or resumed.lacking
                recording.source_at = resumed.committed.source_at if resumed.committed else None
            return resumed

    def status(
        self,
        session: Any = None,
        *,
        now_ns: int,
        entries: "Sequence[KnownEntry]" = (),
        drilled: Sequence[str] = (),
        progress: Progress = silent,
    ) -> "StatusReport":
        """The status of this host's entries: those given, the configured one, and all that were ever backed up here.

        Args:
            drilled: entries of this repository that this host drills and others back up.

        Raises:
            StateError, StateDamagedError: the history cannot be read.
        """
        from proofkeep.status import look  # noqa: PLC0415 - a backup starts without loading it

        mine = [*entries, *([self.known_entry] if self.known_entry else [])]
        with self.history(briefly=True) as history:
            return look(self.state, history, mine, self.place, lambda: self.connect(session), now_ns, drilled, progress)

    def identity(self, run: bytes, *, entry: str | None = None, orchestrator: str | None = None) -> "Identity":
        """Who runs: this host, user and software.

        Args:
            run: 16 bytes.
            entry: inventory entry; None takes the configuration's, which has to have an entry's name.
            orchestrator: the Prefect flow run id.

        Raises:
            UsageError: no entry is named, or by what is no entry's name.
        """
        from proofkeep.backup import Identity  # noqa: PLC0415 - as above

        name = entry or entry_to_back_up(self.entry)  # what an earlier version began under another is sent still
        return Identity(run, name, host_name(), service_identity(), software(), lock_digest(), orchestrator)

    def options(self, *, now_ns: int, allow_empty: bool = False, known_ahead: Sequence[str] = ()) -> "Options":
        """Knobs of a run that starts now; `allow_empty` and `known_ahead` may also be granted for this run alone."""
        from proofkeep.backup import Options  # noqa: PLC0415 - as above

        knobs = self.backup
        return Options(
            level=knobs.level,
            workers=knobs.workers,
            self_check=knobs.self_check,
            spool_limit=knobs.spool_limit,
            pack_size=knobs.pack_size,
            senders=knobs.senders,
            allow_empty=knobs.allow_empty or allow_empty,
            expires_ns=None if knobs.expiry_days is None else now_ns + knobs.expiry_days * _DAY_NS,
            known_ahead=(*knobs.known_ahead, *known_ahead),
        )

    def drill_plan(self, identity: str, *, entries: Sequence[str] = (), surprise: bool = False) -> "Plan":
        """A drill with this id; the rest as configured. `Plan.check` has yet to find it possible."""
        from proofkeep.drill.plan import Plan  # noqa: PLC0415 - a backup starts without loading the drill

        knobs = self.drill
        return Plan(
            identity,
            tuple(entries),
            type="surprise" if surprise else "scheduled",
            per_stratum=knobs.per_stratum,
            every_snapshot=knobs.every_snapshot,
            largest=knobs.largest,
            rto_seconds=knobs.rto_seconds,
            rpo_seconds=knobs.rpo_seconds,
        )

    def drill_places(self) -> "Places":
        """Where a drill works on this host; it destroys what it restores, so no disk needs to have it."""
        from proofkeep.drill.plan import SHARED_MEMORY, Places  # noqa: PLC0415 - as above

        evidence, sealed = self.drill.evidence or self.state / "evidence", self.drill.sealed or self.state / "scratch"
        return Places(evidence, partial(adapters.open_target, sync=False), self.drill.tmpfs or SHARED_MEMORY, sealed)

    def live(self, state: RepositoryState) -> "Live | None":
        """This host's source for a drill's spot-check; None where no source or entry is configured."""
        if self.source is None or self.entry is None:
            return None
        from proofkeep.drill.plan import Live  # noqa: PLC0415 - as above

        return Live(self.open_source(), state, self.entry)

    def _means(self, uri: str, session: Any) -> KeyMeans:
        return adapters.key_means(uri, self.keys, self.kms, adapters.tls_policy(self.tls), session)
