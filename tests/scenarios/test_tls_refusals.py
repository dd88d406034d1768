"""An S3 store meets servers that it must not talk to. Each refusal comes before a byte of HTTP."""

from hashlib import sha256

import botocore.session
import pytest

from infra.servers.local_ca import Certificate
from infra.servers.seaweedfs import SeaweedFs
from proofkeep.errors import PeerIdentityError, TlsPolicyError
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from tests.scenarios.openssl_server import openssl_server
from tests.servers.pki import Pki

pytestmark = pytest.mark.requires("openssl")

SECRET = b"sealed bytes that must not travel"


def s3_store(url: str, policy: TlsPolicy) -> S3Store:
    session = botocore.session.Session()
    session.set_credentials("AKADMIN", "SKADMIN")
    return S3Store("refusals", tls=policy, endpoint_url=url, region="us-east-1", session=session)


def put_secret(url: str, policy: TlsPolicy) -> None:
    s3_store(url, policy).put("packs/0", SECRET, sha256=sha256(SECRET).digest())


def policy_with_client(pki: Pki, kind: str) -> TlsPolicy:
    if kind == "missing":
        return TlsPolicy(pki.ca_path)
    return TlsPolicy(pki.ca_path, pki.rogue_client.cert_path, pki.rogue_client.key_path)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param("-tls1_1 -cipher ALL:@SECLEVEL=0", id="TLS 1.1 only"),
        pytest.param("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256", id="TLS 1.2 CBC only"),
        pytest.param("-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", id="TLS 1.2 ChaCha20 only"),
        pytest.param("-tls1_2 -cipher ECDHE-ECDSA-AES256-CCM", id="TLS 1.2 CCM only"),
        pytest.param("-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", id="TLS 1.3 ChaCha20 only"),
        pytest.param("-tls1_3 -groups X25519", id="X25519 only"),
    ],
)
def test_server_without_an_allowed_cipher_is_refused(pki: Pki, options: str) -> None:
    with openssl_server(pki.server, *options.split()) as server:
        with pytest.raises(TlsPolicyError):
            put_secret(server.url, TlsPolicy(pki.ca_path))

        received = server.received()

    assert b"HTTP" not in received
    assert SECRET not in received


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    "kind,words",
    [
        ("expired", "has expired"),
        ("wrong_host", "is for another host name"),
        ("rogue_server", "comes from a CA that is not trusted"),
    ],
)
def test_server_with_a_bad_certificate_is_refused(pki: Pki, version: str, kind: str, words: str) -> None:
    certificate: Certificate = getattr(pki, kind)

    with openssl_server(certificate, version) as server:
        with pytest.raises(PeerIdentityError, match=f"the certificate of host localhost {words}"):
            put_secret(server.url, TlsPolicy(pki.ca_path))

        received = server.received()

    assert b"HTTP" not in received


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind", ["missing", "rogue"])
def test_our_refused_client_certificate_is_named_as_such(pki: Pki, version: str, kind: str) -> None:
    policy = policy_with_client(pki, kind)
    demanding = (version, "-Verify", "1", "-verify_return_error", "-CAfile", str(pki.ca_path))

    with (
        openssl_server(pki.server, *demanding) as server,
        pytest.raises(PeerIdentityError, match="localhost refused our client certificate or misses one"),
    ):
        s3_store(server.url, policy).stat("packs/0")


@pytest.mark.parametrize("kind", ["missing", "rogue"])
def test_seaweedfs_that_demands_a_client_certificate_refuses_ours(
    seaweedfs_mtls: SeaweedFs, pki: Pki, kind: str
) -> None:
    policy = policy_with_client(pki, kind)

    with pytest.raises(PeerIdentityError, match="refused our client certificate or misses one"):
        s3_store(seaweedfs_mtls.url, policy).stat("packs/0")


def test_plain_http_endpoint_is_refused_before_a_connection_is_made(pki: Pki, seaweedfs: SeaweedFs) -> None:
    with pytest.raises(TlsPolicyError, match="is not https, and nothing is sent in clear"):
        s3_store(seaweedfs.plain_url, TlsPolicy(pki.ca_path))


def test_plain_http_server_behind_an_https_address_is_refused(pki: Pki, seaweedfs: SeaweedFs) -> None:
    with pytest.raises(TlsPolicyError, match="offers no TLS that is allowed"):
        put_secret(f"https://localhost:{seaweedfs.plain_port}", TlsPolicy(pki.ca_path))
