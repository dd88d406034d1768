"""The same story on S3 and KMS over TLS, chosen by nothing but the configuration file."""

import re

import pytest

from tests.engine.cli.places import Place
from tests.engine.targets.trees import portrait
from tests.servers.pki import Pki


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


def assert_refused_before_anything_is_made(cloud: Place, section: str, wrong: str, *, code: int, error: str) -> None:
    """`init` says what is wrong with a section, and works as if nothing had been once it is right."""
    right = cloud.sections[section]
    cloud.configure(**{section: wrong})
    ended = cloud.run("init", "--json")
    cloud.configure(**{section: right})
    assert (ended.code, ended.document["error"]["code"]) == (code, error)
    cloud.done("init")


def same_bucket_by_another_name(cloud: Place) -> str:
    return cloud.sections["store"].replace("127.0.0.1", "localhost")


def test_ledger_in_the_same_bucket_by_another_address_is_refused_before_anything_is_made(cloud: Place) -> None:
    assert_refused_before_anything_is_made(
        cloud, "ledger", same_bucket_by_another_name(cloud), code=2, error="ledger-placement"
    )


def test_ledger_that_came_to_lie_among_the_packs_is_refused(cloud: Place) -> None:
    cloud.done("init")
    cloud.configure(ledger=same_bucket_by_another_name(cloud))

    for command in ("backup", "verify"):
        ended = cloud.run(command, "--json")
        assert (ended.code, ended.document["error"]["code"]) == (2, "ledger-placement")


@pytest.mark.parametrize(
    "address,code,words",
    [
        ("https://user:secret@localhost", "usage", "endpoint is no https address"),
        ("https://localhost?key=secret", "usage", "endpoint is no https address"),
        ("https://localhost:port", "usage", "endpoint is no https address"),
        ("https://", "usage", "endpoint is no https address"),
        ("https://localhost:1", "store-unavailable", "the store localhost:1/"),
        ("https://no-such-host.invalid", "store-unavailable", "the store no-such-host.invalid/"),
    ],
)
def test_wrong_endpoint_is_named_and_its_secrets_are_not(cloud: Place, address: str, code: str, words: str) -> None:
    cloud.configure(
        store=re.sub('endpoint_url = "[^"]*"', f'endpoint_url = "{address}"', cloud.sections["store"]),
    )

    ended = cloud.run("init", "--json")

    assert ended.document["error"]["code"] == code
    assert words in ended.err
    assert "secret" not in ended.err + ended.out


@pytest.mark.parametrize("section", ["store", "ledger"])
@pytest.mark.parametrize(
    "bucket,words", [("no-such-bucket", "does not exist"), ("Not_A_Bucket!", "cannot be asked for")]
)
def test_wrong_bucket_is_named(cloud: Place, section: str, bucket: str, words: str) -> None:
    cloud.configure(**{section: re.sub('bucket = "[^"]*"', f'bucket = "{bucket}"', cloud.sections[section])})

    ended = cloud.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")
    assert f"/{bucket} {words}" in ended.err


def test_key_that_does_not_exist_is_refused_before_anything_is_made(cloud: Place) -> None:
    unknown = re.sub("[0-9a-f-]{36}", "00000000-0000-0000-0000-000000000000", cloud.sections["keys"])

    assert_refused_before_anything_is_made(cloud, "keys", unknown, code=1, error="key-missing")


def test_second_backup_says_how_its_record_travelled(cloud: Place) -> None:
    cloud.done("init")
    cloud.done("backup")

    again = cloud.done("backup")

    assert again["stored"] == 0
    assert {session["version"] for session in again["tls"]} <= {"TLSv1.2", "TLSv1.3"}
    assert again["tls"]


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
