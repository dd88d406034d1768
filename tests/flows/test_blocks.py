"""What the UI and the database of Prefect hold of a configuration, in the manner of Prefect's own block suite."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from pydantic import SecretStr, ValidationError

from blocks import BLOCK_TYPES, KeyProvider, Ledger, ObjectStore, Repository, Source, TlsPolicy, load_block
from blocks import aws as aws_blocks
from blocks.base import ConfigurationBlock
from proofkeep.configuration import LocalPlace, S3Place
from proofkeep.errors import UsageError
from tests.flows.house import House
from tests.flows.running import client

BlockType = type[ConfigurationBlock]

SECRET_WORDS = re.compile("access_key|secret_key|password|token|_id$")
REFERENCES = {"sse_kms_key_id"}

each_block = pytest.mark.parametrize("block", BLOCK_TYPES, ids=lambda block: block.__name__)


def local(path: str) -> ObjectStore:
    return ObjectStore(kind="local", path=path)


def test_object_store_knows_how_fast_it_may_be_sent_to() -> None:
    store = ObjectStore(kind="s3", bucket="b", bandwidth_limit="20 MiB/s")

    assert store.section() == {"kind": "s3", "bucket": "b", "bandwidth_limit": "20 MiB/s"}


@pytest.mark.parametrize("fields", [{"kind": "s3", "bucket": "b"}, {"kind": "local", "path": "/packs"}])
def test_object_store_refuses_what_limits_nothing(fields: dict[str, Any]) -> None:
    limit = "20 MiB/s" if fields["kind"] == "local" else "fast"

    with pytest.raises((ValidationError, UsageError)):
        ObjectStore(**fields, bandwidth_limit=limit)


def repository(**fields: Any) -> Repository:
    given: dict[str, Any] = {
        "store": local("/packs"),
        "ledger": Ledger(store=local("/ledger")),
        "keys": KeyProvider(providers=["file:/key.pem"]),
        "host_secret": "file:/host.secret",
    }
    return Repository(**(given | fields))


@each_block
def test_every_field_is_described_in_a_sentence(block: BlockType) -> None:
    described = {name: field.description or "" for name, field in block.model_fields.items()}

    assert described
    assert {name for name, text in described.items() if not text.endswith(".")} == set()


@each_block
def test_block_has_a_description_and_an_example_that_loads_it(block: BlockType) -> None:
    assert block.get_description()
    example = block.get_code_example() or ""
    assert f"from blocks import {block.__name__}" in example
    assert f'{block.__name__}.load("BLOCK_NAME")' in example


@each_block
def test_block_is_named_as_ours(block: BlockType) -> None:
    assert block.get_block_type_slug().startswith("proofkeep-")
    assert block.get_block_type_name().startswith("Proofkeep ")


@each_block
def test_block_has_no_field_for_a_secret_but_the_address_of_a_monitor(block: BlockType) -> None:
    names = set(block.model_fields) - REFERENCES

    assert {name for name in names if SECRET_WORDS.search(name)} == set()
    hidden = {name for name, field in block.model_fields.items() if "Secret" in str(field.annotation)}
    assert hidden == {"ping_url"} & set(block.model_fields)


@pytest.mark.parametrize(
    "make",
    [
        lambda: KeyProvider(providers=["hunter2-hunter2"]),
        lambda: KeyProvider(providers=["file:/key.pem"], passphrase="hunter2-hunter2"),
        lambda: repository(host_secret="hunter2-hunter2"),
        lambda: ObjectStore(kind="s3", bucket="b", secret="hunter2-hunter2"),  # type: ignore[call-arg] # refused
        lambda: ObjectStore(kind="s3", bucket="b", endpoint_url="https://AK:hunter2@store.example"),
        lambda: ObjectStore(kind="s3", bucket="b", endpoint_url="https://store.example/?signature=hunter2"),
        lambda: KeyProvider(providers=["awskms:alias/kek"], kms_endpoint_url="https://AK:hunter2@kms.example"),
        lambda: TlsPolicy(client_key="-----BEGIN hunter2"),
        lambda: Source(root="/home", ping_url=SecretStr("https://AK:hunter2@monitor.example/x")),
        lambda: Source(root="/home", ping_url=SecretStr("http://monitor.example/hunter2")),
        lambda: repository(aws_credentials="AK/hunter2"),
    ],
    ids=[
        "key",
        "passphrase",
        "host secret",
        "unknown field",
        "password in an address",
        "signature in an address",
        "password in the address of a kms",
        "pem where its file belongs",
        "password in the address of a monitor",
        "address of a monitor in plain http",
        "access key where its block belongs",
    ],
)
def test_secret_typed_where_its_place_belongs_is_refused_and_not_repeated(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError) as caught:
        make()

    assert "hunter2" not in str(caught.value)


def test_field_that_a_form_leaves_empty_is_not_set() -> None:
    assert ObjectStore(bucket="b", endpoint_url="", region="") == ObjectStore(bucket="b")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ObjectStore(kind="s3", bucket="b", endpoint_url="http://store.example"),
        lambda: KeyProvider(providers=["awskms:alias/kek"], kms_endpoint_url="http://kms.example"),
    ],
)
def test_address_in_plain_http_is_refused_while_it_is_typed(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError, match="endpoint_url"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: local("packs"),
        lambda: Source(root="home"),
        lambda: TlsPolicy(ca_file="ca.pem"),
        lambda: KeyProvider(providers=["file:key.pem"]),
        lambda: repository(state="state"),
        lambda: repository(host_secret="file:host.secret"),
    ],
)
def test_path_that_begins_nowhere_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()


@pytest.mark.parametrize(
    "fields,words",
    [
        ({"kind": "s3"}, "object store of kind s3 needs bucket"),
        ({"kind": "local"}, "object store of kind local needs path"),
        ({"kind": "local", "path": "/a", "bucket": "b"}, "object store of kind local knows no bucket"),
        ({"kind": "s3", "bucket": "b", "path": "/a"}, "object store of kind s3 knows no path"),
    ],
)
def test_store_with_fields_of_another_kind_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ObjectStore(**fields)


def test_blocks_become_the_configuration_of_the_engine() -> None:
    block = repository(
        store=ObjectStore(bucket="packs", prefix="a/", endpoint_url="https://store.example", region="r"),
        keys=KeyProvider(providers=["awskms:alias/kek"], passphrase="env:P", kms_endpoint_url="https://kms.example"),
        tls=TlsPolicy(ca_file="/ca.pem", curve="P-384"),
        state="/state",
    )

    found = block.configuration(
        entry="home", source=Source(root="/home", exclude=["*.tmp"]), backup={"level": 5, "expiry_days": 30}
    )

    assert found.store == S3Place("packs", "a/", "https://store.example", "r")
    assert found.ledger == LocalPlace(Path("/ledger"))
    assert found.keys.providers == ("awskms:alias/kek",)
    assert found.keys.passphrase == "env:P"
    assert found.kms.endpoint_url == "https://kms.example"
    assert (found.tls.ca_file, found.tls.curve) == (Path("/ca.pem"), "P-384")
    assert found.source is not None
    assert (found.source.root, found.source.exclude) == (Path("/home"), ("*.tmp",))
    assert (found.entry, found.state, found.host_secret) == ("home", Path("/state"), "file:/host.secret")
    assert (found.backup.level, found.backup.expiry_days) == (5, 30)


def test_keys_of_another_role_take_the_place_of_the_backups() -> None:
    found = repository().configuration(keys=KeyProvider(providers=["file:/private.pem"], passphrase="file:/pass"))

    assert (found.keys.providers, found.keys.passphrase) == (("file:/private.pem",), "file:/pass")


def test_block_that_is_no_configuration_is_refused_when_it_is_made() -> None:
    with pytest.raises(UsageError, match=r"store\.bucket is wrong"):
        repository(store=ObjectStore(bucket="b" * 300))


def test_saved_block_comes_back_as_it_was(house: House) -> None:
    house.block.save(f"{house.name}-saved", _sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync

    assert load_block(Repository, f"{house.name}-saved").configuration() == house.block.configuration()


def test_documents_of_a_house_are_those_that_save_stores(house: House) -> None:
    house.block.save(f"{house.name}-saved", _sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync

    with client() as api:
        documents = [
            api.read_block_document_by_name(name, Repository.get_block_type_slug())
            for name in (house.name, f"{house.name}-saved")
        ]
    facts = [(found.data, found.block_type_id, found.block_schema_id) for found in documents]
    assert facts[0] == facts[1]


@pytest.mark.usefixtures("prefect")
def test_block_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="block proofkeep-source/nowhere does not exist at this prefect server"):
        load_block(Source, "nowhere")


def test_aws_credentials_without_prefect_aws_are_refused_with_what_to_do() -> None:
    block = repository(aws_credentials="mine")

    with pytest.raises(UsageError, match="needs the package prefect-aws, which is not installed") as caught:
        block.session()

    assert "leave aws_credentials empty" in str(caught.value)


def test_repository_without_aws_credentials_uses_the_ambient_chain() -> None:
    assert repository().session() is None


def test_session_of_an_aws_credentials_block_has_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """prefect-aws is not in the lock: its block is stood in for by the two calls we make of it."""

    class AwsCredentials:
        @classmethod
        def load(cls, name: str, *, _sync: bool) -> "AwsCredentials":
            assert (name, _sync) == ("mine", True)
            return cls()

        def get_boto3_session(self) -> boto3.Session:
            return boto3.Session(aws_access_key_id="AKMINE", aws_secret_access_key="SKMINE")

    stand_in = ModuleType(aws_blocks.PACKAGE)
    stand_in.AwsCredentials = AwsCredentials  # type: ignore[attr-defined] # a module made here
    monkeypatch.setitem(sys.modules, aws_blocks.PACKAGE, stand_in)

    assert repository(aws_credentials="mine").session().get_credentials().access_key == "AKMINE"


def test_document_in_prefects_database_holds_uris_and_names_only(house: House) -> None:
    house.block.save(f"{house.name}-saved", _sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync
    stored = json.dumps(load_block(Repository, f"{house.name}-saved").model_dump(mode="json"))

    assert (house.root / "host.secret").read_bytes().hex() not in stored
    assert f"file:{house.root / 'host.secret'}" in stored
