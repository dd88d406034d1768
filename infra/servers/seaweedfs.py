"""SeaweedFS: a real S3 server with Object Lock, checksums, bucket policies and mutual TLS.

Stopped by SIGKILL: it takes up to half a minute to end politely, and its directory is thrown away.
"""

import json
import signal
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.servers.https import answers, tls_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import BELOW_EPHEMERAL, LOOPBACK, claim, shuffled
from infra.servers.process import ServerProcess, clean_environment

REGION = "us-east-1"

GRPC_OFFSET = 10_000  # each port has a gRPC twin this much higher
WITH_A_TWIN = BELOW_EPHEMERAL[:-GRPC_OFFSET]


@dataclass(frozen=True)
class S3Credentials:
    """An access key and its secret, known to this server alone."""

    access_key: str
    secret_key: str


ADMIN = S3Credentials("AKADMIN", "SKADMIN")
STRANGER = S3Credentials("AKSTRANGER", "SKSTRANGER")


def ambient_credentials(credentials: S3Credentials) -> dict[str, str]:
    """The variables in which a client's ambient chain finds them."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def free_port_pair() -> int:
    """A port that is free together with its gRPC twin."""
    return next(port for port in shuffled(WITH_A_TWIN) if claim(port) and claim(port + GRPC_OFFSET))


@dataclass
class SeaweedFs:
    """Start and stop one server over a fresh `directory`.

    `url` is TLS; `plain_url` is the http port that the server always opens as well. `admin` may do all,
    `stranger` has good credentials and no right at all.

    Args:
        require_client: refuse clients without a certificate of the CA at `ca_path`; this one is what the
            readiness question presents.
    """

    directory: Path
    ca_path: Path
    certificate: Certificate
    require_client: Certificate | None = None
    region: str = REGION
    admin: S3Credentials = ADMIN
    stranger: S3Credentials = STRANGER
    port: int = field(default_factory=free_port_pair)
    plain_port: int = field(default_factory=free_port_pair)
    process: ServerProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True)
        (self.directory / "data").mkdir()
        context = tls_context(self.ca_path, self.require_client)
        self.process = ServerProcess(
            name="seaweedfs",
            command=self._command(),
            log_path=self.directory / "seaweedfs.log",
            ready=lambda: answers(f"{self.url}/healthz", context),
            environment=clean_environment({"TMPDIR": str(self.directory), "SSL_CERT_FILE": str(self.ca_path)}),
            directory=self.directory,
            stop_signal=signal.SIGKILL,
        )

    @property
    def url(self) -> str:
        """The `endpoint_url` over TLS."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def plain_url(self) -> str:
        """The same server without TLS: for tests that a client refuses it."""
        return f"http://{LOOPBACK}:{self.plain_port}"

    def start(self) -> Self:
        """Start and wait until it serves. Raises `ServerStartError`."""
        self.process.start()
        return self

    def stop(self) -> None:
        """Kill it."""
        self.process.stop()

    def _command(self) -> list[str | Path]:
        binary = Path(sysconfig.get_path("scripts")) / "weed"
        return [
            binary,
            "server",
            f"-dir={self.directory / 'data'}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            f"-master.port={free_port_pair()}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            f"-volume.port={free_port_pair()}",
            "-volume.max=500",  # a bucket takes seven volumes as it begins
            "-filer",
            f"-filer.port={free_port_pair()}",
            "-s3",
            f"-s3.port={self.plain_port}",
            f"-s3.port.https={self.port}",
            f"-s3.cert.file={self.certificate.cert_path}",
            f"-s3.key.file={self.certificate.key_path}",
            f"-s3.cacert.file={self.ca_path}",
            f"-s3.tlsVerifyClientCert={'true' if self.require_client else 'false'}",
            f"-s3.config={self._write_identities()}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]

    def _write_identities(self) -> Path:
        identities = [
            _identity("admin", self.admin, ["Admin", "Read", "Write", "List", "Tagging"]),
            _identity("stranger", self.stranger, []),
        ]
        local_kms = {"type": "local", "enableOnDemandCreate": True}
        kms = {"default_provider": "local", "providers": {"local": local_kms}}
        path = self.directory / "s3.json"
        path.write_text(json.dumps({"identities": identities, "kms": kms}))
        return path


def _identity(name: str, credentials: S3Credentials, actions: list[str]) -> dict[str, object]:
    keys = {"accessKey": credentials.access_key, "secretKey": credentials.secret_key}
    return {"name": name, "credentials": [keys], "actions": actions}
