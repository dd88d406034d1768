import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from proofkeep.errors import KeyDeniedError, KeyMismatchError, PolicyError, UsageError
from proofkeep.keys import pkcs8
from proofkeep.keys.key_files import create_key_file, export_public_key, public_pem, read_key_file
from proofkeep.keys.local import load_key_provider
from proofkeep.keys.recipients import recipient_uri
from tests.engine.keys.independent_wrapping import fixed_p384_key
from tests.engine.keys.key_material import PASSPHRASE, clear_pem, private_file

CONTEXT = {"proofkeep:data-key": "c" * 32}
OPENSSL_PBES2 = ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"]


def passphrase() -> bytes:
    return PASSPHRASE


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "recipient.pem"
    create_key_file(path, passphrase)
    return path


def openssl(*arguments: str | Path, stdin: bytes = b"") -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True)
    return done.stdout.decode()


def test_backup_host_wraps_with_the_public_half_and_no_passphrase(written: Path) -> None:
    backup = load_key_provider(written, "file:key")
    restore = load_key_provider(written, "file:key", passphrase=passphrase)

    generated = backup.generate(CONTEXT)

    assert restore.unwrap(generated.wrapped, CONTEXT) == generated.plaintext
    with pytest.raises(KeyDeniedError, match="can only wrap here"):
        backup.unwrap(generated.wrapped, CONTEXT)


def test_wrong_passphrase_is_a_mismatch(written: Path) -> None:
    provider = load_key_provider(written, "file:key", passphrase=lambda: b"another long passphrase")
    wrapped = provider.generate(CONTEXT).wrapped

    with pytest.raises(KeyMismatchError, match="does not open with this passphrase"):
        provider.unwrap(wrapped, CONTEXT)


def test_passphrase_is_asked_for_once(written: Path) -> None:
    asked: list[bytes] = []

    def source() -> bytes:
        asked.append(PASSPHRASE)
        return PASSPHRASE

    provider = load_key_provider(written, "file:key", passphrase=source)
    wrapped = provider.generate(CONTEXT).wrapped
    assert asked == []

    provider.unwrap(wrapped, CONTEXT)
    provider.unwrap(wrapped, CONTEXT)

    assert len(asked) == 1


def test_passphrase_worked_on_ahead_is_asked_for_once_too(written: Path) -> None:
    asked: list[bytes] = []
    proceed = threading.Event()

    def source() -> bytes:
        asked.append(PASSPHRASE)
        proceed.wait(60)
        return PASSPHRASE

    provider = load_key_provider(written, "file:key", passphrase=source)
    generated = provider.generate(CONTEXT)

    provider.unlock()
    proceed.set()

    assert provider.unwrap(generated.wrapped, CONTEXT) == generated.plaintext
    assert asked == [PASSPHRASE]


def test_passphrase_that_failed_ahead_is_refused_by_the_unwrap(written: Path) -> None:
    provider = load_key_provider(written, "file:key", passphrase=lambda: b"another long passphrase")
    wrapped = provider.generate(CONTEXT).wrapped

    provider.unlock()

    with pytest.raises(KeyMismatchError, match="does not open with this passphrase"):
        provider.unwrap(wrapped, CONTEXT)


@pytest.mark.requires("openssl")
def test_openssl_opens_the_private_half_and_shows_its_protection(written: Path) -> None:
    block = "-----BEGIN ENCRYPTED" + written.read_text().partition("-----BEGIN ENCRYPTED")[2]
    structure = openssl("asn1parse", stdin=block.encode())

    opened = openssl("pkey", "-in", written, "-passin", f"pass:{PASSPHRASE.decode()}", "-pubout")

    assert opened.encode() in written.read_bytes()
    assert all(word in structure for word in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc"))
    assert f":{600_000:X}".replace(":", ":0") in structure


@pytest.mark.requires("openssl")
def test_clear_key_made_by_openssl_wraps_and_unwraps(tmp_path: Path) -> None:
    pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    path = private_file(tmp_path / "key.pem", pem.encode())
    provider = load_key_provider(path, "file:key")

    generated = provider.generate(CONTEXT)

    assert provider.unwrap(generated.wrapped, CONTEXT) == generated.plaintext


@pytest.mark.requires("openssl")
def test_rsa_key_made_by_openssl_wraps_and_unwraps(tmp_path: Path) -> None:
    pem = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
    private = load_key_provider(private_file(tmp_path / "key.pem", pem.encode()), "file:key")
    public_path = tmp_path / "public.pem"
    public_path.write_text(openssl("pkey", "-pubout", stdin=pem.encode()))
    public = load_key_provider(public_path, "file:public")

    generated = public.generate(CONTEXT)

    assert public.recipient == private.recipient
    assert public.recipient.startswith("rsa:")
    assert private.unwrap(generated.wrapped, CONTEXT) == generated.plaintext


@pytest.mark.requires("openssl")
@pytest.mark.parametrize(
    "arguments, reason",
    [
        ([*OPENSSL_PBES2], "2048 iterations"),
        ([*OPENSSL_PBES2, "-iter", "599999"], "599999 iterations"),
        (["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA256", "-iter", "600000"], "aes-256-cbc"),
        (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "600000"], "pbkdf2-hmac-sha-256"),
        (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1", "-iter", "600000"], "pbes2"),
        (["-scrypt"], "pbes2"),
    ],
)
def test_weaker_or_other_protection_is_refused_before_the_passphrase_is_used(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    key = fixed_p384_key(b"weak protection")
    secret = f"pass:{PASSPHRASE.decode()}"
    protected = openssl("pkcs8", "-topk8", *arguments, "-passout", secret, stdin=clear_pem(key))
    path = private_file(tmp_path / "key.pem", public_pem(key.public_key()) + protected.encode())

    with pytest.raises(PolicyError, match=reason):
        read_key_file(path, "file:key").private_key(passphrase)


def test_salt_as_short_as_older_openssl_writes_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(pkcs8, "SALT_SIZE", 8)
        create_key_file(tmp_path / "key.pem", passphrase)

    with pytest.raises(PolicyError, match="salt of 8 bytes, at least 16 are accepted"):
        read_key_file(tmp_path / "key.pem", "file:key").private_key(passphrase)


def test_iterations_written_by_the_library_alone_are_too_few(tmp_path: Path) -> None:
    key = fixed_p384_key(b"weak protection")
    protected = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))
    path = private_file(tmp_path / "key.pem", protected)

    with pytest.raises(PolicyError, match="iterations, 600000 to 10000000 are accepted"):
        read_key_file(path, "file:key").private_key(passphrase)


def test_public_half_of_another_key_is_noticed_when_the_private_one_opens(tmp_path: Path, written: Path) -> None:
    protected = b"-----BEGIN ENCRYPTED" + written.read_bytes().partition(b"-----BEGIN ENCRYPTED")[2]
    other = fixed_p384_key(b"put in its place")
    path = private_file(tmp_path / "key.pem", public_pem(other.public_key()) + protected)

    with pytest.raises(KeyMismatchError, match="two halves that are not of one key"):
        read_key_file(path, "file:key").private_key(passphrase)


def test_pinned_recipient_refuses_a_replaced_public_key(tmp_path: Path, written: Path) -> None:
    expected = load_key_provider(written, "file:key").recipient
    replaced = tmp_path / "public.pem"
    replaced.write_bytes(public_pem(fixed_p384_key(b"put in its place").public_key()))

    assert load_key_provider(written, "file:key", expected_recipient=expected).recipient == expected
    with pytest.raises(KeyMismatchError, match=f"expected {expected}"):
        load_key_provider(replaced, "file:public", expected_recipient=expected)


def test_exported_public_key_is_for_the_same_recipient_and_holds_nothing_else(tmp_path: Path, written: Path) -> None:
    public_path = tmp_path / "public.pem"

    recipient = export_public_key(written, public_path)

    assert load_key_provider(public_path, "file:public").recipient == recipient
    assert b"PRIVATE" not in public_path.read_bytes()
    assert stat.S_IMODE(public_path.stat().st_mode) == 0o644


def test_existing_key_file_is_never_replaced(written: Path) -> None:
    before = written.read_bytes()

    with pytest.raises(UsageError, match="exists already and was left as it is"):
        create_key_file(written, passphrase)

    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_short_passphrase_makes_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="shorter than 15 characters"):
        create_key_file(tmp_path / "key.pem", lambda: b"fourteen chars")

    assert list(tmp_path.iterdir()) == []


PUBLIC_PEM = public_pem(fixed_p384_key(b"one").public_key())
CLEAR_PEM = clear_pem(fixed_p384_key(b"one"))


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "holds no pem block"),
        (b"no key at all\n", "holds no pem block"),
        (b"x" * 70_000, "larger than 65536 bytes"),
        (PUBLIC_PEM * 2, "more than one block 'PUBLIC KEY'"),
        (PUBLIC_PEM.replace(b"MHY", b"M!Y"), "is not base64"),
        (PUBLIC_PEM.replace(b"MHY", b"MHA"), "public key that cannot be read"),
        (CLEAR_PEM.replace(b"MIG2", b"MIG3"), "private key that cannot be read"),
        (CLEAR_PEM + CLEAR_PEM.replace(b" PRIVATE", b" ENCRYPTED PRIVATE"), "twice, once in clear"),
        (CLEAR_PEM.replace(b" PRIVATE", b" EC PRIVATE"), "convert private keys with `openssl pkcs8"),
        (CLEAR_PEM.replace(b" PRIVATE", b" ENCRYPTED PRIVATE"), "holds no public key"),
    ],
)
def test_file_that_is_no_key_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = private_file(tmp_path / "key.pem", content)

    with pytest.raises(UsageError, match=reason):
        load_key_provider(path, "file:key")


def test_every_truncation_of_the_private_block_is_refused(tmp_path: Path, written: Path) -> None:
    content = written.read_bytes()

    for size in range(0, len(content) - 1, 7):
        path = private_file(tmp_path / f"{size}.pem", content[:size])
        with pytest.raises((UsageError, KeyDeniedError)):
            read_key_file(path, "file:key").private_key(passphrase)


def test_clear_key_file_is_pkcs8_that_any_tool_reads(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    recipient = create_key_file(path, None)
    block = b"-----BEGIN PRIVATE" + path.read_bytes().partition(b"-----BEGIN PRIVATE")[2]

    key = load_pem_private_key(block, None)

    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert recipient_uri(key.public_key()) == recipient
    spki = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert path.read_bytes().startswith(spki)
