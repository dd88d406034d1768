from infra.error_codes import render
from tests.architecture.tree import ROOT


def test_page_of_codes_is_what_the_error_tree_says() -> None:
    page = (ROOT / "docs" / "on-call" / "codes.md").read_text()

    assert page == render(), "run: python -m infra.error_codes > docs/on-call/codes.md"
