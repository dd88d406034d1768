"""The evidence for people: Markdown out of the document and of nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any

from proofkeep.drill.verdict import verdict_of

Document = dict[str, Any]
_MAX_ROWS = 200


def render_markdown(document: Document) -> str:
    """The drill on about two pages; what is `not-tested` stands beside what is satisfied, in the same table."""
    parts = [
        f"# Restore drill {document['id']}: {verdict_of(document)}",
        _head(document),
        "## Objectives",
        _table(
            ("objective", "result", "seen", "supports"),
            (
                (each["statement"], f"**{each['result']}**", each["why"], ", ".join(each["supports"]))
                for each in document["objectives"]
            ),
        ),
        *_findings(document),
        "## Sample",
        *_sample(document),
        *_negative(document),
        *_live(document),
        "## Not tested",
        "\n".join(f"- {_text(words)}" for words in document["not_tested"]),
        "## Signatures",
        "None yet: this evidence is not signed.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(document: Document) -> str:
    environment, scratch, destruction = document["environment"], document["scratch"], document["destruction"]
    timing, targets = document["timing"], document["targets"]
    rows = [
        ("kind", f"{document['type']}, scenario {document['scenario']}"),
        ("ran", f"{document['started_at']} to {document['ended_at']}"),
        ("on", f"{environment['host']} as {environment['service']}, {environment['software']}"),
        ("repository", document["repository"]),
        ("openssl", f"{environment['openssl']['sealing']}; FIPS validation not asserted"),
    ]
    if document["verification"]:
        rows.append(("verify", f"{document['verification']['verdict']}; {document['verification']['freshness']}"))
    if document["seed"]:
        rows.append(("seed", f"`{document['seed']['value']}`"))
    if timing:
        moved = f"{timing['files']} files, {timing['bytes']} bytes, {timing['bytes_per_second']} bytes a second"
        rows.append(("recovery", f"{timing['recovery_ms']} ms for {moved}"))
        rows.append(("clock", f"starts {timing['clock_starts']}; stops {timing['clock_stops']}"))
    if targets["recovery_point_seconds"] is not None:
        rows.append(("recovery point", f"{targets['recovery_point_seconds']} s old"))
    if scratch:
        rows.append(("scratch", ", ".join(f"{name} {value}" for name, value in sorted(scratch.items()))))
    if destruction:
        left = "nothing is left" if destruction["nothing_left"] else "SOMETHING IS LEFT"
        rows.append(("plaintext", f"{destruction['method']}, {destruction['at']}; {left}"))
    return _table(("", ""), rows)


def _findings(document: Document) -> Iterable[str]:
    found = document["findings"]
    if not found:
        return ()
    rows = [(each["code"], f"`{each['subject']}`", each["detail"]) for each in found[:_MAX_ROWS]]
    return "## Findings", _table(("code", "subject", "detail"), rows), _more(found)


def _sample(document: Document) -> Iterable[str]:
    population = document["population"]
    if population is None:
        return ("Nothing was drawn.",)
    strata = {each["stratum"]: each for each in document["strata"]}
    rows = []
    for each in document["sample"][:_MAX_ROWS]:
        stratum = strata[each["stratum"]]
        place = f"{stratum['size_class']}, {stratum['age']}, key {stratum['key'][:8]}"
        drawn = f"{stratum['drawn']} of {stratum['files']}"
        rows.append((f"`{each['file'][:16]}`", place, drawn, str(each["size"]), each["result"], each["metadata"]))
    heading = ("file (keyed id)", "stratum", "drawn", "bytes", "content", "metadata")
    return (f"Confidence: {population['confidence']}.", _table(heading, rows), _more(document["sample"]))


def _negative(document: Document) -> Iterable[str]:
    tests = document["negative_tests"]
    if tests is None:
        return "## Refusals", "No negative test was made."
    rows = [
        (each["name"], each["does"], each["seen"], "yes" if each["refused"] else "**NO**") for each in tests["refusals"]
    ]
    controls = "; ".join(
        f"{each['does']}: {'worked' if each['worked'] else each['seen']}" for each in tests["controls"]
    )
    return "## Refusals", f"Controls: {controls}.", _table(("test", "what was done", "seen", "refused"), rows)


def _live(document: Document) -> Iterable[str]:
    spots = document["live_source"]
    if not spots:
        return "## Live source", "No source's host was asked."
    results = list(spots[0]["counts"])
    rows = [
        (each["host"], f"`{each['entry'][:16]}`", *(str(each["counts"][name]) for name in results)) for each in spots
    ]
    return "## Live source", _table(("host", "entry", *results), rows)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(heading), _row(["---"] * len(heading)), *(_row([_text(cell) for cell in row]) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: str) -> str:
    """A cell stays a cell whatever a host or KEK is called."""
    return value.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _more(rows: Sequence[object]) -> str:
    return f"{len(rows) - _MAX_ROWS} more in drill.json." if len(rows) > _MAX_ROWS else ""
