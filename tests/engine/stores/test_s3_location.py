import botocore.session
import pytest

from proofkeep.errors import UsageError
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy

AWS = "s3.us-gov-west-1.amazonaws.com"


def store(bucket: str, prefix: str = "", *, endpoint_url: str | None = None, account: str | None = None) -> S3Store:
    session = botocore.session.Session()
    session.set_credentials("AKLOCATED", "SKLOCATED", account_id=account)
    return S3Store(bucket, prefix, tls=TlsPolicy(), endpoint_url=endpoint_url, region="us-gov-west-1", session=session)


def test_two_prefixes_of_a_bucket_are_one_place() -> None:
    assert store("backups", "packs").location == store("backups", "ledger/").location


def test_two_buckets_are_two_places_in_one_neighbourhood() -> None:
    packs, ledger = (store(bucket, endpoint_url="https://s3.example:9000").location for bucket in ("a", "b"))

    assert packs.place == "s3.example:9000/a"
    assert ledger.place == "s3.example:9000/b"
    assert packs.neighbourhood == ledger.neighbourhood == "s3.example:9000"


def test_bucket_of_aws_is_one_place_by_whatever_endpoint() -> None:
    endpoints = (None, f"https://{AWS}", "https://bucket.vpce-1-2.s3.us-gov-west-1.vpce.amazonaws.com")

    places = {store("backups", endpoint_url=endpoint).location.place for endpoint in endpoints}

    assert places == {"arn:aws-us-gov:s3:::backups"}


@pytest.mark.parametrize("account", ["123456789012", None])
def test_neighbourhood_in_aws_is_the_account_if_the_credentials_tell_it(account: str | None) -> None:
    assert store("backups", account=account).location.neighbourhood == f"aws-us-gov:{account or 'account unknown'}"


@pytest.mark.parametrize("prefix", ["/", "../x", "UPPER", "a//b"])
def test_prefix_that_no_name_can_begin_with_is_refused(prefix: str) -> None:
    with pytest.raises(UsageError):
        store("backups", prefix)
