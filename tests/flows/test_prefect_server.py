import http.client
import json
from urllib.parse import urlsplit

from infra.servers.prefect_server import PrefectServer


def test_prefect_server_serves_api_and_ui_without_telemetry(prefect_server: PrefectServer) -> None:
    parts = urlsplit(prefect_server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    connection.request("GET", "/api/admin/settings")
    settings = json.loads(connection.getresponse().read())
    connection.request("GET", "/")
    page = connection.getresponse().read()
    connection.close()

    assert settings["server"]["analytics_enabled"] is False
    assert settings["server"]["ui"]["api_url"] == prefect_server.api_url
    assert b"<html" in page
