"""A data key in clear leaves the process by none of the ways a value usually does."""

import copy
import dataclasses
import io
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it has no stubs
import msgspec
import pydantic_core
import pytest
import structlog

from proofkeep.keys.local import LocalKeyProvider
from proofkeep.model import GeneratedKey
from tests.engine.keys.independent_wrapping import fixed_p384_key

PROVIDER = LocalKeyProvider(fixed_p384_key(b"recipient").public_key())


@pytest.fixture
def generated() -> GeneratedKey:
    return PROVIDER.generate({})


def told(text: str, generated: GeneratedKey) -> bool:
    key = generated.plaintext
    return key.hex() in text or repr(key)[2:-1] in text or str(list(key)) in text


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, ascii])
def test_generated_key_does_not_show_itself(generated: GeneratedKey, show: Callable[[GeneratedKey], str]) -> None:
    assert not told(show(generated), generated)
    assert told(show(generated) + repr(generated.plaintext), generated)


@pytest.mark.parametrize(
    "serialize",
    [
        pickle.dumps,
        cloudpickle.dumps,
        copy.copy,
        copy.deepcopy,
        dataclasses.asdict,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        pydantic_core.to_json,
        pydantic_core.to_jsonable_python,
        vars,
    ],
)
def test_generated_key_refuses_to_be_serialized(generated: GeneratedKey, serialize: Callable[[Any], object]) -> None:
    with pytest.raises((TypeError, pydantic_core.PydanticSerializationError)) as caught:
        serialize(generated)

    assert not told(str(caught.value), generated)


def test_logged_generated_key_tells_nothing(generated: GeneratedKey, caplog: pytest.LogCaptureFixture) -> None:
    lines = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(lines),
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    )

    logging.getLogger("proofkeep.test").warning("made %s and %r", generated, generated)
    log.warning("made", key=generated)

    assert "GeneratedKey" in caplog.text
    assert "GeneratedKey" in lines.getvalue()
    assert not told(caplog.text + lines.getvalue(), generated)
