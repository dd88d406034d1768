import re
from collections.abc import Iterator

import pytest

from proofkeep import errors
from proofkeep.errors import ProofkeepError

BRANCH = re.compile(r"^(?P<indent>(?:│   |    )*)(?:├── |└── )(?P<name>\w+)$")
INDENT = 4

ErrorClass = type[ProofkeepError]


def descendants(parent: ErrorClass) -> Iterator[ErrorClass]:
    for child in parent.__subclasses__():
        yield child
        yield from descendants(child)


def every_error() -> list[ErrorClass]:
    return [ProofkeepError, *descendants(ProofkeepError)]


def drawn_tree(text: str) -> list[tuple[str, str]]:
    """Pairs of class and parent in the order drawn."""
    pairs: list[tuple[str, str]] = []
    line_of_descent = [ProofkeepError.__name__]
    for line in text.splitlines():
        branch = BRANCH.match(line)
        if branch is None:
            continue
        depth = len(branch["indent"]) // INDENT + 1
        line_of_descent[depth:] = [branch["name"]]
        pairs.append((branch["name"], line_of_descent[depth - 1]))
    return pairs


def test_tree_drawn_in_the_docstring_is_the_class_hierarchy() -> None:
    drawn = drawn_tree(errors.__doc__ or "")

    assert f"\n{ProofkeepError.__name__}\n" in (errors.__doc__ or "")
    assert sorted(drawn) == sorted(
        (error.__name__, base.__name__)
        for error in every_error()
        if error is not ProofkeepError
        for base in error.__bases__
    )


def test_errors_are_defined_nowhere_else() -> None:
    assert {error.__module__ for error in descendants(ProofkeepError)} == {errors.__name__}


def test_codes_are_unique() -> None:
    codes = [error.code for error in every_error()]

    assert len(set(codes)) == len(codes)


def test_no_two_codes_have_one_cause() -> None:
    causes = [error.cause for error in every_error()]

    assert len(set(causes)) == len(causes)


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_error_tells_code_cause_retry_and_hint_itself(error: ErrorClass) -> None:
    assert "code" in vars(error)
    assert {"cause", "hint"} <= vars(error).keys()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", error.code)
    assert re.fullmatch(r"[a-z][A-Za-z ,-]+", error.cause)
    assert isinstance(error.retryable, bool)
    assert error.hint[0].isupper() or error.hint[0] in "`'"
    assert error.hint.endswith(".")
    assert error.__doc__
