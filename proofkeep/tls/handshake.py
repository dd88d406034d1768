"""The handshake's verdict: what was negotiated, why it is refused, and by whom.

Pure standard library. Python's ssl cannot choose the cipher suites of TLS 1.3, so the socket looks at what
was negotiated and closes before a byte of the application travels.
"""

import hashlib
import ssl

from proofkeep.errors import PeerIdentityError, TlsPolicyError, TransportError
from proofkeep.model import TlsSession

ALLOWED: dict[str, frozenset[str]] = {
    "TLSv1.2": frozenset(
        {
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES256-GCM-SHA384",
        }
    ),
    "TLSv1.3": frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}),
}

# X509_V_ERR_* of OpenSSL, in the operator's words.
UNTRUSTED = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed and not trusted",
    19: "comes from a CA that is not trusted",
    20: "comes from a CA that is not trusted",
    21: "comes from a CA that is not trusted",
    62: "is for another host name",
    64: "is for another address",
}

# Alerts with which a peer turns down our certificate or the lack of one (RFC 8446 section 6.2).
IDENTITY_ALERTS = (
    "ALERT_ACCESS_DENIED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_DECRYPT_ERROR",
    "ALERT_NO_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


class CheckedSocket(ssl.SSLSocket):
    """A TLS socket whose handshake ends as the policy allows or not at all."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the standard library's signature
        """Shake hands, then compare version and cipher with the policy; the socket is closed if either fails.

        Raises:
            TlsPolicyError: no version or cipher in common that is allowed.
            PeerIdentityError: the peer's certificate is not acceptable, or ours was refused.
        """
        try:
            super().do_handshake(block)
            check(self)
        except ssl.SSLError as error:
            refusal = refused_handshake(self, error)
            self.close()
            if refusal is None:
                raise
            raise refusal from None
        except TransportError:
            self.close()
            raise


def negotiated(peer: ssl.SSLSocket) -> TlsSession:
    """What a connected socket negotiated."""
    cipher = peer.cipher()
    certificate = peer.getpeercert(binary_form=True) or b""
    return TlsSession(
        version=peer.version() or "",
        cipher=cipher[0] if cipher else "",
        peer_sha256=hashlib.sha256(certificate).hexdigest(),
    )


def check(peer: ssl.SSLSocket) -> None:
    """Raise `TlsPolicyError` unless version and cipher are allowed."""
    session = negotiated(peer)
    if session.cipher not in ALLOWED.get(session.version, frozenset()):
        chosen = f"{session.version} with {session.cipher}"
        raise TlsPolicyError(f"host {peer.server_hostname} negotiated {chosen}, which is not allowed")


def refused_handshake(peer: ssl.SSLSocket, error: ssl.SSLError) -> TransportError | None:
    """Name a failed handshake; None when the line merely broke, which may be tried again."""
    host = str(peer.server_hostname)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return None
    identity = refused_identity(host, error)
    if identity is not None:
        return identity
    reason = error.reason or "unknown reason"
    # OpenSSL's servers answer a missing certificate under TLS 1.2 with the alert for "no common cipher", but
    # only after a cipher was chosen.
    if "ALERT_HANDSHAKE_FAILURE" in reason and peer.cipher() is not None:
        return PeerIdentityError(f"host {host} refused our client certificate or misses one")
    return TlsPolicyError(f"host {host} offers no TLS that is allowed ({_words(reason)})")


def refused_identity(host: str, error: ssl.SSLError) -> PeerIdentityError | None:
    """Name a refusal of either side's certificate, in the handshake or (TLS 1.3) on the first read after."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = UNTRUSTED.get(error.verify_code, f"was not accepted (OpenSSL verify code {error.verify_code})")
        return PeerIdentityError(f"the certificate of host {host} {why}")
    reason = error.reason or ""
    if reason.endswith(IDENTITY_ALERTS):
        why = _words(reason)
        return PeerIdentityError(f"host {host} refused our client certificate or misses one ({why})")
    return None


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")
