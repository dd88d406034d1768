"""Vectors that need a whole repository, by the engine over two local directories."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from botocore.stub import Stubber
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofkeep import canonical
from proofkeep import ledger as ledgers
from proofkeep.catalog import Catalog
from proofkeep.catalog.refresh import refresh
from proofkeep.crypto.host_keys import EpochKeys, HostKeys, IdKeys
from proofkeep.errors import ProofkeepError
from proofkeep.format import manifest, names
from proofkeep.format.record import Root, Roots, SourceFacts
from proofkeep.keys import enrolment
from proofkeep.keys.kms import KmsProvider
from proofkeep.keys.kms_service import KmsAccess
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.keys.recipients import accept_private_key
from proofkeep.ledger import Head
from proofkeep.model import Finding, WrappedKey
from proofkeep.repository import Repository
from proofkeep.repository.connect import connect
from proofkeep.repository.recovery import recover as engine_recover
from proofkeep.repository.retirement import read_retired
from proofkeep.restore import restore as engine_restore
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot, list_snapshots, walk_manifest
from proofkeep.stores.local import LocalStore
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.tls import TlsPolicy
from tests.vectors.loading import data, objects
from tests.vectors.restored import tree
from tests.vectors.secret import Secret

Inputs = Mapping[str, Any]
NO_KEYS = IdKeys(1, bytes(32), bytes(32), bytes(32), 0)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def filled(path: Path, content: Mapping[str, bytes]) -> LocalStore:
    """A local store that holds these objects, put there behind its back."""
    for name, body in content.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    path.mkdir(exist_ok=True)
    return LocalStore(path)


@contextmanager
def connected(inputs: Inputs) -> Iterator[tuple[Repository, Path]]:
    with folder() as path:
        store, ledger = (
            filled(path / "store", objects(inputs["store"])),
            filled(path / "ledger", objects(inputs["ledger"])),
        )
        yield connect(store, ledger, Secret(data(inputs["secret"]))), path


@contextmanager
def catalogued(inputs: Inputs) -> Iterator[tuple[Repository, Catalog, Path]]:
    with connected(inputs) as (repository, path):
        catalog = Catalog(path / "catalog")
        try:
            refresh(repository, catalog, {})
            yield repository, catalog, path
        finally:
            catalog.close()


def loose(
    path: Path, store: Mapping[str, bytes], ledger: Mapping[str, bytes], inputs: Inputs, **members: Any
) -> Repository:
    """A repository of loose objects without a descriptor, under the keys that a vector names."""
    index, mac = (data(inputs[name]) if name in inputs else bytes(32) for name in ("index_key", "ledger_key"))
    place = data(inputs["repository"])
    keys = HostKeys(place, {1: EpochKeys(1, index, mac)}, 1, NO_KEYS, bytes(32))
    descriptor = type("Loose", (), {"repository": place, "retention_key": None, **members})()
    return Repository(filled(path / "store", store), filled(path / "ledger", ledger), descriptor, keys)


def descriptor(inputs: Inputs) -> Any:
    with connected(inputs) as (repository, _):
        return {"repository": repository.id}


def catalog(inputs: Inputs) -> Any:
    with catalogued(inputs) as (_, known, _):
        return {"packs": sorted(pack.name for _, pack, _ in known.pack_sizes())}


def locks(inputs: Inputs) -> Any:
    with catalogued(inputs) as (_, known, _):
        rows = known._rows("SELECT writer, data_key, counter, retain_until FROM packs")
        return {"until": {names.PackId(*row[:3]).name: row[3] for row in rows}}


def offered(inputs: Inputs) -> Any:
    with folder() as path:
        found, findings = list_snapshots(loose(path, objects(inputs["records"]), {}, inputs))
    assert not findings
    return {"records": [snapshot.id.name for snapshot in found]}


def ledger(inputs: Inputs) -> Any:
    writer = data(inputs["writer"])
    with folder() as path:
        repository = loose(path, {}, objects(inputs["entries"]), inputs)
        heads = [Head(seen[0], bytes.fromhex(seen[1])) for seen in (inputs["remembered"], inputs["record"]) if seen]
        for head in heads:
            ledgers.require_heads(repository, {writer: head})
        *_, (_, last) = ledgers.read_chain(repository, writer)
    freshness = "proven" if inputs["remembered"] else "not-provable"
    return {"head": [last.sequence, last.sha256], "freshness": freshness}


def retired(inputs: Inputs) -> Any:
    with folder() as path:
        key = data(inputs["retention_key"]) if inputs["retention_key"] else None
        packs, findings = read_retired(loose(path, objects(inputs["store"]), {}, inputs, retention_key=key))
    rows = [[pack.writer, pack.data_key, pack.counter] for pack in sorted(packs)]
    return {"retired": rows, "ignored": [finding.subject for finding in findings]}


def data_keys(inputs: Inputs, repository: Repository) -> DataKeys:
    private = accept_private_key(load_pem_private_key(inputs["private_key"].encode(), None))
    return DataKeys(repository, [LocalKeyProvider(private.public_key(), lambda: private)])


def data_key(inputs: Inputs) -> Any:
    with connected(inputs) as (repository, _):
        return {"key": data_keys(inputs, repository)(data(inputs["writer"]), data(inputs["data_key"]))}


class Segments:
    """What a manifest's walk reads: segments by id, already open."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.plain = {bytes.fromhex(name): data(body) for name, body in plain.items()}

    def read(self, identity: bytes) -> bytes:
        return self.plain[identity]


def walk(inputs: Inputs) -> Any:
    prefix, identity, *figures = inputs["root"]
    root = Root(bytes.fromhex(prefix), bytes.fromhex(identity), *figures)
    roots = Roots(bytes(16), 1, [root], bytes(16), SourceFacts([], "", [], "", b""))
    findings: list[Finding] = []
    entries = list(walk_manifest(Segments(inputs["segments"]), roots, findings.append))  # type: ignore[arg-type]  # reads alike
    raise_first(findings)
    return {"entries": canonical.from_msgpack(canonical.to_msgpack(entries), list[list[Any]], "vector")}


def raise_first(findings: list[Finding]) -> None:
    """What the engine reports and passes over counts as refused."""
    for finding in findings:
        error = ProofkeepError(finding.detail)
        error.code = finding.code  # type: ignore[misc]  # the finding's, not the class's
        raise error


def content(inputs: Inputs) -> Any:
    row = [
        data(value) if isinstance(value, str) and place != 15 else value for place, value in enumerate(inputs["entry"])
    ]
    entry = canonical.from_msgpack(canonical.to_msgpack(row), manifest.Entry, "vector")
    manifest.check_extents(entry.extents, entry.size, "vector")
    manifest.check_content(entry, sum(inputs["lengths"]), "vector")
    return None


def restore(inputs: Inputs) -> Any:
    with catalogued(inputs) as (repository, known, path):
        keys = data_keys(inputs, repository)
        snapshot = find_snapshot(repository, names.parse_snapshot(inputs["snapshot"]).short)
        chunks = ChunkStore(repository, known, keys)
        target = DirectoryTarget(path / "target", restore_owner=False)
        report = engine_restore(repository, chunks, keys, snapshot, target)
        assert report.intact
        return {"entries": tree(path / "target")}


def kms_request(inputs: Inputs) -> Any:
    """Decrypt as it would leave for the service; the stub refuses any other parameters than these."""
    arn = inputs["recipient"].removeprefix("awskms:")
    session = botocore.session.Session()
    session.set_credentials("access", "secret")
    provider = KmsProvider(arn, KmsAccess(TlsPolicy(), session=session))
    request = {"KeyId": arn, "EncryptionContext": inputs["context"], "CiphertextBlob": data(inputs["ciphertext"])}
    with Stubber(provider._key.service._client) as stub:
        stub.add_response("decrypt", {"KeyId": arn, "Plaintext": bytes(32)}, request)
        provider.unwrap(WrappedKey(inputs["recipient"], data(inputs["ciphertext"])), inputs["context"])
        stub.assert_no_pending_responses()
    return {"request": request}


def enrolment_open(inputs: Inputs) -> Any:
    """Accept a grant, then hold what it gives against the repository as `connect` does."""
    key = load_pem_private_key(inputs["private_key"].encode(), None)
    grant = canonical.from_json(data(inputs["grant"]), "vector")
    secret = enrolment.accept_enrolment(grant, key, repository=inputs["repository"], writer=inputs["writer"])  # type: ignore[arg-type]
    ledger = {"repository": inputs["store"]["repository"]}  # its copy of the descriptor, and nothing else yet
    with connected({"store": inputs["store"], "ledger": ledger, "secret": secret.hex()}):
        return {"secret": secret}


def recover(inputs: Inputs) -> Any:
    private = accept_private_key(load_pem_private_key(inputs["private_key"].encode(), None))
    with folder() as path:
        store, ledger = (filled(path / name, objects(inputs[name])) for name in ("store", "ledger"))
        return {"secret": engine_recover(store, ledger, [LocalKeyProvider(private.public_key(), lambda: private)])}


REPOSITORY_FUNCTIONS: dict[str, Callable[[Inputs], Any]] = {
    "descriptor": descriptor,
    "catalog": catalog,
    "locks": locks,
    "offered": offered,
    "ledger": ledger,
    "retired": retired,
    "data_key": data_key,
    "recover": recover,
    "walk": walk,
    "content": content,
    "restore": restore,
    "kms_request": kms_request,
    "enrolment_open": enrolment_open,
}
