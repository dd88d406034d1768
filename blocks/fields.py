"""What a field may hold, refused while somebody types it: a key or a credential is none of these."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr, StringConstraints

from proofkeep.configuration import duration, rate
from proofkeep.errors import UsageError


def _is_a_duration(spelled: str) -> str:
    try:
        duration.parse_duration(spelled)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return spelled


def _is_a_rate(spelled: str) -> str:
    try:
        rate.parse_rate(spelled)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return spelled


_PING = re.compile(r"https://[A-Za-z0-9.:\[\]-]+(/([A-Za-z0-9._~/-]|\{verb\})*)?")


def _is_told(address: SecretStr | None) -> SecretStr | None:
    if address is not None and not _PING.fullmatch(address.get_secret_value()):
        raise ValueError("is no https address without user, query and fragment")
    return address


AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]*$")]
"""A relative one would begin wherever the worker was started."""

HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$")]
"""Without user, password, query or fragment, in which credentials travel."""

PingUrl = Annotated[SecretStr | None, AfterValidator(_is_told)]
"""As `HttpsUrl`; `{verb}` may stand in its path. Whoever knows it can tell the monitor that all is well."""

BlockName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
"""As Prefect names blocks."""

Duration = Annotated[str, StringConstraints(pattern=duration.PATTERN), AfterValidator(_is_a_duration)]
"""Such as `26h` or `8d`."""

Rate = Annotated[str, StringConstraints(pattern=rate.PATTERN), AfterValidator(_is_a_rate)]
"""Such as `20 MiB/s`."""

KeyUri = Annotated[str, StringConstraints(pattern=r"^(awskms:|file:/|credential:)\S+$")]
PassphraseUri = Annotated[str, StringConstraints(pattern=r"^(env:|file:/|credential:|fd:)\S+$")]
HostSecretUri = Annotated[str, StringConstraints(pattern=r"^(awskms-mac:|file:/|credential:)\S+$")]
