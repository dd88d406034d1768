"""Writes what docs/on-call says of codes in the error tree's own words: `python -m infra.error_codes`.

That is the table of codes.md, and the head of each code's page down to its first heading; the rest of a page is written
by hand. A code without a page gets none: somebody has to know what to say at three in the morning.
"""

from pathlib import Path

from proofkeep.errors import ProofkeepError, kinds

ON_CALL = Path(__file__).parents[1] / "docs" / "on-call"
PAGES = ON_CALL / "codes"

_INDEX = """# Codes

Every failure ends in one of these codes: in the flow run's state message, on its card, on the command line. Each has
a page. Cause and hint are those of `proofkeep/errors.py`.

| code | cause | what happened | retried by itself | what to do |
|---|---|---|---|---|
"""
_FIRST_HEADING = "\n## "


def index() -> str:
    """The page codes.md."""
    return _INDEX + "\n".join(map(_row, kinds())) + "\n"


def head(error: type[ProofkeepError]) -> str:
    """A page down to its first heading."""
    return (
        f"# `{error.code}`\n\n{_happened(error)}\n\n| | |\n|---|---|\n| cause | **{error.cause}** |\n"
        f"| what to do | {error.hint} |\n| retried by itself | {_retried(error)} |\n"
    )


def with_head(error: type[ProofkeepError], page: str) -> str:
    """The page with the head that the tree says."""
    _, heading, rest = page.partition(_FIRST_HEADING)
    return head(error) + heading + rest


def _row(error: type[ProofkeepError]) -> str:
    cells = (f"[`{error.code}`](codes/{error.code}.md)", error.cause, _happened(error), _retried(error), error.hint)
    return f"| {' | '.join(cells)} |"


def _happened(error: type[ProofkeepError]) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


def _retried(error: type[ProofkeepError]) -> str:
    return "yes" if error.retryable else "no"


def main() -> None:
    """Write the index and the heads of the pages there are."""
    (ON_CALL / "codes.md").write_text(index())
    for error in kinds():
        page = PAGES / f"{error.code}.md"
        if page.exists():
            page.write_text(with_head(error, page.read_text()))
        else:
            print(f"{page} is missing")


if __name__ == "__main__":
    main()
