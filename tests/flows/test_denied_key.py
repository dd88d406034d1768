"""A KMS key that is denied in mid-run: a clear failure, and with the grant given back a Retry that commits."""

from collections.abc import Callable, Iterator

import boto3
import pytest

from flows.backup import backup
from infra.servers.aws_endpoint import AwsEndpoint
from proofkeep.errors import KeyDeniedError
from proofkeep.snapshots import list_snapshots
from tests.flows.house import House
from tests.flows.running import artifacts, message, outcomes, run_here, run_here_again, task_runs
from tests.flows.test_recovery import assert_restored, packs_away
from tests.servers.denied_key import KeyGate, key_gate
from tests.servers.pki import Pki

MAKE = frozenset({"GenerateDataKey"})


@pytest.fixture
def grants(moto_s3_kms: AwsEndpoint, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyGate]:
    """The way to KMS, on which its actions can be denied."""
    for name, value in moto_s3_kms.environment.items():
        monkeypatch.setenv(name, value)
    with key_gate(pki, moto_s3_kms) as server:
        yield server


@pytest.fixture
def kms_house(grants: KeyGate, moto_s3_kms: AwsEndpoint, pki: Pki, make_house: Callable[..., House]) -> House:
    """A house with local stores whose data keys are wrapped by a KMS key."""
    region = moto_s3_kms.region
    kms = boto3.client("kms", endpoint_url=moto_s3_kms.url, region_name=region, verify=str(pki.ca_path))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = make_house(
        tls={"ca_file": str(pki.ca_path)},
        keys={"providers": [f"awskms:{key}"], "kms_endpoint_url": grants.url, "kms_region": region},
    )
    made.fill(2)
    return made


def test_denied_key_fails_the_run_with_its_card_and_a_retry_commits_once_it_is_granted_again(
    kms_house: House, grants: KeyGate
) -> None:
    grants.denied = MAKE
    run = run_here(backup, kms_house.parameters())
    card = artifacts(run.id)["markdown"]
    assert (run.state_name, run.state.type.value if run.state else "") == ("Failed", "FAILED")
    assert f"[{KeyDeniedError.code}]" in message(run)
    assert f"**{KeyDeniedError.cause}** (`{KeyDeniedError.code}`" in card
    assert "Give the role its right to the key back" in card
    assert list_snapshots(kms_house.configuration.connect())[0] == []
    assert grants.asked["Decrypt"] == 0
    grants.denied = frozenset()

    again = run_here_again(backup, run)

    assert again.state_name == "Completed", message(again)
    assert_restored(kms_house)


@pytest.mark.soak
def test_run_that_has_sealed_everything_needs_no_key_any_more(kms_house: House, grants: KeyGate) -> None:
    with packs_away(kms_house):
        run = run_here(backup, kms_house.parameters())
    assert run.state_name == "Failed", message(run)
    grants.denied = MAKE

    again = run_here_again(backup, run)

    assert again.state_name == "Completed", message(again)
    assert outcomes(task_runs(again, 2, 3))["commit", "Completed"] == 1
    assert_restored(kms_house)
