"""The TLS policy: what it accepts, what it records, and that nothing outside it has a say."""

import errno
import os
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.ports import LOOPBACK
from proofkeep.errors import PeerIdentityError, TlsPolicyError, UsageError
from proofkeep.model import TlsSession
from proofkeep.tls import Curve, TlsPolicy, TlsRecorder
from proofkeep.tls.aws import bind, open_client
from proofkeep.tls.handshake import ALLOWED, negotiated
from proofkeep.tls.session import PATIENCE, PolicySession
from tests.engine.certificates import fingerprint
from tests.scenarios.openssl_server import openssl_server
from tests.servers.pki import Pki

ACCEPTED = [
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2"),
    ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "TLSv1.3"),
    ("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "TLSv1.3"),
]

CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def shake_hands(port: int, policy: TlsPolicy) -> TlsSession:
    with (
        socket.create_connection((LOOPBACK, port), timeout=10) as line,
        policy.context().wrap_socket(line, server_hostname="localhost") as peer,
    ):
        return negotiated(peer)


def session_for(endpoint: AwsEndpoint) -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_credentials(endpoint.access_key, endpoint.secret_key)
    return session


def passphrase_protected(key: Path, directory: Path) -> Path:
    protected = directory / "protected.key"
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", protected],
        check=True,
        capture_output=True,
    )
    return protected


@pytest.mark.requires("openssl")
@pytest.mark.parametrize("version,option,cipher,name", ACCEPTED)
def test_allowed_cipher_is_accepted_and_recorded(pki: Pki, version: str, option: str, cipher: str, name: str) -> None:
    with openssl_server(pki.server, version, option, cipher) as server:
        session = shake_hands(server.port, TlsPolicy(pki.ca_path))

    assert session == TlsSession(name, cipher, fingerprint(pki.server))


@pytest.mark.requires("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_client_certificate_is_shown_to_a_server_that_asks(pki: Pki, version: str) -> None:
    demanding = (version, "-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca_path))

    with openssl_server(pki.server, *demanding) as server:
        shake_hands(server.port, TlsPolicy(pki.ca_path, pki.client.cert_path, pki.client.key_path))

        received = server.received()

    assert b"backup-host.example" in received


@pytest.mark.requires("openssl")
@pytest.mark.parametrize("curve,group", [("P-256", "secp256r1"), ("P-384", "secp384r1")])
def test_key_exchange_offers_the_policys_curve_alone(pki: Pki, curve: Curve, group: str) -> None:
    with openssl_server(pki.server, "-tls1_3") as server:
        shake_hands(server.port, TlsPolicy(pki.ca_path, curve=curve))

        received = server.received()

    (offered,) = (line for line in received.decode().splitlines() if line.startswith("Supported groups"))
    assert offered == f"Supported groups: {group}"


@pytest.mark.requires("openssl")
def test_certificate_on_another_curve_is_out_of_reach_under_tls12(pki: Pki) -> None:
    with openssl_server(pki.server, "-tls1_2") as server, pytest.raises(TlsPolicyError):
        shake_hands(server.port, TlsPolicy(pki.ca_path, curve="P-384"))


def test_ciphers_that_would_be_refused_are_not_offered(pki: Pki) -> None:
    offered = {cipher["name"] for cipher in TlsPolicy(pki.ca_path).context().get_ciphers()}

    # Python's ssl cannot take back the third suite of TLS 1.3; a server that picks it is left at once.
    assert offered == set().union(*ALLOWED.values()) | {"TLS_CHACHA20_POLY1305_SHA256"}


def test_sending_adds_nobody_to_those_who_are_trusted(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    context = TlsPolicy(pki.ca_path).context()
    session = PolicySession(context, TlsRecorder(), connections=1, patience=PATIENCE)

    session.send(AWSRequest("GET", f"{moto_s3_kms.url}/moto-api/data.json").prepare())

    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("garbage", [b"", b"no PEM at all", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_ca_file_without_a_certificate_is_a_usage_error(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(garbage)

    with pytest.raises(UsageError, match="CA file holds no certificate"):
        TlsPolicy(tmp_path / "ca.pem").context()


def test_errno_of_another_call_hides_no_ca_file_without_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    (tmp_path / "ca.pem").write_bytes(b"no PEM at all")
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", stale)

    with pytest.raises(UsageError, match="CA file holds no certificate"):
        TlsPolicy(tmp_path / "ca.pem").context()


def test_ca_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CA file cannot be read"):
        TlsPolicy(tmp_path / "ca.pem").context()


def test_key_of_another_certificate_is_a_usage_error(pki: Pki) -> None:
    with pytest.raises(UsageError, match="no pair"):
        TlsPolicy(pki.ca_path, pki.client.cert_path, pki.other_client.key_path).context()


def test_client_key_that_is_not_there_is_a_usage_error(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        TlsPolicy(pki.ca_path, pki.client.cert_path, tmp_path / "key").context()


def test_client_key_without_a_certificate_is_a_usage_error(pki: Pki) -> None:
    with pytest.raises(UsageError, match="client key but no client certificate"):
        TlsPolicy(pki.ca_path, client_key=pki.client.key_path).context()


@pytest.mark.requires("openssl")
def test_protected_client_key_is_refused_instead_of_asked_about(pki: Pki, tmp_path: Path) -> None:
    key = passphrase_protected(pki.client.key_path, tmp_path)

    with pytest.raises(UsageError, match="client key is encrypted"):
        TlsPolicy(pki.ca_path, pki.client.cert_path, key).context()


def test_environment_adds_no_trust(moto_s3_kms: AwsEndpoint, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in CA_VARIABLES:
        monkeypatch.setenv(variable, str(pki.ca_path))
    session = session_for(moto_s3_kms)

    for policy in (TlsPolicy(), TlsPolicy(pki.rogue_ca.ca_path)):
        client, _ = open_client("s3", policy, endpoint_url=moto_s3_kms.url, region="us-east-1", session=session)
        with pytest.raises(PeerIdentityError, match="comes from a CA that is not trusted"):
            client.list_buckets()


def test_environment_takes_no_trust_away(
    moto_s3_kms: AwsEndpoint, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in CA_VARIABLES:
        monkeypatch.setenv(variable, str(tmp_path / "not there"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:1")
    client, recorder = open_client(
        "s3",
        TlsPolicy(pki.ca_path),
        endpoint_url=moto_s3_kms.url,
        region="us-east-1",
        session=session_for(moto_s3_kms),
    )

    client.list_buckets()

    assert recorder.session is not None
    assert recorder.session.peer_sha256 == fingerprint(pki.server)


def test_environment_cannot_make_the_keys_of_a_connection_known(
    moto_s3_kms: AwsEndpoint, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    shake_hands(moto_s3_kms.port, TlsPolicy(pki.ca_path))

    assert not (tmp_path / "keys").exists()


def test_bound_client_of_ones_own_follows_the_policy(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    client: Any = session_for(moto_s3_kms).create_client("kms", "us-east-1", endpoint_url=moto_s3_kms.url)

    recorder = bind(client, TlsPolicy(pki.ca_path))

    assert recorder.session is None
    assert recorder.clock is None
    client.list_keys()
    assert recorder.session is not None
    assert recorder.clock is not None


def test_each_thread_sees_the_session_of_its_own_answers(moto_s3_kms: AwsEndpoint, pki: Pki) -> None:
    client, recorder = open_client(
        "s3",
        TlsPolicy(pki.ca_path),
        endpoint_url=moto_s3_kms.url,
        region="us-east-1",
        session=session_for(moto_s3_kms),
    )

    with ThreadPoolExecutor(1) as other_thread:
        other_thread.submit(client.list_buckets).result()
        seen = other_thread.submit(lambda: recorder.session).result()

    assert seen is not None
    assert recorder.session is None
    assert recorder.clock is not None


@pytest.mark.parametrize("trusted", ["ca", "rogue_ca"])
def test_calls_that_fetch_credentials_follow_the_policy_too(
    moto_s3_kms: AwsEndpoint, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    (tmp_path / "token").write_text("web identity")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_s3_kms.url)
    policy = TlsPolicy(getattr(pki, trusted).ca_path)
    client, _ = open_client("s3", policy, endpoint_url="https://localhost:1", region="us-east-1")

    with pytest.raises((PeerIdentityError, BotoCoreError)) as failure:
        client.list_buckets()

    # With the right CA the credentials come, and only the store itself, which is not there, is missed.
    assert failure.type.__name__ == {"ca": "EndpointConnectionError", "rogue_ca": "PeerIdentityError"}[trusted]


def test_credentials_are_not_fetched_in_clear(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("web identity")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://{LOOPBACK}:1")
    client, _ = open_client("s3", TlsPolicy(pki.ca_path), endpoint_url="https://localhost:1", region="us-east-1")

    with pytest.raises(TlsPolicyError, match=r"endpoint 127\.0\.0\.1 is not https"):
        client.list_buckets()


def test_configuration_that_makes_no_client_is_a_usage_error(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody wrote this one")

    with pytest.raises(UsageError, match=r"aws kms client cannot be configured \(ProfileNotFound\)"):
        open_client("kms", TlsPolicy(pki.ca_path), region="us-east-1")


def test_client_without_a_region_is_a_usage_error(pki: Pki) -> None:
    with pytest.raises(UsageError, match=r"aws kms client cannot be configured \(NoRegionError\)"):
        open_client("kms", TlsPolicy(pki.ca_path))
