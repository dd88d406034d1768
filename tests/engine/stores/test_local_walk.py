import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from proofkeep.stores.local_walk import walk
from proofkeep.stores.names import is_name, is_prefix

PREFIXES = st.text("a0.-_/", max_size=4).filter(is_prefix)
NAMES = st.text("a0.-_/", min_size=1, max_size=8).filter(is_name)


def make_tree(root: Path, names: set[str]) -> list[str]:
    """Files of these names as far as none is a folder of another; what there is, in bytewise order."""
    made = []
    for name in sorted(names, key=lambda name: name.split("/")):
        path = root / name
        if not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            made.append(name)
    return sorted(made, key=str.encode)


@settings(deadline=None)  # a filesystem may be busy
@given(st.sets(NAMES, max_size=12), PREFIXES, st.text("a0.-_/", max_size=4))
def test_walk_is_in_bytewise_order_whatever_the_names(names: set[str], prefix: str, after: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        held = make_tree(root, names)

        found = [name for name, _ in walk(root, prefix, after)]

    assert found == [name for name in held if name.startswith(prefix) and name > after]
