"""Places to run the command line in."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from tests.engine.cli.places import Place
from tests.servers.kms_client import kms_client
from tests.servers.s3_client import s3_client


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a protected wrapping key, a host secret and an empty repository, for tests to copy."""
    place = Place(tmp_path_factory.mktemp("made"))
    place.configure()
    place.make_keys()
    place.done("init")
    return place.root


@pytest.fixture
def place(tmp_path: Path, made: Path) -> Place:
    """Configuration, keys and a source; no repository yet."""
    place = Place(tmp_path)
    place.configure()
    for name in ("key.pem", "host.secret"):
        shutil.copy(made / name, tmp_path / name)
    place.fill_source()
    return place


@pytest.fixture
def repository(place: Place, made: Path) -> Place:
    """The same with an empty repository."""
    for name in ("store", "ledger"):
        shutil.copytree(made / name, place.root / name)
    return place


@pytest.fixture(scope="session")
def made_and_backed_up(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Path:
    """The same with a source that was backed up once, for tests to copy."""
    root = tmp_path_factory.mktemp("backed-up")
    shutil.copytree(made, root, dirs_exist_ok=True)
    place = Place(root)
    place.configure()
    place.fill_source()
    place.done("backup")
    return root


@pytest.fixture
def backed_up(tmp_path: Path, made_and_backed_up: Path) -> Place:
    """A place with its repository, and its source backed up once; its files are new to the next backup."""
    subprocess.run(["cp", "--archive", f"{made_and_backed_up}/.", tmp_path], check=True)
    place = Place(tmp_path)
    place.configure()
    return place


@pytest.fixture
def cloud(place: Place, moto_s3_kms: AwsEndpoint) -> Place:
    """A place whose store, ledger, keys and host secret are in AWS's hands."""
    place.environment = moto_s3_kms.environment
    s3 = s3_client(
        moto_s3_kms.url, moto_s3_kms.region, moto_s3_kms.access_key, moto_s3_kms.secret_key, moto_s3_kms.ca_path
    )
    kms = kms_client(moto_s3_kms)
    wrapping = kms.create_key()["KeyMetadata"]["Arn"]
    secret = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    buckets = [f"{place.root.name}-{name}".replace("_", "-").lower() for name in ("packs", "ledger")]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-gov-west-1"})
    reached = f'endpoint_url = "{moto_s3_kms.url}"\nregion = "{moto_s3_kms.region}"'
    place.configure(
        top=f'entry = "home"\nstate = "state"\nhost_secret = "awskms-mac:{secret}"',
        store=f'kind = "s3"\nbucket = "{buckets[0]}"\nprefix = "home"\n{reached}',
        ledger=f'kind = "s3"\nbucket = "{buckets[1]}"\n{reached}',
        keys=f'providers = ["awskms:{wrapping}"]',
        kms=reached,
        tls=f'ca_file = "{moto_s3_kms.ca_path}"',
    )
    return place
