"""The demo with one thing done to it by somebody else: `python -m tests.demo.sabotaged run --source PATH`.

Between the second backup and `verify` one stored pack is replaced by a copy with one bit flipped, as a thief with the
store's credentials would: the version that the ledger names goes, another one takes its name.
"""

import sys
from pathlib import Path
from typing import Any

import boto3

from infra.demo import cloud as clouds
from infra.demo import surroundings
from infra.demo.__main__ import main
from infra.demo.cloud import PACKS_BUCKET, Cloud

enter = surroundings.enter
stored_packs = clouds.stored_packs
endpoints: list[Cloud] = []


def enter_and_lie_in_wait(home: Path, port: int, event_log: Path) -> None:
    """Prefect reads the environment when it is imported, so the flows can only be reached from here on."""
    enter(home, port, event_log)
    from infra.demo import runs  # noqa: PLC0415 - as above

    run = runs.run

    def damage_first(flow: Any, *arguments: Any, **options: Any) -> Any:
        if flow.name == "verify":
            damage(endpoints[-1])
        return run(flow, *arguments, **options)

    runs.run = damage_first


def remembering(cloud: Cloud) -> dict[str, int]:
    """Note where the store is."""
    endpoints.append(cloud)
    return stored_packs(cloud)


def damage(place: Cloud) -> None:
    """Replace the largest pack."""
    packs = stored_packs(place)
    name = max(packs, key=lambda pack: packs[pack])
    s3 = boto3.client("s3", endpoint_url=place.url, region_name=place.region, verify=place.ca_file)
    answer = s3.get_object(Bucket=PACKS_BUCKET, Key=name)
    body = bytearray(answer["Body"].read())
    body[len(body) // 2] ^= 1
    s3.delete_object(Bucket=PACKS_BUCKET, Key=name, VersionId=answer["VersionId"])
    s3.put_object(Bucket=PACKS_BUCKET, Key=name, Body=bytes(body))


if __name__ == "__main__":
    surroundings.enter = enter_and_lie_in_wait
    clouds.stored_packs = remembering
    sys.exit(main())
