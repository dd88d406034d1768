"""What every key provider promises, asked of each: local P-384 and RSA, a passphrase file, AWS KMS on moto."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from proofkeep.errors import KeyDeniedError, KeyMismatchError
from proofkeep.keys.key_files import create_key_file
from proofkeep.keys.kms import KmsProvider
from proofkeep.keys.local import LocalKeyProvider, load_key_provider
from proofkeep.keys.recipients import PrivateKey
from proofkeep.model import GeneratedKey, WrappedKey
from proofkeep.ports import KeyProvider
from tests.contracts.key_roles import KmsRoles, kms_roles
from tests.servers.pki import Pki

CONTEXT = {
    "proofkeep:data-key": "0123456789abcdef" * 2,
    "proofkeep:repository": "a" * 32,
    "proofkeep:writer": "b" * 32,
}


@dataclass(frozen=True)
class Roles:
    """One KEK as seen by three roles, and another KEK of the same kind by its restore role."""

    backup: KeyProvider
    wrapping: KeyProvider
    restore: KeyProvider
    other: KeyProvider
    altered_positions: slice


NOBODY = {**CONTEXT, "proofkeep:data-key": "0" * 32, "proofkeep:writer": "0" * 32}
EVERY_BYTE = slice(None)
# moto begins with the key's id in clear and answers an altered one as an unknown key: after that, and only a few.
SOME_BYTES = slice(36, None, 7)


def local_roles(key: PrivateKey, other: PrivateKey) -> Roles:
    backup = LocalKeyProvider(key.public_key())
    restore = LocalKeyProvider(key.public_key(), lambda: key)
    return Roles(backup, backup, restore, LocalKeyProvider(other.public_key(), lambda: other), EVERY_BYTE)


@pytest.fixture(scope="module")
def p384() -> Roles:
    return local_roles(ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1()))


@pytest.fixture(scope="module")
def rsa3072() -> Roles:
    return local_roles(rsa.generate_private_key(65537, 3072), rsa.generate_private_key(65537, 3072))


@pytest.fixture(scope="module")
def passphrase_file(tmp_path_factory: pytest.TempPathFactory) -> Roles:
    directory = tmp_path_factory.mktemp("keys")

    def load(name: str, *, unlocked: bool) -> LocalKeyProvider:
        passphrase = (lambda: b"a long enough passphrase") if unlocked else None
        return load_key_provider(directory / name, f"file:{name}", passphrase=passphrase)

    for name in ("key.pem", "other.pem"):
        create_key_file(directory / name, lambda: b"a long enough passphrase")
    backup = load("key.pem", unlocked=False)
    return Roles(backup, backup, load("key.pem", unlocked=True), load("other.pem", unlocked=True), EVERY_BYTE)


@pytest.fixture(scope="module")
def kms(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[KmsRoles]:
    with kms_roles(tmp_path_factory.mktemp("kms"), pki) as roles:
        yield roles


@pytest.fixture(scope="module")
def aws_kms(kms: KmsRoles) -> Roles:
    return Roles(
        KmsProvider(kms.key_arn, kms.backup),
        KmsProvider(kms.key_arn, kms.wrapping),
        KmsProvider(kms.key_arn, kms.restore),
        KmsProvider(kms.other_key_arn, kms.restore),
        SOME_BYTES,
    )


@pytest.fixture(params=["p384", "rsa3072", "passphrase_file", "aws_kms"])
def roles(request: pytest.FixtureRequest) -> Roles:
    found: Roles = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def generated(roles: Roles) -> GeneratedKey:
    return roles.backup.generate(CONTEXT)


def test_generated_key_unwraps_for_the_restore_role(roles: Roles, generated: GeneratedKey) -> None:
    assert len(generated.plaintext) == 32
    assert roles.restore.unwrap(generated.wrapped, CONTEXT) == generated.plaintext


def test_wrapped_form_names_its_recipient_and_does_not_hold_the_key(roles: Roles, generated: GeneratedKey) -> None:
    assert generated.wrapped.recipient == roles.backup.recipient == roles.restore.recipient
    assert re.fullmatch(r"(p384|rsa):[0-9a-f]{64}|awskms:arn:aws[a-z-]*:kms:.*", roles.backup.recipient)
    assert generated.plaintext not in generated.wrapped.ciphertext


def test_every_generated_key_is_another_one(roles: Roles) -> None:
    keys = [roles.backup.generate(CONTEXT) for _ in range(5)]

    assert len({key.plaintext for key in keys}) == 5
    assert len({key.wrapped.ciphertext for key in keys}) == 5


def test_backup_role_generates_but_never_unwraps(roles: Roles, generated: GeneratedKey) -> None:
    with pytest.raises(KeyDeniedError):
        roles.backup.unwrap(generated.wrapped, CONTEXT)


def test_unlocking_ahead_changes_nothing_but_when_it_is_worked_on(roles: Roles, generated: GeneratedKey) -> None:
    roles.restore.unlock()
    roles.backup.unlock()

    assert roles.restore.unwrap(generated.wrapped, CONTEXT) == generated.plaintext
    with pytest.raises(KeyDeniedError):
        roles.backup.unwrap(generated.wrapped, CONTEXT)


def test_key_made_elsewhere_is_wrapped_for_this_recipient_too(roles: Roles) -> None:
    elsewhere = bytes(range(32))

    wrapped = roles.wrapping.wrap(elsewhere, CONTEXT)

    assert wrapped.recipient == roles.restore.recipient
    assert roles.restore.unwrap(wrapped, CONTEXT) == elsewhere


def test_key_wrapped_for_another_recipient_says_for_whom(roles: Roles, generated: GeneratedKey) -> None:
    reason = re.escape(f"is for {generated.wrapped.recipient}, not for {roles.other.recipient}")

    with pytest.raises(KeyMismatchError, match=reason):
        roles.other.unwrap(generated.wrapped, CONTEXT)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {**CONTEXT, "proofkeep:data-key": "0" * 32},
        {**CONTEXT, "more": "than was bound"},
        {name: value for name, value in CONTEXT.items() if name != "proofkeep:writer"},
        {**CONTEXT, "proofkeep:writer": CONTEXT["proofkeep:repository"]},
    ],
)
def test_wrong_context_is_refused(roles: Roles, generated: GeneratedKey, context: dict[str, str]) -> None:
    with pytest.raises(KeyMismatchError):
        roles.restore.unwrap(generated.wrapped, context)


def test_order_of_the_context_does_not_matter(roles: Roles, generated: GeneratedKey) -> None:
    reordered = dict(reversed(CONTEXT.items()))

    assert roles.restore.unwrap(generated.wrapped, reordered) == generated.plaintext


def test_altered_wrapped_key_is_refused(roles: Roles, generated: GeneratedKey) -> None:
    ciphertext = generated.wrapped.ciphertext

    for position in range(len(ciphertext))[roles.altered_positions]:
        altered = bytearray(ciphertext)
        altered[position] ^= 0x01
        with pytest.raises(KeyMismatchError):
            roles.restore.unwrap(WrappedKey(generated.wrapped.recipient, bytes(altered)), CONTEXT)


def test_truncated_or_extended_wrapped_key_is_refused(roles: Roles, generated: GeneratedKey) -> None:
    ciphertext = generated.wrapped.ciphertext

    for damaged in (b"\x00", ciphertext[:-1], ciphertext[: len(ciphertext) // 2], ciphertext + b"\x00"):
        with pytest.raises(KeyMismatchError):
            roles.restore.unwrap(WrappedKey(generated.wrapped.recipient, damaged), CONTEXT)


def test_host_secret_unwraps_for_the_restore_role_alone(roles: Roles) -> None:
    secret = bytes(range(32))

    wrapped = roles.wrapping.wrap_secret(secret, NOBODY)

    assert wrapped.recipient == roles.restore.recipient
    assert roles.restore.unwrap_secret(wrapped, NOBODY) == secret
    with pytest.raises(KeyDeniedError):
        roles.backup.unwrap_secret(wrapped, NOBODY)
    with pytest.raises(KeyMismatchError):
        roles.other.unwrap_secret(wrapped, NOBODY)


def test_host_secret_and_data_key_do_not_pass_for_each_other(roles: Roles, generated: GeneratedKey) -> None:
    wrapped = roles.wrapping.wrap_secret(bytes(range(32)), NOBODY)

    with pytest.raises(KeyMismatchError):
        roles.restore.unwrap(wrapped, CONTEXT)
    with pytest.raises(KeyMismatchError):
        roles.restore.unwrap_secret(generated.wrapped, NOBODY)


def test_altered_host_secret_is_refused(roles: Roles) -> None:
    wrapped = roles.wrapping.wrap_secret(bytes(range(32)), NOBODY)

    for damaged in (b"\x00", wrapped.ciphertext[:-1], wrapped.ciphertext[:-1] + bytes([wrapped.ciphertext[-1] ^ 1])):
        with pytest.raises(KeyMismatchError):
            roles.restore.unwrap_secret(WrappedKey(wrapped.recipient, damaged), NOBODY)


def test_kms_role_without_encrypt_keeps_no_host_secret(aws_kms: Roles) -> None:
    with pytest.raises(KeyDeniedError):
        aws_kms.backup.wrap_secret(bytes(range(32)), NOBODY)
