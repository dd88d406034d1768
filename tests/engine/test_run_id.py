"""A run's id names a folder, so that nothing but an id passes for one."""

import pytest

from proofkeep.errors import UsageError
from proofkeep.state import run_id


def test_run_id_is_taken_as_digits_or_uuid() -> None:
    assert run_id("AB" * 16) == run_id("abababab-abab-abab-abab-abababababab") == b"\xab" * 16


@pytest.mark.parametrize("spelled", ["", "*", "?" * 32, "../" + "ab" * 16, "ab", "zz" * 16, "ab" * 17, "\u0660" * 32])
def test_other_run_ids_are_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="is not 32 hex digits"):
        run_id(spelled)
