"""The same story on S3 and KMS over TLS, chosen by nothing but the configuration file."""

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
