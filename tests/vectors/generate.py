"""Writes `v1/`: one file per fact of docs/format.md, from fixed keys, without the engine.

python tests/vectors/generate.py            writes what changed and removes what is no vector any more
python tests/vectors/generate.py --check    only says what would change; exit code 1 if anything would
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))  # so that `tests` is found when this file is run as a script

from tests.vectors.making import (  # noqa: E402 -- needs the path above
    chains,
    conventions,
    indexes,
    manifests,
    packs,
    records,
    retirements,
    sealed,
    whole,
    wrapping,
)

MODULES = (conventions, wrapping, sealed, packs, indexes, manifests, records, chains, retirements, whole)


def files() -> dict[str, str]:
    """Every vector's file name and text."""
    made = [vector for module in MODULES for vector in module.vectors()]
    result = {f"{vector.name}.json": vector.text() for vector in made}
    if len(result) != len(made):
        raise SystemExit("two vectors have one name")
    return result


def main() -> int:
    due = files()
    folder = HERE / "v1"
    folder.mkdir(exist_ok=True)
    there = {path.name: path.read_text() for path in folder.glob("*")}
    changed = sorted(name for name in due.keys() | there.keys() if due.get(name) != there.get(name))
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(f"differs: {name}\n" for name in changed)
        return int(bool(changed))
    for name in changed:
        if name in due:
            (folder / name).write_text(due[name])
        else:
            (folder / name).unlink()
    sys.stdout.write(f"{len(due)} vectors, {len(changed)} files changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
