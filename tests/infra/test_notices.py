"""What `make up` prints of a notification."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from infra.servers.https import tls_context
from infra.up.notices import Notices
from tests.servers.pki import Pki

Told = tuple[Notices, list[str]]


@pytest.fixture
def notices(pki: Pki) -> Iterator[Told]:
    lines: list[str] = []
    served = Notices(pki.server, lines.append)
    served.start()
    yield served, lines
    served.stop()


def post(notices: Notices, pki: Pki, body: bytes) -> int:
    request = urllib.request.Request(notices.url, data=body)  # noqa: S310 - https, see `Notices.url`
    context = tls_context(pki.ca_path)
    with urllib.request.urlopen(request, context=context, timeout=20) as answer:  # noqa: S310 - as above
        return int(answer.status)


def test_subject_and_link_are_told_as_one_short_line_without_control_characters(notices: Told, pki: Pki) -> None:
    served, lines = notices
    subject = "backup\nhome\x1b[2J ended " + "x" * 300

    assert post(served, pki, json.dumps({"subject": subject, "body": "what\n\nhttps:\x1b//here"}).encode()) == 204

    (line,) = lines
    assert line.startswith("backuphome[2J ended x")
    assert line.endswith("x: https://here")
    assert len(line) == 200 + len(": https://here")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"body": "b"}', b'{"subject": "s", "body": ""}', b"\xff"])
def test_what_has_no_subject_or_no_body_is_refused(notices: Told, pki: Pki, body: bytes) -> None:
    served, lines = notices

    with pytest.raises(urllib.error.HTTPError) as refused:
        post(served, pki, body)

    refused.value.close()
    assert refused.value.code == 400
    assert lines == []
