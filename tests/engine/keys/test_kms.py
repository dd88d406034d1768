"""AWS KMS on moto, which enforces IAM by action but no key state: for that see test_kms_errors.py."""

import base64
import json
import logging
from collections.abc import Iterator

import pytest

from proofkeep.errors import KeyAccessError, KeyCredentialsError, KeyDeniedError, KeyMissingError, UsageError
from proofkeep.keys.kms import KmsHostSecret, KmsProvider
from proofkeep.model import WrappedKey
from tests.contracts.key_roles import KmsRoles, kms_roles
from tests.servers.pki import Pki

CONTEXT = {"proofkeep:data-key": "c" * 32}


@pytest.fixture(scope="module")
def kms(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[KmsRoles]:
    with kms_roles(tmp_path_factory.mktemp("kms"), pki) as roles:
        yield roles


def test_role_with_generate_data_key_and_generate_mac_alone_generates_and_never_unwraps(
    kms: KmsRoles,
) -> None:
    provider = KmsProvider(kms.key_arn, kms.backup)
    secret = KmsHostSecret(kms.mac_key_arn, kms.backup)

    generated = provider.generate(CONTEXT)

    assert len(generated.plaintext) == 32
    assert len(secret.mac(b"epoch")) == 32
    with pytest.raises(KeyDeniedError, match=r"^kms Decrypt on arn:"):
        provider.unwrap(generated.wrapped, CONTEXT)
    assert KmsProvider(kms.key_arn, kms.restore).unwrap(generated.wrapped, CONTEXT) == generated.plaintext


def test_restore_role_unwraps_and_never_generates(kms: KmsRoles) -> None:
    provider = KmsProvider(kms.key_arn, kms.restore)

    with pytest.raises(KeyDeniedError, match=r"^kms GenerateDataKey on arn:"):
        provider.generate(CONTEXT)


def test_credentials_that_nobody_knows_are_refused(kms: KmsRoles) -> None:
    with pytest.raises((KeyCredentialsError, KeyDeniedError), match=r"^kms GenerateDataKey on arn:"):
        KmsProvider(kms.key_arn, kms.nobody).generate(CONTEXT)


def test_generate_records_the_request(kms: KmsRoles) -> None:
    provider = KmsProvider(kms.key_arn, kms.backup)

    first, second = (provider.generate(CONTEXT).wrapped.request_id for _ in range(2))

    assert first
    assert second
    assert first != second


def test_key_named_by_alias_is_known_by_its_arn(kms: KmsRoles) -> None:
    provider = KmsProvider(kms.alias, kms.by_alias)

    generated = provider.generate(CONTEXT)

    assert provider.recipient == generated.wrapped.recipient == f"awskms:{kms.key_arn}"


def test_alias_without_describe_key_is_denied_by_name(kms: KmsRoles) -> None:
    with pytest.raises(KeyDeniedError, match=r"^kms DescribeKey on alias/proofkeep"):
        KmsProvider(kms.alias, kms.backup).generate(CONTEXT)


def test_key_that_does_not_exist_is_missing(kms: KmsRoles) -> None:
    absent = kms.key_arn[:-4] + "0000"

    with pytest.raises(KeyMissingError, match=absent):
        KmsProvider(absent, kms.backup).generate(CONTEXT)


def test_key_id_altered_inside_the_wrapped_key_is_refused(kms: KmsRoles) -> None:
    wrapped = KmsProvider(kms.key_arn, kms.backup).generate(CONTEXT).wrapped
    altered = bytes((wrapped.ciphertext[0] ^ 0x01,)) + wrapped.ciphertext[1:]

    with pytest.raises(KeyAccessError):
        KmsProvider(kms.key_arn, kms.restore).unwrap(WrappedKey(wrapped.recipient, altered), CONTEXT)


def test_mac_is_the_same_for_every_role_and_another_for_every_message(kms: KmsRoles) -> None:
    backup, restore = (KmsHostSecret(kms.mac_key_arn, access) for access in (kms.backup, kms.restore))

    assert backup.mac(b"epoch 1") == restore.mac(b"epoch 1")
    assert backup.mac(b"epoch 1") != backup.mac(b"epoch 2")
    assert backup.uri == f"awskms-mac:{kms.mac_key_arn}"


def test_message_of_more_than_4096_bytes_is_refused(kms: KmsRoles) -> None:
    with pytest.raises(UsageError, match="takes at most 4096"):
        KmsHostSecret(kms.mac_key_arn, kms.backup).mac(bytes(4097))


def test_service_tells_its_time_with_every_answer(kms: KmsRoles) -> None:
    provider = KmsProvider(kms.key_arn, kms.backup)
    assert provider.clock is None

    provider.generate(CONTEXT)

    assert provider.clock is not None
    assert abs(provider.clock.remote_ns - provider.clock.local_ns) < 60 * 10**9


def test_log_at_its_most_talkative_holds_neither_data_key_nor_mac(
    kms: KmsRoles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = KmsProvider(kms.key_arn, kms.wrapping)
    restore = KmsProvider(kms.key_arn, kms.restore)
    for name in ("botocore", "botocore.parsers", "botocore.endpoint"):
        caplog.set_level(logging.DEBUG, logger=name)

    generated = provider.generate(CONTEXT)
    provider.wrap(generated.plaintext, CONTEXT)
    restore.unwrap(generated.wrapped, CONTEXT)
    mac = KmsHostSecret(kms.mac_key_arn, kms.backup).mac(b"epoch")

    said = caplog.text + json.dumps([str(record.args) for record in caplog.records])
    assert "CanonicalRequest" in said
    for secret in (generated.plaintext, mac):
        assert base64.b64encode(secret).decode() not in said
        assert repr(secret)[2:-1] not in said
        assert secret.hex() not in said
