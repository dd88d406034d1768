"""Where a bucket is, so that two ways to one bucket give the same answer where that can be known."""

from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError

from proofkeep.model import Location
from proofkeep.stores.s3_places import place_elsewhere


def locate(client: Any, bucket: str, session: botocore.session.Session | None) -> Location:
    """Place and neighbourhood of a bucket.

    AWS: bucket names are unique in a partition whatever the endpoint, so the place is the bucket's ARN; the
    neighbourhood is the account, where the credentials given tell it. An access point's alias hides its bucket.
    Elsewhere: endpoint and bucket, and the endpoint.
    """
    elsewhere = place_elsewhere(client.meta.endpoint_url, bucket)
    if elsewhere is not None:
        return elsewhere
    partition = client.meta.partition
    account = _account(session)
    return Location("s3", f"arn:{partition}:s3:::{bucket}", f"{partition}:{account or 'account unknown'}")


def _account(session: botocore.session.Session | None) -> str | None:
    try:
        credentials = session.get_credentials() if session else None
        account = getattr(credentials, "account_id", None)
    except BotoCoreError:
        return None
    return None if account is None else str(account)
