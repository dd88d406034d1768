"""The demo with one thing done to it by somebody else: `python -m tests.demo.sabotaged run --source PATH`.

Between the second backup and `verify` one stored pack is replaced by a copy with one bit flipped, as a thief with the
store's credentials would: the version that the ledger names goes, another one takes its name.
"""

import sys
from typing import Any

import boto3

from infra.demo import cloud as clouds
from infra.demo import runs
from infra.demo.__main__ import main
from infra.demo.cloud import PACKS_BUCKET, Cloud

run = runs.run
stored_packs = clouds.stored_packs
endpoints: list[Cloud] = []


def remembering(cloud: Cloud) -> dict[str, int]:
    """Note where the store is."""
    endpoints.append(cloud)
    return stored_packs(cloud)


def damage_first(flow: Any, *arguments: Any, **options: Any) -> Any:
    """Run the flow; before `verify`, replace the largest pack."""
    if flow.name == "verify":
        place = endpoints[-1]
        packs = stored_packs(place)
        name = max(packs, key=lambda pack: packs[pack])
        s3 = boto3.client("s3", endpoint_url=place.url, region_name=place.region, verify=place.ca_file)
        answer = s3.get_object(Bucket=PACKS_BUCKET, Key=name)
        body = bytearray(answer["Body"].read())
        body[len(body) // 2] ^= 1
        s3.delete_object(Bucket=PACKS_BUCKET, Key=name, VersionId=answer["VersionId"])
        s3.put_object(Bucket=PACKS_BUCKET, Key=name, Body=bytes(body))
    return run(flow, *arguments, **options)


if __name__ == "__main__":
    clouds.stored_packs = remembering
    runs.run = damage_first
    sys.exit(main())
