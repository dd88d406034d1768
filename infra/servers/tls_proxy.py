"""nginx before a Prefect server, with the very site that an installation uses, on other ports and under other names."""

import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.servers.https import answers, tls_context
from infra.servers.local_ca import Certificate
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.process import ServerProcess, ServerStartError

SITE = Path(__file__).parents[1] / "nginx" / "proofkeep.conf"

# Of root it would make another user's workers, who cannot get to their temporary files.
_AS_ROOT = "user root;\n"

_MAIN = """\
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/site.conf;
}}
"""


@dataclass
class TlsProxy:
    """Start and stop it; settings, temporary files and log lie in `directory`.

    Args:
        upstream: port of the server behind it, on loopback.
    """

    directory: Path
    certificate: Certificate
    ca_file: Path
    upstream: int
    port: int = field(default_factory=free_port)
    process: ServerProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if nginx is None:
            raise ServerStartError("nginx is not installed (Debian 12, as root: apt-get install -y nginx-light)")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.process = ServerProcess(
            name="tls proxy",
            command=[
                nginx,
                "-p",
                self.directory,
                "-e",
                self.directory / "nginx.log",
                "-c",
                self.directory / "main.conf",
            ],
            log_path=self.directory / "nginx.out",
            ready=lambda: answers(f"{self.url}/api/health", tls_context(self.ca_file), below=300),
            stop_signal=signal.SIGTERM,
        )

    @property
    def url(self) -> str:
        """Where browsers and clients find the server; `localhost`, so that the certificate's name is checked."""
        return f"https://localhost:{self.port}"

    def start(self) -> Self:
        """Write the settings and serve. Raises `ServerStartError`."""
        places = {
            "listen 443 ssl": f"listen {LOOPBACK}:{self.port} ssl",
            "server_name backup.example": "server_name localhost",
            "/etc/proofkeep/tls/server.pem": str(self.certificate.cert_path),
            "/etc/proofkeep/tls/server.key": str(self.certificate.key_path),
            "127.0.0.1:4200": f"{LOOPBACK}:{self.upstream}",
        }
        site = SITE.read_text("utf-8")
        for installed, here in places.items():
            if installed not in site:
                raise ServerStartError(f"{SITE.name} does not say {installed!r}")
            site = site.replace(installed, here)
        (self.directory / "site.conf").write_text(site)
        (self.directory / "main.conf").write_text(
            (_AS_ROOT if os.geteuid() == 0 else "") + _MAIN.format(directory=self.directory)
        )
        self.process.start()
        return self

    def stop(self) -> None:
        """End it."""
        self.process.stop()
