"""The same story on S3 and KMS over TLS, chosen by nothing but the configuration file."""

import boto3
import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from tests.engine.cli.places import Place
from tests.engine.targets.trees import portrait
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client


@pytest.fixture
def cloud(place: Place, moto_s3_kms: AwsEndpoint) -> Place:
    """A place whose store, ledger, keys and host secret are in AWS's hands."""
    place.environment = moto_s3_kms.environment
    s3 = s3_client(
        moto_s3_kms.url, moto_s3_kms.region, moto_s3_kms.access_key, moto_s3_kms.secret_key, moto_s3_kms.ca_path
    )
    kms = boto3.client(
        "kms",
        endpoint_url=moto_s3_kms.url,
        region_name=moto_s3_kms.region,
        aws_access_key_id=moto_s3_kms.access_key,
        aws_secret_access_key=moto_s3_kms.secret_key,
        verify=str(moto_s3_kms.ca_path),
    )
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


def test_story_over_tls(cloud: Place) -> None:
    made = cloud.done("init")
    backed_up = cloud.done("backup")
    verified = cloud.done("verify", "--read-all")
    restored = cloud.done("restore", "latest", "restored")

    assert made["recipients"][0].startswith("awskms:arn:")
    assert made["ledger_shares_neighbourhood"] is True
    assert made["recoverable"] is False
    assert backed_up["clock_checked"] is True
    assert {session["version"] for session in backed_up["tls"]} <= {"TLSv1.2", "TLSv1.3"}
    assert backed_up["tls"]
    assert backed_up["verified_by"] == ["read-back"]
    assert verified["verdict"] == "intact"
    assert restored["intact"] is True
    assert portrait(cloud.root / "restored") == portrait(cloud.source)


def test_ledger_in_another_prefix_of_the_bucket_is_refused(cloud: Place) -> None:
    cloud.configure(ledger=cloud.sections["store"].replace('prefix = "home"', 'prefix = "ledger"'))

    ended = cloud.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "ledger-placement")


def test_server_of_another_ca_gets_nothing(cloud: Place, pki: Pki) -> None:
    cloud.configure(tls=f'ca_file = "{pki.rogue_ca.ca_path}"')

    ended = cloud.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "peer-identity")


def test_plain_http_is_refused(cloud: Place) -> None:
    cloud.configure(store=cloud.sections["store"].replace("https:", "http:"))

    ended = cloud.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "tls-policy")


def test_missing_credentials_are_said(cloud: Place) -> None:
    cloud.environment = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}

    ended = cloud.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "store-credentials")


def test_host_secret_in_a_file_is_kept_and_recovered_under_a_kms_key(cloud: Place) -> None:
    secret = cloud.root / "host.secret"
    cloud.configure(top=f'entry = "home"\nstate = "state"\nhost_secret = "file:{secret}"')
    before = secret.read_bytes()

    made = cloud.done("init")
    secret.unlink()
    cloud.done("enrol", "recover")

    assert made["recoverable"] is True
    assert secret.read_bytes() == before
