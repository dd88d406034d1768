"""The only host that held the host secret is lost; the restore role has its key and the stores."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofkeep import canonical
from proofkeep.errors import (
    IntegrityError,
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    KeyServiceUnavailableError,
    LedgerMissingError,
    PolicyError,
    RepositoryMissingError,
    UnsupportedVersionError,
)
from proofkeep.format import names, wrapped
from proofkeep.format.wrapped import WrappedSecret
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.model import WrappedKey
from proofkeep.repository.recovery import keep_wrapped, recover, wrap_for_all
from tests.building import put
from tests.engine.repository.places import NOW_NS, Site, key_pair, unwrapping, wrapping

MEMBERS = {"v", "repository", "writer", "data_key", "generation", "recipient", "ciphertext"}
MEMBERS |= {"material_id", "request_id", "created_at", "supersedes"}
OTHER_SECRET = bytes(range(32))


def first_name(site: Site, index: int = 0) -> str:
    """The object under which `init` keeps the secret for a recipient."""
    return names.wrapped_secret(wrapping(site.keys[index]).recipient, 1)


def forge(site: Site, secret: bytes) -> None:
    """Wrap a secret for the first recipient, as anybody who knows its public key can, beside what lies there."""
    repository = json.loads(site.store.get(names.DESCRIPTOR))["repository"]
    forms = wrap_for_all(site.store, bytes.fromhex(repository), secret, [wrapping(site.keys[0])], NOW_NS)
    keep_wrapped(site.store, bytes.fromhex(repository), forms)


def alter(site: Site, **members: object) -> None:
    """Replace members of the first recipient's object."""
    name = first_name(site)
    document = json.loads(site.store.get(name)) | members
    site.store.delete(name)
    put(site.store, name, canonical.to_json(document))


@pytest.mark.parametrize("which", [0, 1])
def test_each_recipient_alone_recovers_the_secret(site: Site, which: int) -> None:
    site.create()

    recovered = recover(site.store, site.ledger, [unwrapping(site.keys[which])])

    assert recovered == site.secret.read_secret()
    assert site.connect_with(recovered).keys.newest == 1


def test_secret_lies_under_a_name_and_in_a_form_of_the_format(site: Site) -> None:
    repository = site.create()
    data = site.store.get(first_name(site))
    document = json.loads(data)

    assert [stat.name for stat in site.store.list("secrets/")] == sorted(first_name(site, which) for which in (0, 1))
    assert set(document) == MEMBERS
    assert (document["writer"], document["data_key"]) == ("0" * 32, "0" * 32)
    assert document["repository"] == repository.id.hex()
    assert site.secret.read_secret().hex().encode() not in data


def test_role_that_only_wraps_is_denied(site: Site) -> None:
    site.create()

    with pytest.raises(KeyDeniedError):
        recover(site.store, site.ledger, [wrapping(site.keys[0])])


def test_key_of_nobody_finds_nothing(site: Site) -> None:
    site.create()

    with pytest.raises(KeyMissingError, match="wrapped for none of this role's keys"):
        recover(site.store, site.ledger, [unwrapping(key_pair())])


def test_secret_that_was_kept_for_nobody_is_missing(site: Site) -> None:
    site.create(keep_for=())

    with pytest.raises(KeyMissingError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


def test_forged_secret_is_passed_over(site: Site) -> None:
    site.create()
    forge(site, OTHER_SECRET)

    assert recover(site.store, site.ledger, [unwrapping(site.keys[0])]) == site.secret.read_secret()


def test_nothing_but_a_forged_secret_is_refused(site: Site) -> None:
    site.create(keep_for=())
    forge(site, OTHER_SECRET)

    with pytest.raises(KeyMismatchError, match="is not that of repository"):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


def test_names_that_anybody_put_there_are_passed_over(site: Site) -> None:
    site.create()
    for name in ("secrets/zz", f"{first_name(site)[:-4]}zzzz", f"{first_name(site)[:-4]}00001"):
        put(site.store, name, b"x")

    assert recover(site.store, site.ledger, [unwrapping(site.keys[0])]) == site.secret.read_secret()


@pytest.mark.parametrize(
    "members",
    [
        {"repository": "1" * 32},
        {"writer": "1" * 32},
        {"data_key": "1" * 32},
        {"generation": 2},
        {"generation": 0},
        {"recipient": "p384:" + "0" * 64},
        {"recipient": "\ud800"},
        {"recipient": None},
        {"ciphertext": "00"},
        {"ciphertext": "0"},
        {"ciphertext": None},
        {"material_id": 1},
        {"request_id": {}},
        {"supersedes": []},
        {"created_at": "yesterday"},
        {"mac": "0" * 64},
        {"epoch": 1},
    ],
)
def test_damaged_object_is_refused_and_another_recipients_is_used(site: Site, members: dict[str, object]) -> None:
    site.create()
    alter(site, **members)

    with pytest.raises(KeyMismatchError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])
    assert recover(site.store, site.ledger, [unwrapping(key) for key in site.keys]) == site.secret.read_secret()


def test_secret_of_another_repository_does_not_open_here(site: Site) -> None:
    repository = site.create()
    elsewhere = wrapping(site.keys[0]).wrap_secret(site.secret.read_secret(), wrapped.secret_context(bytes(16)))
    site.store.delete(first_name(site))
    keep_wrapped(site.store, repository.id, [WrappedSecret(1, elsewhere, NOW_NS)])

    with pytest.raises(KeyMismatchError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


def test_data_key_with_the_ids_of_a_host_secret_does_not_pass_for_one(site: Site) -> None:
    repository = site.create()
    context = wrapped.secret_context(repository.id)
    site.store.delete(first_name(site))
    as_data_key = wrapping(site.keys[0]).wrap(site.secret.read_secret(), context)
    keep_wrapped(site.store, repository.id, [WrappedSecret(1, as_data_key, NOW_NS)])

    with pytest.raises(KeyMismatchError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


def test_altered_descriptor_is_not_taken_for_proof(site: Site) -> None:
    site.create()
    document = json.loads(site.store.get(names.DESCRIPTOR)) | {"lock_days": 1}
    for place in (site.store, site.ledger):
        place.delete(names.DESCRIPTOR)
        put(place, names.DESCRIPTOR, canonical.to_json(document))

    with pytest.raises(KeyMismatchError, match="or its descriptor was altered"):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


def test_missing_repository_or_ledger_is_said(site: Site) -> None:
    with pytest.raises(RepositoryMissingError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])
    site.create()
    site.ledger.delete(names.DESCRIPTOR)
    with pytest.raises(LedgerMissingError):
        recover(site.store, site.ledger, [unwrapping(site.keys[0])])


class Away(LocalKeyProvider):
    """A recipient whose key service cannot be reached."""

    def unwrap_secret(self, wrapped: WrappedKey, _: object) -> bytes:
        raise KeyServiceUnavailableError(f"{wrapped.recipient} cannot be reached")


def test_reason_of_our_own_key_is_said_rather_than_what_did_not_open(site: Site) -> None:
    site.create()
    forge(site, OTHER_SECRET)

    with pytest.raises(KeyServiceUnavailableError):
        recover(site.store, site.ledger, [Away(site.keys[0].public_key())])


def test_recipients_that_cannot_all_have_it_leave_no_repository(site: Site) -> None:
    with pytest.raises(PolicyError, match="all of them and no other"):
        site.create(keep_for=[wrapping(site.keys[0])])

    assert site.content() == {}


def test_stored_digest_is_that_of_the_bytes(site: Site) -> None:
    site.create()
    data = site.store.get(first_name(site))

    again = wrapped.encode_secret(
        site.connect_with(site.secret.read_secret()).id,
        wrapped.decode_secret(site.connect_with(site.secret.read_secret()).id, first_name(site), data),
    )

    assert sha256(again).digest() == sha256(data).digest()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


DOCUMENTS = st.dictionaries(st.sampled_from(sorted(MEMBERS)), JSON).map(lambda members: members | {"v": 1})


@settings(deadline=None)  # a busy machine is no finding
@given(st.binary() | DOCUMENTS.map(canonical.to_json))
def test_whatever_lies_there_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises((IntegrityError, UnsupportedVersionError)):
        wrapped.decode_secret(bytes(16), f"secrets/{'0' * 32}.0001", data)
