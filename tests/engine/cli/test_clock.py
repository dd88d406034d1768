"""A host whose clock is two days off writes nothing: store, ledger and key service tell it over TLS."""

import pytest

from infra.servers.aws_endpoint import AwsEndpoint
from tests.engine.cli.places import LOCAL, Ended, Place
from tests.servers.pki import Pki
from tests.servers.wrong_date import wrong_date

TWO_DAYS = 2 * 86_400.0
OFF = [TWO_DAYS, -TWO_DAYS]
SERVICES = ["store", "ledger", "kms"]


def at(place: Place, endpoint: AwsEndpoint, section: str, url: str) -> None:
    """Let a section of the configuration reach its service by another address."""
    place.configure(**{section: place.sections[section].replace(endpoint.url, url)})


def refused(ended: Ended, service: str) -> None:
    assert (ended.code, ended.document["error"]["code"]) == (2, "clock-skewed")
    assert "clock of this host differs by" in ended.err
    whose = "key service of awskms:" if service == "kms" else service
    assert f"48.0 hours from that of the {whose}" in ended.err


@pytest.mark.parametrize("seconds_off", OFF)
@pytest.mark.parametrize("service", SERVICES)
def test_backup_is_refused_by_whoever_has_another_time(
    cloud: Place, moto_s3_kms: AwsEndpoint, pki: Pki, service: str, seconds_off: float
) -> None:
    cloud.done("init")
    true_time = cloud.sections[service]
    with wrong_date(pki, moto_s3_kms, seconds_off) as url:
        at(cloud, moto_s3_kms, service, url)
        refused(cloud.run("backup", "--json"), service)
    cloud.configure(**{service: true_time})

    assert cloud.run("snapshots", "--json").document["result"]["snapshots"] == 0
    stored = cloud.run("verify", "--json").document["result"]
    assert (stored["objects"], stored["unvouched"]) == (0, 0)


@pytest.mark.parametrize("seconds_off", OFF)
@pytest.mark.parametrize("service", ["store", "ledger"])
def test_init_is_refused_before_anything_is_made(
    cloud: Place, moto_s3_kms: AwsEndpoint, pki: Pki, service: str, seconds_off: float
) -> None:
    true_time = cloud.sections[service]
    with wrong_date(pki, moto_s3_kms, seconds_off) as url:
        at(cloud, moto_s3_kms, service, url)
        refused(cloud.run("init", "--json"), service)
    cloud.configure(**{service: true_time})

    assert cloud.run("snapshots", "--json").document["error"]["code"] == "repository-missing"
    assert cloud.done("init")["clock_checked"] is True


def test_clock_that_is_half_an_hour_off_is_no_reason_to_stop(cloud: Place, moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    with wrong_date(pki, moto_s3_kms, 1_800.0) as url:
        for service in SERVICES:
            at(cloud, moto_s3_kms, service, url)
        cloud.done("init")

        assert cloud.done("backup")["clock_checked"] is True


@pytest.mark.parametrize("states_its_time", [True, False])
def test_key_services_time_alone_makes_the_clock_checked(
    cloud: Place, moto_s3_kms: AwsEndpoint, pki: Pki, *, states_its_time: bool
) -> None:
    cloud.configure(**LOCAL)
    with wrong_date(pki, moto_s3_kms, 0.0 if states_its_time else None) as url:
        at(cloud, moto_s3_kms, "kms", url)
        made = cloud.done("init")
        first, second = cloud.run("backup"), cloud.done("backup")

    assert made["clock_checked"] is False
    assert ("clock     checked" in first.out) is states_its_time
    assert ("clock     not checked: nobody told another time" in first.out) is not states_its_time
    assert second["clock_checked"] is True  # by the ledger's newest entry


@pytest.mark.parametrize("seconds_off", OFF)
def test_status_asks_for_somebody_and_verify_says_it_where_the_store_has_another_time(
    cloud: Place, moto_s3_kms: AwsEndpoint, pki: Pki, seconds_off: float
) -> None:
    cloud.done("init")
    cloud.done("backup")
    with wrong_date(pki, moto_s3_kms, seconds_off) as url:
        at(cloud, moto_s3_kms, "store", url)
        bad, said = cloud.run("status", "--json"), cloud.run("status")
        verified = cloud.done("verify")

    told = bad.document["result"]
    assert (bad.code, told["clock"], [each["overdue"] for each in told["entries"]]) == (7, "clock-skewed", [False] * 2)
    assert f"clock of this host differs by {-seconds_off / 3600:+.1f} hours from that of the store" in said.out
    assert verified["clock"] == "clock-skewed"
