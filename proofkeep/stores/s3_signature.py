"""AWS signature version 4 of requests that only read, without the SDK; a test holds it against the SDK's own."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote

_NOTHING = sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one identity; `token` for those that end."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def target_of(path: str, query: Mapping[str, str]) -> str:
    """Path and query as they are sent and signed."""
    spelled = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
    return quote(path, safe="/~") + (f"?{spelled}" if spelled else "")


def signed(
    method: str, target: str, headers: Mapping[str, str], *, credentials: Credentials, region: str, at: str
) -> dict[str, str]:
    """The headers with the signature over all of them.

    Args:
        target: as `target_of` spells it.
        headers: `host` among them, all names in lower case.
        at: `YYYYMMDDTHHMMSSZ`.
    """
    whole = {**headers, "x-amz-content-sha256": _NOTHING, "x-amz-date": at}
    if credentials.token is not None:
        whole["x-amz-security-token"] = credentials.token
    names = sorted(whole)
    path, _, query = target.partition("?")
    said = "".join(f"{name}:{' '.join(whole[name].split())}\n" for name in names)
    request = "\n".join((method, path, query, said, ";".join(names), _NOTHING))
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    whole["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope},"
        f" SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return whole


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
