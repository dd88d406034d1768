"""Owner and mode of key files: private keys for their owner alone, public keys replaced by nobody else."""

import os
import stat
from pathlib import Path

import pytest

from proofkeep.errors import KeyMissingError, PolicyError, UsageError
from proofkeep.keys.key_files import create_key_file, public_pem
from proofkeep.keys.local import load_key_provider
from tests.engine.keys.independent_wrapping import fixed_p384_key
from tests.engine.keys.key_material import PASSPHRASE, clear_pem, private_file


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "recipient.pem"
    create_key_file(path, lambda: PASSPHRASE)
    return path


def test_key_file_is_written_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    before = os.umask(0)
    try:
        recipient = create_key_file(path, None)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert load_key_provider(path, "file:key").recipient == recipient


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_private_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = private_file(tmp_path / "key.pem", clear_pem(fixed_p384_key(b"exposed")))
    path.chmod(mode)

    with pytest.raises(PolicyError, match=f"has mode {mode:04o}, must have 0600 or less"):
        load_key_provider(path, "file:key")


def test_protected_private_key_that_others_may_read_is_refused_to_the_backup_host_too(
    tmp_path: Path, written: Path
) -> None:
    path = private_file(tmp_path / "key.pem", written.read_bytes())
    path.chmod(0o644)

    with pytest.raises(PolicyError, match="has mode 0644, must have 0600 or less"):
        load_key_provider(path, "file:key")


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_public_key_that_others_may_replace_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(public_pem(fixed_p384_key(b"exposed").public_key()))
    path.chmod(mode)

    with pytest.raises(PolicyError, match=f"has mode {mode:04o}, must have 0644 or less"):
        load_key_provider(path, "file:public")


@pytest.mark.requires(root=True)
def test_private_key_of_another_user_is_refused(tmp_path: Path) -> None:
    path = private_file(tmp_path / "key.pem", clear_pem(fixed_p384_key(b"theirs")))
    os.chown(path, 65534, -1)

    with pytest.raises(PolicyError, match="belongs to user 65534, must belong to user 0"):
        load_key_provider(path, "file:key")


def test_key_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError, match="file:key cannot be read: no such file"):
        load_key_provider(tmp_path / "absent.pem", "file:key")


def test_fifo_in_place_of_a_key_file_does_not_hold_the_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key.pem", 0o600)

    with pytest.raises(UsageError, match="is not a regular file"):
        load_key_provider(tmp_path / "key.pem", "file:key")
