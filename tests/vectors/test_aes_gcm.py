import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.crypto.sealing import SealingKey
from proofkeep.errors import AuthenticationError

FOLDER = Path(__file__).parent / "aes_gcm"
CASES = 75  # three of each of 25 combinations of lengths

Case = dict[str, bytes]


def cases(file: str) -> Iterator[tuple[bool, Case]]:
    """Each case's fields, and whether it must open."""
    for text in re.split(r"(?m)^Count = \d+$", (FOLDER / file).read_text())[1:]:
        fields = dict(re.findall(r"(?m)^(\w+) =[ ]?([0-9a-f]*)$", text))
        yield re.search(r"(?m)^FAIL$", text) is None, {name: bytes.fromhex(value) for name, value in fields.items()}


ENCRYPTION = [case for _, case in cases("gcmEncryptExtIV256.rsp")]
OPENING = [case for opens, case in cases("gcmDecrypt256.rsp") if opens]
REFUSED = [case for opens, case in cases("gcmDecrypt256.rsp") if not opens]


def test_every_case_of_the_files_is_read() -> None:
    assert [len(ENCRYPTION), len(OPENING), len(REFUSED)] == [CASES, CASES, CASES]


@pytest.mark.parametrize("case", ENCRYPTION)
def test_sealing_gives_the_known_ciphertext_and_tag(case: Case) -> None:
    with patch("proofkeep.crypto.sealing.os.urandom", return_value=case["IV"]):
        sealed = SealingKey(case["Key"]).seal(case["AAD"], case["PT"])

    assert sealed == case["IV"] + case["CT"] + case["Tag"]


@pytest.mark.parametrize("case", OPENING + ENCRYPTION)
def test_opening_gives_the_known_plaintext(case: Case) -> None:
    plain = SealingKey(case["Key"]).open(case["AAD"], case["IV"] + case["CT"] + case["Tag"], "known answer")

    assert plain == case["PT"]


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_tag_is_refused(case: Case) -> None:
    sealed = case["IV"] + case["CT"] + case["Tag"]

    with pytest.raises(AuthenticationError):
        SealingKey(case["Key"]).open(case["AAD"], sealed, "known answer")
