"""What a TLS record says of a certificate."""

import ssl
from hashlib import sha256

from infra.servers.local_ca import Certificate

END = "-----END CERTIFICATE-----\n"


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the leaf in DER, in hex."""
    leaf = certificate.cert_path.read_text().partition(END)[0] + END
    return sha256(ssl.PEM_cert_to_DER_cert(leaf)).hexdigest()
