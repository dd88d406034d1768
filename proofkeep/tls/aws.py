"""botocore clients whose every connection follows the TLS policy.

Uses botocore's public `before-send` event: an answer returned from it replaces botocore's own HTTP session
and with it the environment's CA variables and proxies. Signing, retries and parsing stay botocore's.
"""

import functools
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from proofkeep.errors import UsageError
from proofkeep.tls.addresses import require_endpoint, require_https
from proofkeep.tls.policy import TlsPolicy
from proofkeep.tls.recorder import TlsRecorder
from proofkeep.tls.service_models import ServiceModels, service_models
from proofkeep.tls.session import PATIENCE, Patience, PolicySession

CONNECTIONS = 16


def open_client(
    service: str,
    policy: TlsPolicy,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    session: botocore.session.Session | None = None,
    config: Config | None = None,
    connections: int = CONNECTIONS,
    patience: Patience = PATIENCE,
) -> tuple[Any, TlsRecorder]:
    """Make a botocore client bound to `policy`, with bounded timeouts and attempts.

    Args:
        service: botocore's name of it, such as `s3` or `kms`.
        policy: for every connection of the client.
        endpoint_url: https only; None takes AWS's own for the region.
        region: None takes the configuration's.
        session: where credentials come from, used as it is; None takes the ambient chain, and then the calls
            that fetch credentials (STS, SSO) follow the policy too.
        config: merged over ours.
        connections: how many threads can use the client without reconnecting.
        patience: timeouts and attempts.

    Raises:
        UsageError: a file of the policy, the region or the AWS configuration is not usable.
        TlsPolicyError: the endpoint is not https.
    """
    ours = Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    if endpoint_url is not None:
        require_endpoint(endpoint_url)
    try:
        chain = session or _ambient_chain()
        recorder = None if session else _bind(chain.get_component("event_emitter"), policy, connections, patience)
        client = chain.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            config=ours.merge(config) if config else ours,
        )
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"aws {service} client cannot be configured ({type(error).__name__})") from None
    require_https(client.meta.endpoint_url)
    return client, recorder or _bind(client.meta.events, policy, connections, patience)


def bind(client: Any, policy: TlsPolicy, *, connections: int = CONNECTIONS) -> TlsRecorder:
    """Send everything an existing botocore client sends under `policy`. Once a client, never twice.

    Afterwards its calls raise `TlsPolicyError` and `PeerIdentityError` themselves, never retried; every other
    failure of the line stays botocore's exception, for the adapter to translate.

    Raises:
        UsageError: a file of the policy is not usable.
    """
    return _bind(client.meta.events, policy, connections, PATIENCE)


def _ambient_chain() -> botocore.session.Session:
    chain = botocore.session.Session()
    chain.register_component("data_loader", _service_models(chain.get_config_variable("data_path")))
    return chain


@functools.cache
def _service_models(data_path: str | None) -> ServiceModels:
    """Read once a process: it is most of the cost of a first client."""
    return service_models(data_path)


def _bind(events: Any, policy: TlsPolicy, connections: int, patience: Patience) -> TlsRecorder:
    recorder = TlsRecorder()
    session = PolicySession(policy.context(), recorder, connections, patience)

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return session.send(request)

    events.register_first("before-send", send)
    return recorder
