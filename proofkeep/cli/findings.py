"""Findings as lines and documents; the only place where names of files meet them."""

from collections.abc import Iterable
from typing import Any

from proofkeep.cli import shown
from proofkeep.model import Finding


def as_documents(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Members of the JSON object; `path` as `shown.name` writes it, or null."""
    return [
        {
            "code": finding.code,
            "subject": finding.subject,
            "detail": finding.detail,
            "path": None if finding.path is None else shown.name(finding.path),
        }
        for finding in findings
    ]


def as_lines(findings: Iterable[Finding]) -> list[str]:
    """`<code>  <name or subject>  <detail>` each."""
    return [
        "  ".join(
            part
            for part in (
                finding.code,
                shown.text(finding.subject) if finding.path is None else shown.name(finding.path),
                shown.text(finding.detail),
            )
            if part
        )
        for finding in findings
    ]
