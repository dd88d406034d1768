"""The TLS policy as an `ssl.SSLContext` that refuses by itself whatever the policy does not allow.

NIST SP 800-52r2: TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3 with AES-GCM; certificate and host name always
checked. No environment variable (`SSL_CERT_FILE`, `SSL_CERT_DIR`, `SSLKEYLOGFILE`) has any effect.
"""

import ssl
from pathlib import Path
from typing import Literal, NoReturn

import msgspec

from proofkeep.errors import UsageError
from proofkeep.tls.handshake import CheckedSocket

Curve = Literal["P-256", "P-384"]

# @SECLEVEL=2: 112 bits of strength, so RSA from 2,048 bits and no SHA-1 signatures, whatever the system says.
TLS12_CIPHERS = "ECDHE+AESGCM:@SECLEVEL=2"

OPENSSL_CURVES: dict[Curve, str] = {"P-256": "prime256v1", "P-384": "secp384r1"}


class TlsPolicy(msgspec.Struct, frozen=True):
    """Whom to trust, how to identify ourselves, and the one group for the key exchange.

    Args:
        ca_file: PEM file of the only certificates to trust; None trusts the system's store.
        client_certificate: PEM chain for servers that ask for one.
        client_key: its unencrypted private key; None if the chain's file holds it.
        curve: Python's ssl offers one group at a time until 3.15. Under TLS 1.2 it must also be the curve of
            the server's certificate, if that is an elliptic one.
    """

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    curve: Curve = "P-256"

    def context(self) -> ssl.SSLContext:
        """A new client context for blocking sockets.

        Its handshake raises `TlsPolicyError` or `PeerIdentityError` where the peer is not acceptable.

        Raises:
            UsageError: a file is missing, unreadable, or not what it must be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class = CheckedSocket
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(TLS12_CIPHERS)
        context.set_ecdh_curve(OPENSSL_CURVES[self.curve])
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        context.hostname_checks_common_name = False
        self._trust(context)
        self._identify(context)
        return context

    def _trust(self, context: ssl.SSLContext) -> None:
        if self.ca_file is None:
            _trust_system(context)
            return
        try:
            context.load_verify_locations(cafile=self.ca_file)
        except OSError:
            told = "holds no certificate in PEM form" if _can_be_read(self.ca_file) else "cannot be read"
            raise UsageError(f"the tls policy's CA file {told}") from None

    def _identify(self, context: ssl.SSLContext) -> None:
        if self.client_certificate is None:
            if self.client_key is not None:
                raise UsageError("the tls policy has a client key but no client certificate")
            return
        try:
            context.load_cert_chain(self.client_certificate, self.client_key, password=_refuse_to_ask)
        except OSError:
            if _can_be_read(self.client_certificate) and _can_be_read(self.client_key or self.client_certificate):
                raise UsageError("the tls policy's client certificate and key are no pair in PEM form") from None
            raise UsageError("the tls policy's client certificate or key cannot be read") from None


def _can_be_read(path: Path) -> bool:
    """Asked of a file that could not be loaded: Python tells the reason by an errno that need not be the file's."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def _trust_system(context: ssl.SSLContext) -> None:
    """Load the store that OpenSSL was built for; `load_default_certs` would let the environment choose."""
    built_in = ssl.get_default_verify_paths()
    cafile = built_in.openssl_cafile if Path(built_in.openssl_cafile).is_file() else None
    capath = built_in.openssl_capath if Path(built_in.openssl_capath).is_dir() else None
    if cafile is None and capath is None:
        raise UsageError("the tls policy names no CA file and the system has no store of certificates")
    context.load_verify_locations(cafile=cafile, capath=capath)


def _refuse_to_ask() -> NoReturn:
    """OpenSSL would ask for the passphrase on the terminal and wait there for ever."""
    raise UsageError("the tls policy's client key is encrypted; it must be readable without a passphrase")
