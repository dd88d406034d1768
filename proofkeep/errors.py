"""Every error an operator can meet, in one tree.

Each class has a stable `code`, names the `cause` in a few words, says whether repeating the very step may help
(`retryable`), and carries a `hint` addressed to the operator; docs/on-call/codes/ has a page for each code.
Messages are lower case, name the object's id and hold no secret and no file name.
Adapters translate every foreign error into this tree.

ProofkeepError
├── UsageError
│   ├── PolicyError
│   ├── PatternError
│   ├── InventoryError
│   ├── UnsupportedVersionError
│   ├── RepositoryExistsError
│   ├── RepositoryMissingError
│   ├── LedgerMissingError
│   ├── LedgerPlacementError
│   ├── SnapshotMissingError
│   └── ClockError
│       └── LedgerAheadError
├── SourceError
│   ├── SourceChangedError
│   ├── SourceEmptyError
│   ├── SourceProcessGoneError
│   └── SourceUnavailableError
├── StoreError
│   ├── ObjectMissingError
│   ├── ObjectExistsError
│   ├── StoreDeniedError
│   ├── StoreCredentialsError
│   ├── DigestRefusedError
│   ├── StoreFullError
│   └── StoreUnavailableError
├── TransportError
│   ├── TlsPolicyError
│   ├── PeerIdentityError
│   ├── ServerUnavailableError
│   └── TransferFailedError
├── KeyAccessError
│   ├── KeyMissingError
│   ├── KeyCredentialsError
│   ├── KeyDeniedError
│   ├── KeyRevokedError
│   ├── KeyMismatchError
│   └── KeyServiceUnavailableError
├── IntegrityError
│   ├── MalformedError
│   ├── AuthenticationError
│   ├── TruncatedError
│   ├── ObjectUnreadableError
│   ├── SelfCheckError
│   ├── PackMissingError
│   ├── PackRetiredError
│   ├── RollbackError
│   └── LedgerMismatchError
├── RestoreError
│   ├── RestoreProcessGoneError
│   ├── TargetError
│   ├── TargetFullError
│   └── UnsafePathError
└── PipelineError
    ├── CancelledError
    ├── DamagedError
    ├── DrillFailedError
    ├── EntriesFailedError
    ├── NotProvenError
    ├── PartialSnapshotError
    ├── RunAbandonedError
    ├── StreamEndedEarlyError
    ├── SpoolFullError
    │   └── StateFullError
    ├── StateError
    │   ├── StateDamagedError
    │   └── StateOwnerError
    ├── JournalBusyError
    ├── LedgerBusyError
    ├── OutputError
    ├── WrongHostError
    ├── EntryMovedError
    ├── ProcessGoneError
    ├── HostLostError
    └── UnexpectedError
"""

from collections.abc import Iterator
from typing import ClassVar


class ProofkeepError(Exception):
    """Root of the tree; `str(error)` is safe to log and to show in Prefect."""

    code: ClassVar[str] = "proofkeep-error"
    cause: ClassVar[str] = "failure without a code of its own"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = "Read the message; if it does not say enough, report the code and the run id."


class UsageError(ProofkeepError):
    """What was asked for cannot be done as asked."""

    code = "usage"
    cause = "wrong command, block or configuration"
    hint = "Correct the command, block or configuration named in the message."


class PolicyError(UsageError):
    """A rule of this repository or of its configuration forbids it."""

    code = "policy"
    cause = "forbidden by a rule"
    hint = "A rule forbids it: change what the message names. What is stored was not touched."


class PatternError(UsageError):
    """An include or exclude pattern cannot be understood."""

    code = "pattern-malformed"
    cause = "malformed pattern"
    hint = "Patterns are globs relative to the source's root, such as 'logs/**' or '*.tmp'."


class InventoryError(UsageError):
    """The inventory cannot be read, or says something that cannot be."""

    code = "inventory"
    cause = "wrong inventory"
    hint = (
        "Correct the line that the message names, or make the block that it lacks (`make blocks`); "
        "docs/platform-engineer/inventory.md describes every field."
    )


class UnsupportedVersionError(UsageError):
    """The repository or object has a format version this software does not know."""

    code = "version-unsupported"
    cause = "unknown format version"
    hint = "Upgrade Proofkeep; a reader never guesses at a newer format."


class RepositoryExistsError(UsageError):
    """`init` found a repository where it was to create one."""

    code = "repository-exists"
    cause = "repository there already"
    hint = "Choose an empty bucket, prefix or directory; nothing that exists was touched."


class RepositoryMissingError(UsageError):
    """No repository lies where the configuration points."""

    code = "repository-missing"
    cause = "no repository there"
    hint = "Check bucket, prefix or directory, or run `proofkeep init` first."


class LedgerMissingError(UsageError):
    """The repository exists but its ledger does not."""

    code = "ledger-missing"
    cause = "no ledger there"
    hint = "Check where the ledger is configured to be; without it nothing is written or called verified."


class LedgerPlacementError(UsageError):
    """The ledger would lie in the same place as the packs it vouches for."""

    code = "ledger-placement"
    cause = "ledger not apart from the packs"
    hint = "Give the ledger another bucket or another directory tree than the packs."


class SnapshotMissingError(UsageError):
    """No committed snapshot has that id."""

    code = "snapshot-missing"
    cause = "no such snapshot"
    hint = "List what is committed with `proofkeep snapshots`."


class ClockError(UsageError):
    """This host's clock disagrees with the store or the key service."""

    code = "clock-skewed"
    cause = "wrong clock"
    hint = "Set the host's clock (NTP) and run again; nothing was written."


class LedgerAheadError(ClockError):
    """The newest entry of a writer's ledger is from this host's future."""

    code = "ledger-ahead"
    cause = "ledger from the future"
    hint = "If this host's clock is wrong, set it. If it is right, back up once with that entry as `known_ahead`."


class SourceError(ProofkeepError):
    """The source could not be read as it was."""

    code = "source"
    cause = "unreadable source"
    hint = "Look at the source on its host; nothing that was stored before is affected."


class SourceChangedError(SourceError):
    """A file kept changing while it was read."""

    code = "source-changed"
    cause = "changed source"
    hint = "Freeze the source (a filesystem snapshot) or back it up when it is quiet."


class SourceEmptyError(SourceError):
    """The source holds nothing, and nothing is not what was configured."""

    code = "source-empty"
    cause = "empty source"
    hint = "Check that the source is mounted; allow an empty source explicitly if it is meant."


class SourceProcessGoneError(SourceError):
    """The process that walks a source ahead of its backup is gone: killed, or out of memory."""

    code = "source-process-gone"
    cause = "killed process of a backup"
    retryable = True
    hint = "Back up again. If it happens again, the kernel's log says whether memory ran out: give the host more."


class SourceUnavailableError(SourceError):
    """The source cannot be reached now."""

    code = "source-unavailable"
    cause = "unavailable source"
    retryable = True
    hint = "Check the mount and its permissions on the source's host, then retry."


class StoreError(ProofkeepError):
    """An object store refused or failed."""

    code = "store"
    cause = "refusing store"
    hint = "Look at the object store; sealed packs wait in the spool."


class ObjectMissingError(StoreError):
    """An object that must exist does not."""

    code = "object-missing"
    cause = "missing object"
    hint = "Run `proofkeep verify`; if packs are gone, the next backup sends their chunks again."


class ObjectExistsError(StoreError):
    """A create-only write met an object of that name."""

    code = "object-exists"
    cause = "name already taken"
    hint = "Names are never reused; two state directories may claim the same writer id."


class StoreDeniedError(StoreError):
    """The store knows who asks and says no."""

    code = "store-denied"
    cause = "denied by the store"
    hint = "Check the role's policy on this bucket or the directory's permissions."


class StoreCredentialsError(StoreError):
    """Credentials are absent, wrong or expired."""

    code = "store-credentials"
    cause = "refused or expired store credentials"
    hint = "Renew the credentials of this host's role, then press Retry; sealed packs wait in the spool."


class DigestRefusedError(StoreError):
    """The store computed another digest than the one sent with the object."""

    code = "digest-refused"
    cause = "bytes changed on the way"
    retryable = True
    hint = "Bytes changed on the way; if it repeats, suspect memory or the network path."


class StoreFullError(StoreError):
    """The store has no room left."""

    code = "store-full"
    cause = "full store"
    hint = "Make room or raise the quota, then press Retry; sealed packs wait in the spool."


class StoreUnavailableError(StoreError):
    """The store cannot be reached or answers that it is overloaded."""

    code = "store-unavailable"
    cause = "unreachable or overloaded store"
    retryable = True
    hint = "Check the network and the store; press Retry when it is back, sealed packs wait in the spool."


class TransportError(ProofkeepError):
    """A connection could not be made or kept as the policy demands."""

    code = "transport"
    cause = "failed connection"
    hint = "Look at the network path and at both ends' TLS settings."


class TlsPolicyError(TransportError):
    """The peer offers no TLS version or cipher that the policy allows."""

    code = "tls-policy"
    cause = "refused TLS version or cipher"
    hint = "The server must offer TLS 1.2 or newer with ECDHE and AES-GCM; the policy is never relaxed."


class PeerIdentityError(TransportError):
    """The peer's certificate is not the one expected, or ours was refused."""

    code = "peer-identity"
    cause = "refused certificate"
    hint = "Check certificate expiry, host name, CA file and client certificate."


class ServerUnavailableError(TransportError):
    """The Prefect server did not answer a run or a command for as long as it waits.

    Attributes:
        gave_up_ns: when who asked gave up, by its clock; None where no run did.
    """

    code = "server-unavailable"
    cause = "unreachable prefect server"
    retryable = True
    hint = (
        "Check the Prefect server, its PostgreSQL and the way to it. Then press Retry, or run the command again; what "
        "was sealed and sent is kept, and runs under way go on meanwhile."
    )
    gave_up_ns: int | None = None


class TransferFailedError(TransportError):
    """A transfer broke off."""

    code = "transfer-failed"
    cause = "broken transfer"
    retryable = True
    hint = "Press Retry: only what has not arrived is sent again."


class KeyAccessError(ProofkeepError):
    """A key could not be used."""

    code = "key-access"
    cause = "unusable key"
    hint = "Look at the key service and at the role's key policy."


class KeyMissingError(KeyAccessError):
    """A key, host secret or wrapped key is not where it must be."""

    code = "key-missing"
    cause = "missing key"
    hint = "Check the key URI; a host that was never enrolled runs `proofkeep enrol` first."


class KeyCredentialsError(KeyAccessError):
    """Credentials for the key service are absent, wrong or expired."""

    code = "key-credentials"
    cause = "refused or expired key service credentials"
    hint = "Renew the credentials of this host's role, then press Retry; nothing was sealed without a key."


class KeyDeniedError(KeyAccessError):
    """This role may not use the key in this way."""

    code = "key-denied"
    cause = "denied key"
    hint = (
        "Give the role its right to the key back and press Retry; "
        "by design backup hosts may not unwrap, and restore and drill need the restore role."
    )


class KeyRevokedError(KeyAccessError):
    """The key is disabled or scheduled for deletion."""

    code = "key-revoked"
    cause = "disabled key"
    hint = "The key administrator disabled this key; cancel its deletion if that was not meant."


class KeyMismatchError(KeyAccessError):
    """The key or its context is not the one the data was wrapped under."""

    code = "key-mismatch"
    cause = "wrong key"
    hint = "Check key URI, passphrase and repository; a tampered wrapped key also ends here."


class KeyServiceUnavailableError(KeyAccessError):
    """The key service cannot be reached now."""

    code = "key-service-unavailable"
    cause = "unreachable key service"
    retryable = True
    hint = "Check the network and the key service, then retry; nothing was sealed without a key."


class IntegrityError(ProofkeepError):
    """Stored bytes are not what was written."""

    code = "integrity"
    cause = "damaged data"
    hint = "Keep everything as it is, run `proofkeep verify`, and open an incident."


class MalformedError(IntegrityError):
    """Bytes do not follow the format."""

    code = "malformed"
    cause = "malformed bytes"
    hint = "The object was not written by Proofkeep or was damaged; run `proofkeep verify`."


class AuthenticationError(IntegrityError):
    """Bytes do not open under their key and context."""

    code = "authentication"
    cause = "altered or foreign bytes"
    hint = "The object was altered, swapped, or belongs to another key or repository."


class TruncatedError(IntegrityError):
    """An object is shorter or longer than it must be."""

    code = "truncated"
    cause = "cut or extended object"
    hint = "The object was cut or extended in the store; run `proofkeep verify`."


class ObjectUnreadableError(IntegrityError):
    """The store holds an object and cannot give its bytes, though it answers for others."""

    code = "object-unreadable"
    cause = "unreadable object"
    hint = "Look at the store's disks and at this object's permissions; everything else was gone on with."


class SelfCheckError(IntegrityError):
    """A frame just sealed does not open to what went in."""

    code = "self-check"
    cause = "failed self-check, faulty memory or CPU"
    hint = "Suspect this host's memory or CPU; nothing of this pack was sent."


class PackMissingError(IntegrityError):
    """A pack that the snapshot needs is not in the store."""

    code = "pack-missing"
    cause = "missing pack"
    hint = "Nothing was committed; run the backup again, it sends the missing chunks."


class PackRetiredError(IntegrityError):
    """A pack that the snapshot needs was retired meanwhile."""

    code = "pack-retired"
    cause = "retired pack"
    hint = "Press Retry, or run the backup again: the missing chunks are read and sent again."


class RollbackError(IntegrityError):
    """The store or ledger shows an older state than one already seen."""

    code = "rollback"
    cause = "older state put back"
    hint = "Somebody put back an older state; compare with the remembered head and open an incident."


class LedgerMismatchError(IntegrityError):
    """The ledger contradicts itself or the store."""

    code = "ledger-mismatch"
    cause = "contradicting ledger"
    hint = "Keep store and ledger as they are, run `proofkeep verify`, and open an incident."


class RestoreError(ProofkeepError):
    """A restore could not place what it opened."""

    code = "restore"
    cause = "failed restore"
    hint = "Look at the restore target; the repository is unaffected."


class RestoreProcessGoneError(RestoreError):
    """A process that a restore has beside it is gone: killed, or out of memory."""

    code = "restore-process-gone"
    cause = "killed process of a restore"
    retryable = True
    hint = "Restore again. If it happens again, the kernel's log says whether memory ran out: give the host more."


class TargetError(RestoreError):
    """The restore target cannot take files."""

    code = "target"
    cause = "unusable restore target"
    hint = "Choose an empty directory on a filesystem that this user may write to; a Retry repeats the same one."


class TargetFullError(RestoreError):
    """The restore target's disk is full."""

    code = "target-full"
    cause = "full restore target"
    hint = "Make room at the target and restore again; nothing half-written was named."


class UnsafePathError(RestoreError):
    """A manifest names a place outside the restore target."""

    code = "unsafe-path"
    cause = "hostile manifest"
    hint = "The manifest is hostile or damaged; nothing outside the target was touched."


class PipelineError(ProofkeepError):
    """A run could not go on."""

    code = "pipeline"
    cause = "stopped run"
    hint = "Press Retry; what was sealed and sent is kept."


class CancelledError(PipelineError):
    """Somebody cancelled the run."""

    code = "cancelled"
    cause = "cancelled run"
    hint = "Press Retry to go on from what was sealed, or run the entry again."


class DamagedError(PipelineError):
    """A verify or restore ended with findings."""

    code = "damaged"
    cause = "findings of a verify or restore"
    hint = "Read the findings; everything that could be proven or restored was."


class DrillFailedError(PipelineError):
    """A restore drill did not prove what it set out to prove."""

    code = "drill-failed"
    cause = "failed drill"
    hint = "Read the drill's findings and open a corrective action; nothing in the repository was changed."

    def __init__(self, message: str, met: ProofkeepError | None = None) -> None:
        """`met` is the one kind of error that kept its steps from their end: its words are told in place of ours."""
        super().__init__(message)
        self.met = met
        if met is not None:  # beside the class's own, which stay what they are
            vars(self).update(code=met.code, cause=met.cause, retryable=met.retryable, hint=met.hint)


class EntriesFailedError(PipelineError):
    """Entries that a fleet run started were not backed up."""

    code = "entries-failed"
    cause = "failed entries of a fleet run"
    hint = "Open the run of each entry named, whose card says what to do. Retry here starts only those again."


class NotProvenError(PipelineError):
    """A verify found nothing wrong, and would not have noticed an older state put back."""

    code = "not-proven"
    cause = "freshness that nobody can prove"
    hint = "Compare the heads on the card with those of a commit's card, then press Retry: this host remembers them."


class PartialSnapshotError(PipelineError):
    """The snapshot was committed, but something named could not be read."""

    code = "partial-snapshot"
    cause = "incomplete snapshot"
    hint = "List the unread files with the CLI on the source's host, mend them, and press Retry on the backup run."


class RunAbandonedError(PipelineError):
    """Somebody gave up what this run had sealed."""

    code = "run-abandoned"
    cause = "abandoned run"
    hint = "Run the entry again: the source is read anew, and what had arrived in the store is not sent again."


class StreamEndedEarlyError(PipelineError):
    """A stage's input stopped without its end-of-stream record."""

    code = "stream-ended-early"
    cause = "stream without its end"
    hint = "Nothing was committed; press Retry."


class SpoolFullError(PipelineError):
    """The spool has no room and nothing leaves it."""

    code = "spool-full"
    cause = "full spool"
    hint = (
        "Mend the transfers that wait in the spool or make room on its disk, then press Retry; "
        "a larger limit takes a new run."
    )


class StateFullError(SpoolFullError):
    """The disk of this host's state directory is full, beside the spool, or that of temporary files."""

    code = "state-full"
    cause = "full disk under the state directory or temporary files"
    hint = (
        "Make room on the disk of the state directory, or of temporary files if the message names these, then run "
        "again; nothing that was sealed or sent is lost."
    )


class StateError(PipelineError):
    """This host's state directory cannot be used as it is."""

    code = "state"
    cause = "unusable state directory"
    hint = (
        "Check its disk, room and permissions, then press Retry; move away what is malformed: a later run does without."
    )


class StateDamagedError(StateError):
    """A database of this host's state directory does not hold what was written to it."""

    code = "state-damaged"
    cause = "damaged state directory"
    hint = (
        "Run again: a damaged catalog was removed and is learned anew from the repository. Is it a journal, begin "
        "another run. What is committed is unaffected; look at the state directory's disk."
    )


class StateOwnerError(StateError):
    """This host's state directory belongs to another user, whom files made there by this one would lock out."""

    code = "state-owner"
    cause = "state directory of another user"
    hint = (
        "Run it as the user that the directory belongs to, as /usr/local/bin/proofkeep of an installation does; "
        "nothing was written."
    )


class JournalBusyError(PipelineError):
    """Another process on this host works on the same run or database."""

    code = "journal-busy"
    cause = "journal in use"
    hint = "Wait for the other process of this run to end, or stop it."


class LedgerBusyError(PipelineError):
    """Another process on this host is in the middle of a commit, and does not come to its end."""

    code = "ledger-busy"
    cause = "ledger in use"
    retryable = True
    hint = (
        "Look at the process that the message names: let it go on, or end it, which is safe. Then press Retry; what "
        "was sealed and sent is kept."
    )


class OutputError(PipelineError):
    """A command's result could not be written to standard output."""

    code = "output"
    cause = "unwritable result"
    hint = (
        "The command itself came to its end: make room where its standard output leads, and ask for the result again."
    )


class WrongHostError(PipelineError):
    """This run's journal and spool lie on another host."""

    code = "wrong-host"
    cause = "wrong host"
    hint = "What waits lies on the host named in the message: send it there, or let its worker alone poll this queue."


class EntryMovedError(PipelineError):
    """Another host backs the entry up by now, and this run would have read its source on the one that did before."""

    code = "entry-moved"
    cause = "entry of another host"
    hint = "Nothing was read. Send what this run had sealed before, or give it up; a new run backs the entry up."


class ProcessGoneError(PipelineError):
    """The process that worked on the run is gone: killed, out of memory, or its host lost power."""

    code = "process-gone"
    cause = "killed process"
    hint = "Press Retry on the host that holds the journal: what was sealed and sent is kept."


class HostLostError(PipelineError):
    """The host that worked on the run is lost, as somebody has stated."""

    code = "host-lost"
    cause = "lost host"
    hint = "Give its entries to another host: what waited in its spool is lost unless its disk comes back."


class UnexpectedError(PipelineError):
    """Something happened that no code stands for: a fault of Proofkeep, or of what it stands on."""

    code = "unexpected"
    cause = "unknown, no cause could be told"
    hint = "Press Retry once; if it comes again, report the message with its place in the code and the run id."


def kinds(root: type[ProofkeepError] = ProofkeepError) -> Iterator[type[ProofkeepError]]:
    """Every class below the root, in the order it is written; the root itself is never raised."""
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield child
            yield from kinds(child)


def error_of(code: str, message: str) -> ProofkeepError:
    """The error again of which code and message were kept; of the root where no class has that code any more."""
    return next((kind for kind in kinds() if kind.code == code), ProofkeepError)(message)


REFUSED = (IntegrityError, UnsupportedVersionError)
"""Why one stored object is passed over. The descriptor's version is the repository's: there, an object of another
version is damage, and neither it nor any other refused object may stop what does not need it."""

LOST = (*REFUSED, ObjectMissingError, KeyMissingError, KeyMismatchError, KeyDeniedError, KeyRevokedError)
"""Why content cannot be had although its neighbours may: its pack, or its data key, is gone or does not hold."""
