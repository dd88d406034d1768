"""Renders docs/on-call/codes.md from the error tree: `python -m infra.error_codes > docs/on-call/codes.md`."""

from collections.abc import Iterator

from proofkeep.errors import ProofkeepError

_HEAD = """# Codes

Every failure ends in one of these codes, in the flow run's state message and on the command line. Generated from
`proofkeep/errors.py`.

| code | what happened | retried by itself | what to do |
|---|---|---|---|
"""


def classes(root: type[ProofkeepError] = ProofkeepError) -> Iterator[type[ProofkeepError]]:
    """The tree in the order it is written, the root last of all."""
    for child in root.__subclasses__():
        yield child
        yield from classes(child)


def _row(error: type[ProofkeepError]) -> str:
    happened = (error.__doc__ or "").strip().splitlines()[0]
    return f"| `{error.code}` | {happened} | {'yes' if error.retryable else 'no'} | {error.hint} |"


def render() -> str:
    """The page."""
    rows = [_row(error) for error in classes() if error.__module__ == ProofkeepError.__module__]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(render(), end="")
