"""Our signature of a request that reads is the SDK's."""

from collections.abc import Mapping
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials

from proofkeep.stores.s3_signature import Credentials, signed, target_of

AT = "20261129T180000Z"
HOST = "localhost:8333"


def by_sdk(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], token: str | None) -> str:
    request = AWSRequest(method, f"https://{HOST}{path}", {**headers, "host": HOST}, params=dict(query))
    request.context["timestamp"] = AT
    with patch("botocore.auth.get_current_datetime") as now:
        now.return_value.strftime.return_value = AT
        S3SigV4Auth(SdkCredentials("AKID", "secret", token), "s3", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("token", [None, "token/with+signs="])
@pytest.mark.parametrize(
    "method, path, query, headers",
    [
        ("GET", "/bucket/repository", {}, {}),
        ("HEAD", "/bucket/epochs/00000001", {}, {"accept-encoding": "identity"}),
        ("GET", "/bucket/packs/a-b_c.d/00000000", {"versionId": "a+b/c=~ d"}, {"range": "bytes=5-9"}),
        ("GET", "/bucket", {"prefix": "ledger/", "list-type": "2", "start-after": "ledger/~", "z": ""}, {}),
    ],
)
def test_signature_is_the_sdks(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], token: str | None
) -> None:
    ours = signed(
        method,
        target_of(path, query),
        {**headers, "host": HOST},
        credentials=Credentials("AKID", "secret", token),
        region="eu-central-1",
        at=AT,
    )

    assert ours["authorization"] == by_sdk(method, path, query, headers, token)


def test_credentials_show_no_secret() -> None:
    assert "hidden" not in repr(Credentials("AKID", "hidden", "hidden too"))
