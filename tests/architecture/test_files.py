from tests.architecture.tree import ROOT, text_of, tree_files

LONGEST_FILE = 300

# path: why it may be longer
LONGER_FILES = {
    "proofkeep/errors.py": "one tree, read as one table of code, retry and hint",
    "tests/vectors/second_reader.py": "one file on purpose: an auditor reads and runs it without this project",
}

# In halves, so that this file does not name them either.
REGISTRY_HOSTS = tuple(
    first + last
    for first, last in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs.org"),
        ("crates", ".io"),
        ("proxy.", "golang.org"),
        ("deb.", "debian.org"),
        ("anaconda", ".org"),
    )
)


def test_no_python_file_is_longer_than_its_reader_can_hold() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tree_files() if path.suffix == ".py"
    }

    too_long = {path: length for path, length in lengths.items() if length > LONGEST_FILE and path not in LONGER_FILES}

    assert too_long == {}


def test_allowance_for_long_files_names_only_long_files() -> None:
    short = [path for path in LONGER_FILES if len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE]

    assert short == []


def test_no_file_names_a_package_registry() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tree_files()
        for host in REGISTRY_HOSTS
        if host in (text_of(path) or "")
    ]

    assert named == []


def test_every_locked_package_has_a_hash() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        if lock.name == "apt-test.txt":
            continue
        entries = lock.read_text().replace("\\\n", " ").splitlines()

        unhashed = [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]

        assert unhashed == [], lock.name


def test_locks_agree_on_every_version() -> None:
    runtime, demo, dev, bench = (
        {
            line.rstrip(" \\")
            for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
            if "==" in line
        }
        for name in ("runtime", "demo", "dev", "bench")
    )

    assert runtime <= demo <= dev <= bench
