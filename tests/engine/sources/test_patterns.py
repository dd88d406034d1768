import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import PatternError
from proofkeep.sources.directory import DirectorySource
from proofkeep.sources.patterns import Selection, Verdict, parse
from tests.engine.sources.slow_globs import matches, wanted
from tests.engine.sources.trees import plant

PARTS = [
    "a",
    "b",
    "ab",
    "*",
    "?",
    "**",
    "[ab]",
    "[!a]",
    "[^b]",
    "[]a]",
    "a*",
    "*b",
    "*a*",
    "?b",
    "[a-c]*",
    "\\*",
    "a**b",
]
NAMES = [b"a", b"b", b"ab", b"aab", b"b]", b"*", b"a\nb", b"\xffb", b".a"]

patterns = st.builds(
    lambda parts, first, last: first + "/".join(parts) + last,
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
    st.sampled_from(["", "/"]),
)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(b"/".join)


@given(pattern=patterns, path=paths, directory=st.booleans())
def test_pattern_matches_what_its_slow_reading_matches(pattern: str, path: bytes, *, directory: bool) -> None:
    selection = Selection(exclude=[pattern])

    verdict = selection.judge(path, directory=directory, inside=False)

    assert (verdict is Verdict.LEAVE) == matches(pattern.encode(), path, directory=directory)


@given(
    files=st.lists(paths, max_size=8),
    include=st.lists(patterns, max_size=2),
    exclude=st.lists(patterns, max_size=2),
)
def test_walk_yields_what_the_slow_reading_wants(files: list[bytes], include: list[str], exclude: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tree = plant(Path(scratch), files)

        walked = [
            node.path for node in DirectorySource(Path(scratch), label="t", include=include, exclude=exclude).walk()
        ]

    expected = wanted(tree, [os.fsencode(p) for p in include], [os.fsencode(p) for p in exclude])
    assert walked == [b"", *sorted(expected, key=lambda path: path.split(b"/"))]


@pytest.mark.parametrize(
    "pattern, path, left_out",
    [
        ("*.tmp", b"deep/down/x.tmp", True),
        ("*.tmp", b"x.tmp.kept", False),
        ("/top", b"top", True),
        ("/top", b"below/top", False),
        ("logs/*.log", b"logs/a.log", True),
        ("logs/*.log", b"other/logs/a.log", False),
        ("logs/*.log", b"logs/old/a.log", False),
        ("logs/**", b"logs/old/a.log", True),
        ("logs/**", b"logs", False),
        ("**/cache", b"cache", True),
        ("**/cache", b"a/b/cache", True),
        ("a/**/z", b"a/z", True),
        ("a/**/z", b"a/b/c/z", True),
        ("a/**/z", b"b/a/z", False),
        ("a*z", b"a\nz", True),
        ("a?z", b"a\xffz", True),
        ("[0-9][!0-9]", b"7x", True),
        ("[0-9][!0-9]", b"77", False),
        ("[a[]", b"[", True),
        ("x[a-]", b"x-", True),
        ("[!a]", b"/", False),
        ("\\!important", b"!important", True),
        ("a\\*", b"a*", True),
        ("a\\*", b"ab", False),
        ("(a|b)+.$", b"(a|b)+.$", True),
        ("caf\u00e9", "caf\u00e9".encode(), True),
        ("raw\udcff", b"raw\xff", True),
    ],
)
def test_pattern_reads_like_gitignore(pattern: str, path: bytes, *, left_out: bool) -> None:
    verdict = Selection(exclude=[pattern]).judge(path, directory=False, inside=False)

    assert (verdict is Verdict.LEAVE) == left_out


def test_pattern_with_trailing_slash_matches_directories_only() -> None:
    selection = Selection(exclude=["build/"])

    assert selection.judge(b"build", directory=True, inside=False) is Verdict.LEAVE
    assert selection.judge(b"build", directory=False, inside=False) is Verdict.TAKE


def test_exclude_beats_include() -> None:
    selection = Selection(include=["docs"], exclude=["*.bak"])

    assert selection.judge(b"docs/a.bak", directory=False, inside=True) is Verdict.LEAVE


def test_directory_that_can_hold_no_match_is_not_passed_through() -> None:
    selection = Selection(include=["home/*/docs"])

    assert selection.judge(b"home", directory=True, inside=False) is Verdict.PASS
    assert selection.judge(b"home/alice", directory=True, inside=False) is Verdict.PASS
    assert selection.judge(b"home/alice/docs", directory=True, inside=False) is Verdict.TAKE
    assert selection.judge(b"home/alice/music", directory=True, inside=False) is Verdict.LEAVE
    assert selection.judge(b"srv", directory=True, inside=False) is Verdict.LEAVE


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="root"),
        pytest.param("a//b", id="empty component"),
        pytest.param("../a", id="escapes"),
        pytest.param("a/../b", id="escapes inside"),
        pytest.param("/..", id="escapes absolutely"),
        pytest.param("./a", id="dot"),
        pytest.param("a[b", id="unclosed bracket"),
        pytest.param("a[", id="bracket at the end"),
        pytest.param("a[]", id="bracket closed by its first member"),
        pytest.param("a[b-", id="unclosed range"),
        pytest.param("[b/c]", id="bracket across components"),
        pytest.param("[z-a]", id="backward range"),
        pytest.param("[[:alpha:]]", id="named class"),
        pytest.param("a\\", id="trailing backslash"),
        pytest.param("[a\\", id="backslash in an unclosed bracket"),
        pytest.param("!a", id="negation"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("\ud800", id="no bytes"),
        pytest.param("a" * 4097, id="too long"),
    ],
)
def test_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Selection(exclude=[pattern])


@given(pattern=st.text(alphabet="ab*?[]!^-\\/.\0", max_size=12))
def test_any_pattern_either_compiles_or_is_refused(pattern: str) -> None:
    try:
        glob = parse(pattern)
    except PatternError:
        return

    verdict = Selection(include=[pattern]).judge(b"a/b", directory=True, inside=False)

    assert glob.components
    assert isinstance(verdict, Verdict)
