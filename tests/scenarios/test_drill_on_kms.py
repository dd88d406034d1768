"""A drill of a repository in S3 under a KMS key: what the key service refuses, and what the evidence says of both."""

import os
import time
from pathlib import Path

import boto3
import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from proofkeep.backup import Backup, drive
from proofkeep.configuration import Configuration, environment, parse
from proofkeep.drill import Plan, evidence_file, load_evidence, run_drill
from proofkeep.repository.create import create
from tests.servers.s3_client import s3_client
from tests.settling import let_settle


@pytest.fixture
def configuration(moto_s3_kms: AwsEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """A backed-up tree whose store, ledger, KEK and host secret are in AWS's hands."""
    for name, value in moto_s3_kms.environment.items():
        monkeypatch.setenv(name, value)
    s3 = s3_client(
        moto_s3_kms.url, moto_s3_kms.region, moto_s3_kms.access_key, moto_s3_kms.secret_key, moto_s3_kms.ca_path
    )
    kms = boto3.client(
        "kms", endpoint_url=moto_s3_kms.url, region_name=moto_s3_kms.region, verify=str(moto_s3_kms.ca_path)
    )
    buckets = [f"drill-{name}-{os.urandom(4).hex()}" for name in ("packs", "ledger")]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-gov-west-1"})
    (tmp_path / "source").mkdir()
    (tmp_path / "source/file").write_bytes(os.urandom(100_000))
    reached = {"endpoint_url": moto_s3_kms.url, "region": moto_s3_kms.region}
    secret = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    made = parse(
        {
            "state": "state",
            "entry": "home",
            "host_secret": f"awskms-mac:{secret}",
            "store": {"kind": "s3", "bucket": buckets[0], **reached},
            "ledger": {"kind": "s3", "bucket": buckets[1], **reached},
            "keys": {"providers": [f"awskms:{kms.create_key()['KeyMetadata']['Arn']}"]},
            "kms": reached,
            "tls": {"ca_file": str(moto_s3_kms.ca_path)},
            "source": {"root": "source", "label": "tree"},
        },
        base=tmp_path,
    )
    recipients = [provider.recipient for provider in made.key_providers()]
    repository = create(*made.open_stores(), made.open_host_secret(), recipients, now_ns=time.time_ns())
    let_settle(tmp_path / "source")
    with Backup(
        repository,
        made.open_state(repository),
        made.open_source(),
        made.key_providers(),
        made.identity(os.urandom(16)),
        made.options(now_ns=time.time_ns()),
    ) as backup:
        drive(backup)
    return made


def test_drill_passes_and_names_key_service_and_connections(configuration: Configuration) -> None:
    repository = configuration.connect()
    state = configuration.open_state(repository)
    live = configuration.live(state)
    assert live is not None

    report = run_drill(
        repository,
        state,
        configuration.key_providers(),
        Plan("on-kms", read=1.0),
        environment(),
        configuration.drill_places(),
        live=[live],
    )

    document = load_evidence(evidence_file(configuration.drill_places().evidence, "on-kms"))
    assert report.passed
    assert report.compared_live == 1
    (key,) = document["keys"]
    (wrapped,) = key["wrapped_for"]
    assert wrapped["recipient"].startswith("awskms:arn:aws")
    assert wrapped["request_id"]
    assert [pack["tls"]["version"] in {"TLSv1.2", "TLSv1.3"} for pack in document["packs"]] == [True]
    seen = {each["name"]: each["seen"] for each in document["negative_tests"]["refusals"]}
    asked_of_kms = ("wrong-context-repository", "wrong-context-data-key", "tampered-wrapped-key")
    assert [seen[name] for name in asked_of_kms] == ["key-mismatch"] * 3
