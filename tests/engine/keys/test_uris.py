import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proofkeep.errors import KeyDeniedError, KeyMismatchError, UsageError
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file
from proofkeep.keys.kms import KmsHostSecret, KmsProvider
from proofkeep.keys.kms_service import KmsAccess
from proofkeep.keys.passphrases import passphrase_from_uri
from proofkeep.keys.uris import KeyMeans, host_secret_from_uri, key_provider_from_uri
from proofkeep.tls import TlsPolicy

CONTEXT = {"proofkeep:data-key": "c" * 32}
ARN = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
MEANS = KeyMeans(kms=KmsAccess(TlsPolicy()))


def test_file_uri_gives_a_provider_that_wraps(tmp_path: Path) -> None:
    recipient = create_key_file(tmp_path / "key.pem", lambda: b"a long enough passphrase")

    provider = key_provider_from_uri(f"file:{tmp_path}/key.pem")

    assert provider.recipient == recipient
    with pytest.raises(KeyDeniedError):
        provider.unwrap(provider.generate(CONTEXT).wrapped, CONTEXT)


def test_file_uri_with_a_passphrase_source_gives_a_provider_that_unwraps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFKEEP_TEST_PASSPHRASE", "a long enough passphrase")
    passphrase = passphrase_from_uri("env:PROOFKEEP_TEST_PASSPHRASE")
    create_key_file(tmp_path / "key.pem", passphrase)

    provider = key_provider_from_uri(f"file:{tmp_path}/key.pem", KeyMeans(passphrase=passphrase))

    generated = provider.generate(CONTEXT)
    assert provider.unwrap(generated.wrapped, CONTEXT) == generated.plaintext


def test_credential_uri_gives_a_provider_that_unwraps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_key_file(tmp_path / "recipient", None)
    (tmp_path / "recipient").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    provider = key_provider_from_uri("credential:recipient")

    generated = provider.generate(CONTEXT)
    assert provider.unwrap(generated.wrapped, CONTEXT) == generated.plaintext


def test_pinned_file_uri_refuses_another_key(tmp_path: Path) -> None:
    recipient = create_key_file(tmp_path / "key.pem", None)
    other = create_key_file(tmp_path / "other.pem", None)

    assert key_provider_from_uri(f"file:{tmp_path}/key.pem#{recipient}").recipient == recipient
    with pytest.raises(KeyMismatchError, match=f"holds {recipient}, expected {other}"):
        key_provider_from_uri(f"file:{tmp_path}/key.pem#{other}")


def test_host_secret_uri_leads_back_to_the_same_secret(tmp_path: Path) -> None:
    created = create_host_secret(tmp_path / "host.secret")

    secret = host_secret_from_uri(created.uri)

    assert secret.mac(b"message") == created.mac(b"message")
    assert secret.uri == created.uri


def test_credential_uri_names_a_host_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    created = create_host_secret(tmp_path / "host-secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert host_secret_from_uri("credential:host-secret").mac(b"m") == created.mac(b"m")


def test_kms_uris_give_kms_adapters_of_the_region_in_the_arn() -> None:
    provider = key_provider_from_uri(f"awskms:{ARN}", MEANS)
    secret = host_secret_from_uri(f"awskms-mac:{ARN}", MEANS)

    assert isinstance(provider, KmsProvider)
    assert provider.recipient == f"awskms:{ARN}"
    assert isinstance(secret, KmsHostSecret)
    assert secret.uri == f"awskms-mac:{ARN}"


def test_kms_uri_without_access_to_kms_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a tls policy and access to kms"):
        key_provider_from_uri(f"awskms:{ARN}")


@pytest.mark.parametrize("from_uri", [key_provider_from_uri, host_secret_from_uri])
@pytest.mark.parametrize(
    "uri, reason",
    [
        ("vault:transit/key", "scheme 'vault' is none of"),
        ("AWSKMS:alias/x", "has none of the schemes"),
        ("", "has none of the schemes"),
        ("file", "has none of the schemes"),
        ("a key pasted here", "has none of the schemes"),
        ("file:relative/key.pem", "does not name an absolute path"),
        ("file:/etc/key\0.pem", "holds a zero byte"),
        ("file:", "does not name an absolute path"),
    ],
)
def test_uri_that_names_no_adapter_is_refused(from_uri: Callable[[str], object], uri: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        from_uri(uri)


@pytest.mark.parametrize("uri", ["awskms-mac:alias/x", "p384:abc"])
def test_host_secret_is_no_key_provider(uri: str) -> None:
    with pytest.raises(UsageError, match="key provider scheme"):
        key_provider_from_uri(uri, MEANS)


def test_pin_that_is_no_recipient_uri_is_refused() -> None:
    with pytest.raises(UsageError, match="is no recipient uri"):
        key_provider_from_uri("file:/etc/key.pem#sha256:abc")


@pytest.mark.parametrize("name", ["", "key", "alias/", "arn:aws:s3:::bucket", f"{ARN} ", "alias/a b", "../x"])
def test_what_is_no_name_of_a_kms_key_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="neither a kms key arn nor an alias nor a key id"):
        key_provider_from_uri(f"awskms:{name}", MEANS)


def test_local_keys_never_load_the_aws_sdk(tmp_path: Path) -> None:
    create_key_file(tmp_path / "key.pem", None)
    program = (
        "import sys; from proofkeep.keys.uris import key_provider_from_uri;"
        f"key_provider_from_uri('file:{tmp_path}/key.pem').generate({{}});"
        "print(sorted(m for m in sys.modules if m.startswith('boto')))"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    assert loaded.stdout == "[]\n"
