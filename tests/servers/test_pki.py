import ssl
import stat

import pytest

from infra.servers.aws_endpoint import server_context
from infra.servers.https import tls_context
from infra.servers.local_ca import Certificate
from tests.servers.pki import Pki


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue


def demanding_context(pki: Pki) -> ssl.SSLContext:
    context = server_context(pki.server)
    context.load_verify_locations(cafile=pki.ca_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 a client learns of its refusal after the handshake
    return context


def test_server_certificate_is_accepted(pki: Pki) -> None:
    handshake(server_context(pki.server), tls_context(pki.ca_path))


@pytest.mark.parametrize(
    "kind,words",
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "Hostname mismatch"),
        ("rogue_server", "unable to get local issuer certificate"),
    ],
)
def test_bad_server_certificate_is_refused_for_its_own_reason(pki: Pki, kind: str, words: str) -> None:
    certificate: Certificate = getattr(pki, kind)

    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        handshake(server_context(certificate), tls_context(pki.ca_path))


def test_client_certificate_is_accepted(pki: Pki) -> None:
    handshake(demanding_context(pki), tls_context(pki.ca_path, pki.client))


def test_client_certificate_of_another_ca_is_refused(pki: Pki) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(demanding_context(pki), tls_context(pki.ca_path, pki.rogue_client))


def test_private_keys_are_readable_by_their_owner_only(pki: Pki) -> None:
    assert stat.S_IMODE(pki.server.key_path.stat().st_mode) == 0o600
