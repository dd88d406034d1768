"""A backup's flow tells the monitor of its source, and the card what the monitor did not take."""

from collections.abc import Callable

from pydantic import SecretStr

from blocks import Source
from flows.backup import backup
from tests.flows.house import House
from tests.flows.running import artifacts, client, message, run_here
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver


def test_monitor_is_told_by_the_flow_and_its_refusal_by_the_card(make_house: Callable[..., House], pki: Pki) -> None:
    house = make_house(tls={"ca_file": str(pki.ca_path)})
    house.fill(1)
    with Receiver(pki.server) as monitor:
        source = Source(root=str(house.source), ping_url=SecretStr(f"{monitor.url}/home"))
        source.save(house.name, overwrite=True, _sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync
        monitor.statuses.append(404)
        good = run_here(backup, house.parameters())
        (house.root / "store").rename(house.root / "away")
        bad = run_here(backup, house.parameters())

    with client() as api:
        shown = api.read_block_document_by_name(house.name, "proofkeep-source", include_secrets=False)

    assert good.state_name == "Completed", message(good)
    assert monitor.url not in f"{shown} {source!r} {artifacts(good.id)} {artifacts(bad.id)}"
    assert "**Beside it:** ping of start was not sent: status 404" in artifacts(good.id)["markdown"]
    assert monitor.paths == ["/home/start", "/home", "/home/start", "/home/fail"]
    assert monitor.received[1].document["counts"]["files"] == 1
    assert f"[{monitor.received[3].document['code']}]" in message(bad)
