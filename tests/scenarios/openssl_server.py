"""`openssl s_server`: a TLS server that offers exactly what a test wants refused. It serves one connection."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK
from infra.servers.process import clean_environment

END_SECONDS = 30


@dataclass
class OpensslServer:
    """A started server. It speaks no HTTP: whoever sends it a request waits in vain."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """Where an S3 client would look for it."""
        return f"https://localhost:{self.port}"

    def received(self) -> bytes:
        """Wait until its one connection has ended; all it printed, application data included."""
        output, _ = self.process.communicate(timeout=END_SECONDS)
        return output


@contextmanager
def openssl_server(certificate: Certificate, *options: str) -> Iterator[OpensslServer]:
    """Start `openssl s_server` with these further options."""
    command = ["openssl", "s_server", "-accept", f"{LOOPBACK}:0", "-naccept", "1", *options]
    command += ["-cert", str(certificate.cert_path), "-cert_chain", str(certificate.cert_path)]
    command += ["-key", str(certificate.key_path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # at the end of its input it would leave
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
    ) as process:
        try:
            yield OpensslServer(process, _accepting_port(process))
        finally:
            process.kill()


def _accepting_port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith(b"ACCEPT"):
            return int(line.rsplit(b":", 1)[1])
    raise AssertionError(b"".join(printed).decode(errors="replace"))
