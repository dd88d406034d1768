"""Whether work is worth a process beside this one."""

import os
from unittest.mock import Mock

import pytest

from proofkeep import beside


@pytest.mark.parametrize("error", [AttributeError, PermissionError])
def test_host_whose_memory_cannot_be_shared_is_worked_on_alone(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "memfd_create", Mock(side_effect=error))
    beside._has_memory.cache_clear()
    try:
        assert beside.cores() == 1
    finally:
        beside._has_memory.cache_clear()


def test_one_core_has_no_use_for_a_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    assert beside.cores() == 1


def test_what_is_handed_over_arrives_whole_when_the_system_takes_little_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = os.pwrite
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda file, data, place: write(file, data[:3], place))
        process = beside.Beside("proofkeep.count_worker", 16, [])
        process.hand(b"0123456789")
    handed = process.memory[:]
    process.end()

    assert handed == b"0123456789" + bytes(6)
