from collections.abc import Callable, Mapping
from typing import Any

import pytest

from proofkeep.errors import ProofkeepError
from tests.vectors import by_engine, by_second_reader
from tests.vectors.by_second_reader import NOT_A_READERS
from tests.vectors.loading import load, names
from tests.vectors.making.vector import written
from tests.vectors.second_reader import Refused

READERS_NAMES = [name for name in names() if load(name)["function"] not in NOT_A_READERS]


def outcome(functions: Mapping[str, Callable[[Mapping[str, Any]], Any]], vector: Mapping[str, Any]) -> tuple[str, Any]:
    """What a vector says in `expect` and `result`, as these functions answer it."""
    try:
        return "ok", written(functions[vector["function"]](vector["inputs"]))
    except (ProofkeepError, Refused) as error:
        return error.code, None


def due(vector: Mapping[str, Any]) -> tuple[str, Any]:
    return vector["expect"], vector["result"]


@pytest.mark.parametrize("name", names())
def test_engine_agrees_with_the_vector(name: str) -> None:
    vector = load(name)

    answer = outcome(by_engine.FUNCTIONS, vector)

    assert answer == due(vector)


@pytest.mark.parametrize("name", READERS_NAMES)
def test_second_reader_agrees_with_the_vector(name: str) -> None:
    vector = load(name)

    answer = outcome(by_second_reader.FUNCTIONS, vector)

    assert answer == due(vector)


def test_each_reader_answers_every_function_that_is_its() -> None:
    functions = {load(name)["function"] for name in names()}

    assert set(by_engine.FUNCTIONS) == functions
    assert set(by_second_reader.FUNCTIONS) == functions - NOT_A_READERS
