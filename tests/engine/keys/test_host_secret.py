import hashlib
import hmac
import os
import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.errors import KeyMismatchError, KeyMissingError, PolicyError, UsageError
from proofkeep.keys.host_secret import (
    CredentialHostSecret,
    FileHostSecret,
    create_host_secret,
    store_host_secret,
    unwrap_secret,
    wrap_secret,
)
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.model import WrappedKey

SECRET = bytes(range(32))
CONTEXT = {"proofkeep:repository": "a" * 32}


def test_mac_is_hmac_sha_256_under_the_secret(tmp_path: Path) -> None:
    secret = store_host_secret(tmp_path / "host.secret", SECRET)

    assert secret.mac(b"message") == hmac.new(SECRET, b"message", hashlib.sha256).digest()


def test_created_secret_is_32_random_bytes_that_only_the_owner_reads(tmp_path: Path) -> None:
    first = create_host_secret(tmp_path / "first.secret")
    second = create_host_secret(tmp_path / "second.secret")

    assert len(first.read_secret()) == 32
    assert first.read_secret() != second.read_secret()
    assert stat.S_IMODE((tmp_path / "first.secret").stat().st_mode) == 0o600
    assert first.uri == f"file:{tmp_path}/first.secret"


def test_existing_secret_is_never_replaced(tmp_path: Path) -> None:
    secret = create_host_secret(tmp_path / "host.secret")
    before = secret.read_secret()

    with pytest.raises(UsageError, match="exists already and was left as it is"):
        create_host_secret(tmp_path / "host.secret")

    assert secret.read_secret() == before
    assert [path.name for path in tmp_path.iterdir()] == ["host.secret"]


def test_dangling_link_is_not_followed_when_a_secret_is_created(tmp_path: Path) -> None:
    (tmp_path / "host.secret").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="exists already"):
        create_host_secret(tmp_path / "host.secret")

    assert not (tmp_path / "elsewhere").exists()


def test_directory_that_takes_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be created: no such file or directory"):
        create_host_secret(tmp_path / "absent" / "host.secret")


def test_secret_is_synced_before_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def link(source: Path, target: Path) -> None:
        steps.append("named")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)

    create_host_secret(tmp_path / "host.secret")

    assert steps == ["file", "named", "directory"]


def test_missing_secret_is_missing(tmp_path: Path) -> None:
    secret = FileHostSecret(tmp_path / "absent")

    with pytest.raises(KeyMissingError, match="absent cannot be read: no such file"):
        secret.mac(b"message")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret = create_host_secret(tmp_path / "host.secret")
    (tmp_path / "host.secret").chmod(mode)

    with pytest.raises(PolicyError, match=f"has mode {mode:04o}, must have 0600 or less"):
        secret.mac(b"message")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_secret_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "host.secret"
    path.write_bytes(bytes(size))
    path.chmod(0o600)

    with pytest.raises(UsageError, match=f"is {size} bytes, must be 32"):
        FileHostSecret(path).mac(b"message")


def test_message_of_more_than_4096_bytes_is_refused(tmp_path: Path) -> None:
    secret = create_host_secret(tmp_path / "host.secret")

    assert len(secret.mac(bytes(4096))) == 32
    with pytest.raises(UsageError, match="takes at most 4096"):
        secret.mac(bytes(4097))


def test_credential_is_read_where_systemd_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_host_secret(tmp_path / "host-secret", SECRET)
    (tmp_path / "host-secret").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret = CredentialHostSecret("host-secret")

    assert secret.mac(b"message") == hmac.new(SECRET, b"message", hashlib.sha256).digest()
    assert secret.uri == "credential:host-secret"


def test_credential_outside_of_a_unit_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    with pytest.raises(KeyMissingError, match="LoadCredential="):
        CredentialHostSecret("host-secret").mac(b"message")


def test_pickled_or_printed_host_secret_does_not_hold_the_secret(tmp_path: Path) -> None:
    secret = store_host_secret(tmp_path / "host.secret", SECRET)
    secret.mac(b"message")

    assert SECRET not in pickle.dumps(secret)
    assert SECRET.hex() not in repr(secret)
    assert not any(value == SECRET for value in vars(secret).values())


def test_wrapped_secret_unwraps_for_its_recipient_under_its_context() -> None:
    key = ec.generate_private_key(ec.SECP384R1())

    wrapped = wrap_secret(SECRET, key.public_key(), CONTEXT)

    assert unwrap_secret(wrapped, key, CONTEXT) == SECRET
    with pytest.raises(KeyMismatchError, match="other context"):
        unwrap_secret(wrapped, key, {"proofkeep:repository": "b" * 32})


def test_wrapped_secret_for_another_recipient_says_for_whom() -> None:
    key, other = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    wrapped = wrap_secret(SECRET, key.public_key(), CONTEXT)

    with pytest.raises(KeyMismatchError, match=f"is for {wrapped.recipient}, not for p384:"):
        unwrap_secret(wrapped, other, CONTEXT)
    with pytest.raises(KeyMismatchError, match="does not open"):
        unwrap_secret(wrap_claiming(wrapped, other), other, CONTEXT)


def test_wrapped_secret_does_not_pass_for_a_data_key_nor_the_other_way_round() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    provider = LocalKeyProvider(key.public_key(), lambda: key)

    with pytest.raises(KeyMismatchError):
        provider.unwrap(wrap_secret(SECRET, key.public_key(), CONTEXT), CONTEXT)
    with pytest.raises(KeyMismatchError):
        unwrap_secret(provider.wrap(SECRET, CONTEXT), key, CONTEXT)


def test_secret_is_not_wrapped_for_a_weak_key() -> None:
    with pytest.raises(PolicyError, match="secp256r1"):
        wrap_secret(SECRET, ec.generate_private_key(ec.SECP256R1()).public_key(), CONTEXT)


def wrap_claiming(wrapped: WrappedKey, other: ec.EllipticCurvePrivateKey) -> WrappedKey:
    recipient = LocalKeyProvider(other.public_key()).recipient
    return WrappedKey(recipient, wrapped.ciphertext)
