"""Load a block by its name, or say which one is missing."""

from typing import TypeVar

from pydantic import ValidationError

from blocks.base import ConfigurationBlock
from proofkeep.errors import UsageError

B = TypeVar("B", bound=ConfigurationBlock)


def load_block(kind: type[B], name: str) -> B:
    """The block document `name` of a type.

    Raises:
        UsageError: there is none, or it does not fit its type.
    """
    title = f"block {kind.get_block_type_slug()}/{name}"
    try:
        return kind.load(name, _sync=True)  # type: ignore[call-arg,return-value] # prefect's dispatcher takes _sync
    except RuntimeError as error:
        raise UsageError(f"{title} does not fit its type{_fields(error.__cause__)}") from None
    except ValueError:
        raise UsageError(f"{title} does not exist at this prefect server") from None


def _fields(cause: BaseException | None) -> str:
    """Which fields Prefect found wrong, never what they hold."""
    if not isinstance(cause, ValidationError):
        return ""
    places = {".".join(map(str, problem["loc"])) for problem in cause.errors()}
    return f" in {', '.join(sorted(places))}"
