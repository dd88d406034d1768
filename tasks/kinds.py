"""The kinds of task there are: what is kept of each, and when it is tried again. All tell their state changes.

Each is written out behind `@task`, so that what Prefect makes of a task stays visible where the task is.
"""

from typing import Any, TypedDict

from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.results import ResultSerializer
from prefect.tasks import RetryConditionCallable, StateHookCallable

from tasks.retries import JITTER, RETRIES, ask_the_error, delays
from tasks.states import tell_state

Receipt = dict[str, Any]
"""What a task did, as JSON holds it: ids, counts, digests and codes; never data, never a name."""


class _Told(TypedDict):
    on_running: list[StateHookCallable]
    on_completion: list[StateHookCallable]
    on_failure: list[StateHookCallable]


class _Streaming(_Told):
    persist_result: bool
    cache_policy: CachePolicy
    retries: int


class _Durable(_Told):
    persist_result: bool
    result_serializer: ResultSerializer
    retry_condition_fn: RetryConditionCallable
    retry_jitter_factor: float


class _Once(_Told):
    persist_result: bool
    result_serializer: ResultSerializer
    cache_policy: CachePolicy


class _Repeatable(_Once):
    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: RetryConditionCallable
    retry_jitter_factor: float


_TOLD: _Told = {"on_running": [tell_state], "on_completion": [tell_state], "on_failure": [tell_state]}

STREAMING: _Streaming = {**_TOLD, "persist_result": False, "cache_policy": NO_CACHE, "retries": 0}
"""Pulls from a stream: a second attempt would find it exhausted, and call nothing a success."""

DURABLE: _Durable = {
    **_TOLD,
    "persist_result": True,
    "result_serializer": "json",
    "retry_condition_fn": ask_the_error,
    "retry_jitter_factor": JITTER,
}
"""Works from the journal: the flow says how often it is tried, and a cache key finds its receipt on Retry."""

ONCE: _Once = {**_TOLD, "persist_result": True, "result_serializer": "json", "cache_policy": NO_CACHE}
"""Is never tried again, nor found again by a retried flow run."""

REPEATABLE: _Repeatable = {
    **ONCE,
    "retries": RETRIES,
    "retry_delay_seconds": delays(RETRIES),
    "retry_condition_fn": ask_the_error,
    "retry_jitter_factor": JITTER,
}
"""Reads: may begin anew as often as the error says that it helps."""
