"""An S3, KMS, STS and IAM endpoint over TLS on loopback: moto in a process of its own.

`python -m infra.servers.aws_endpoint --port P --cert C --key K` serves it. A stand-in for AWS: it keeps
everything in memory and loses it when it ends, stores whatever digest it is told, and lets a disabled KMS key
decrypt.
"""

import argparse
import logging
import ssl
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.servers.https import answers, tls_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.process import ServerProcess, clean_environment

REGION = "us-gov-west-1"
ACCESS_KEY = "AKIDEMO0000000000000"
SECRET_KEY = "loopback only, no secret"  # noqa: S105 - moto accepts any; nothing outside loopback does

TLS12_CIPHERS = "ECDHE+AESGCM"


@dataclass
class AwsEndpoint:
    """Start and stop the endpoint; S3, KMS, STS and IAM answer under one `url`."""

    directory: Path
    ca_path: Path
    certificate: Certificate
    port: int = field(default_factory=free_port)
    region: str = REGION
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    process: ServerProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        context = tls_context(self.ca_path)
        self.process = ServerProcess(
            name="aws endpoint",
            command=[
                sys.executable,
                "-m",
                "infra.servers.aws_endpoint",
                f"--port={self.port}",
                f"--cert={self.certificate.cert_path}",
                f"--key={self.certificate.key_path}",
            ],
            log_path=self.directory / "aws_endpoint.log",
            ready=lambda: answers(f"{self.url}/moto-api/data.json", context),
            environment=clean_environment({"TMPDIR": tempfile.gettempdir(), **self.environment}),
        )

    @property
    def url(self) -> str:
        """The `endpoint_url` for every AWS client."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the ambient credential chain of a client process reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> Self:
        """Start and wait until it serves. Raises `ServerStartError`."""
        self.process.start()
        return self

    def stop(self) -> None:
        """End it, and with it everything it stored."""
        self.process.stop()


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """TLS 1.2 or newer, and of TLS 1.2 only ECDHE with AES-GCM, as the product's own policy demands."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(TLS12_CIPHERS)
    context.load_cert_chain(certificate.cert_path, certificate.key_path)
    return context


def serve(port: int, certificate: Certificate) -> None:
    """Serve until killed."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - the launcher must not pay for these imports
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - as above

    class PromptRequestHandler(MotoRequestHandler):
        """Sends header and body at once: Nagle's algorithm costs each answer 40 ms."""

        disable_nagle_algorithm = True

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        LOOPBACK,
        port,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=PromptRequestHandler,
        ssl_context=server_context(certificate),
    )
    server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="S3, KMS, STS and IAM double over TLS on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert", type=Path, required=True, help="certificate chain, PEM")
    parser.add_argument("--key", type=Path, required=True, help="private key, PEM")
    options = parser.parse_args(arguments)
    serve(options.port, Certificate(options.cert, options.key))


if __name__ == "__main__":
    main()
