"""Proofkeep and restic on an S3 server on loopback, over TLS: the same server, a bucket for each."""

from pathlib import Path

from benchmarks.peers.contender import RESTORE, UNSYNCED, Command
from benchmarks.peers.proofkeep import Proofkeep
from benchmarks.peers.restic import Restic

_PACKS, _LEDGER, _RESTIC = "bench-packs", "bench-ledger", "bench-restic"


class ProofkeepOverS3(Proofkeep):
    """Packs in one bucket, the ledger in another."""

    settings = (
        "local: the defaults, passphrase on the restore key; s3: the same, 4 senders, TLS, packs verified in place"
    )
    steps = ("first", RESTORE, UNSYNCED, "restore-one")

    def make_places(self) -> None:
        """See `Proofkeep.make_places`."""
        for bucket in (_PACKS, _LEDGER):
            self.surroundings.empty_bucket(bucket)

    def places(self) -> str:
        """See `Proofkeep.places`."""
        server = self.surroundings.s3
        at = f'endpoint_url = "{server.url}"\nregion = "{server.region}"'
        return (
            f'[store]\nkind = "s3"\nbucket = "{_PACKS}"\n{at}\n\n[ledger]\nkind = "s3"\nbucket = "{_LEDGER}"\n{at}\n\n'
            f'[tls]\nca_file = "{server.ca_path}"'
        )

    def said(self, *arguments: str | Path) -> Command:
        """See `Proofkeep.said`."""
        command = super().said(*arguments)
        return Command(command.arguments, {**command.environment, **self.surroundings.s3_environment})

    def inputs(self) -> list[Path]:
        """The server has just written what it will read."""
        return []

    def stored(self) -> int | None:
        """Packs and ledger."""
        return self.surroundings.bucket_size(_PACKS) + self.surroundings.bucket_size(_LEDGER)


class ResticOverS3(Restic):
    """As many connections as ours may have; its own default is five."""

    steps = ("first", RESTORE, UNSYNCED, "restore-one")

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        self.surroundings.empty_bucket(_RESTIC)
        return super().prepare()

    def said(self, *arguments: str | Path, folder: Path | None = None) -> Command:
        """See `Restic.said`."""
        server = self.surroundings.s3
        command = super().said("--cacert", server.ca_path, "-o", "s3.connections=8", *arguments, folder=folder)
        place = {"RESTIC_REPOSITORY": f"s3:{server.url}/{_RESTIC}", **self.surroundings.s3_environment}
        return Command(command.arguments, {**command.environment, **place}, folder)

    def inputs(self) -> list[Path]:
        """The server has just written what it will read."""
        return []

    def stored(self) -> int | None:
        """All objects."""
        return self.surroundings.bucket_size(_RESTIC)
