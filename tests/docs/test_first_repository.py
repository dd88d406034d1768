from pathlib import Path

from tests.docs.pages import FIRST_REPOSITORY, FOLDER, blocks_run_by, make_home, type_in

THIS = "tests/docs/test_first_repository.py::test_commands_of_the_page_work"


def test_commands_of_the_page_work(tmp_path: Path) -> None:
    make_home(tmp_path)
    blocks = blocks_run_by(FIRST_REPOSITORY, THIS)

    said = type_in("".join(blocks), tmp_path)

    assert FIRST_REPOSITORY.read_text().count("```console") == len(blocks)
    assert "verdict     intact" in said
    assert (tmp_path / FOLDER / "restored" / "GPL-3").read_bytes() == Path(
        "/usr/share/common-licenses/GPL-3"
    ).read_bytes()
