"""The drill's evidence, read as an auditor would: files against SHA256SUMS, then what the document says."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

LISTING = "SHA256SUMS"
DOCUMENT = "drill.json"

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<name>[^/]+)")


@dataclass(frozen=True)
class Evidence:
    """One drill's evidence.

    Attributes:
        altered: files that do not match their checksums.
        attacks: name of each thing tried, and whether it was refused.
        controls: name of each thing that had to work, and whether it did.
        unequal: restored files whose keyed digest is not the manifest's.
    """

    folder: Path
    altered: list[str]
    passed: bool = False
    destroyed: bool = False
    unequal: int = 0
    attacks: Mapping[str, bool] = field(default_factory=dict)
    controls: Mapping[str, bool] = field(default_factory=dict)


def read_evidence(folder: Path) -> Evidence:
    """Read it; whatever is missing from an unreadable document is not proven."""
    found = altered(folder)
    if found:
        return Evidence(folder, found)
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_bytes())
    tests = document["negative_tests"] or {"controls": [], "refusals": []}
    return Evidence(
        folder,
        found,
        document["result"] == "passed",
        document["destruction"]["nothing_left"] is True,
        sum(file["digest_actual"] != file["digest_expected"] for file in document["sample"]),
        {trial["name"]: trial["refused"] is True for trial in tests["refusals"]},
        {trial["name"]: trial["worked"] is True for trial in tests["controls"]},
    )


def altered(folder: Path) -> list[str]:
    """Files that do not match, or are listed or there alone; the listing itself where it is missing or malformed."""
    try:
        lines = (folder / LISTING).read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return [LISTING]
    listed = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            return [LISTING]
        listed[match["name"]] = match["digest"]
    there = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != LISTING}
    wanted = listed.keys() | there.keys() | {DOCUMENT}
    return sorted(name for name in wanted if name not in there or listed.get(name) != there[name])
