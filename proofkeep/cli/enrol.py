"""`enrol`: bring the host secret to a further host: request there, grant on a host that holds it, accept there.

Where no host is left that holds it, `recover` unwraps what `init` kept for the restore role.
"""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.cli.command import Context, Parser, Subparsers, add_command, add_group
from proofkeep.cli.exits import Exit
from proofkeep.configuration import Configuration
from proofkeep.configuration.adapters import open_state
from proofkeep.errors import MalformedError, ObjectMissingError, PolicyError, RepositoryMissingError, UsageError
from proofkeep.format import names
from proofkeep.format.descriptor import peek_repository
from proofkeep.keys.enrolment import accept_enrolment, grant_enrolment, request_enrolment, requested_recipient
from proofkeep.keys.host_secret import CredentialHostSecret, FileHostSecret, store_host_secret
from proofkeep.keys.key_files import create_key_file, read_key_file
from proofkeep.keys.private_files import create_file, read_file
from proofkeep.repository.connect import connect
from proofkeep.repository.recovery import HeldSecret, recover

_FILE = "file:"


def add(commands: Subparsers) -> Parser:
    """Add the subcommand and its steps."""
    parser = add_group(commands, "enrol", "bring the host secret to a further host")
    steps = parser.add_subparsers(metavar="STEP", required=True)
    request = add_command(steps, "request", _request, "on the new host: ask for the host secret")
    request.add_argument("request", type=Path, help="new file; may travel in clear")
    grant = add_command(steps, "grant", _grant, "on a host that holds the secret: wrap it for the new host")
    grant.add_argument("request", type=Path, help="the new host's request")
    grant.add_argument("grant", type=Path, help="new file; may travel in clear")
    grant.add_argument(
        "--confirm", metavar="RECIPIENT", required=True, help="what `enrol request` showed on the new host"
    )
    accept = add_command(steps, "accept", _accept, "on the new host: check the secret and keep it")
    accept.add_argument("grant", type=Path)
    add_command(steps, "recover", _recover, "restore role: unwrap the host secret where no host is left that holds it")
    return parser


def _request(context: Context) -> Exit:
    configuration = context.configuration
    _secret_file(configuration)
    repository, writer, key_file = _new_host(configuration)
    if not key_file.exists():
        create_key_file(key_file, None)
    message = request_enrolment(_enrolment_key(key_file).public_key(), repository=repository.hex(), writer=writer.hex())
    recipient = requested_recipient(message)
    _write(context.options.request, message)
    context.report.tell(
        {"repository": repository.hex(), "writer": writer.hex(), "recipient": recipient},
        [f"recipient  {recipient}", "tell it to who grants by another way than the request goes"],
    )
    return Exit.OK


def _grant(context: Context) -> Exit:
    configuration, options = context.configuration, context.options
    secret = configuration.open_host_secret()
    if not isinstance(secret, FileHostSecret | CredentialHostSecret):
        raise PolicyError(f"{secret.uri} never leaves its key service; allow the new host to use it there")
    repository = configuration.connect()
    request = _read(options.request)
    if request.get("repository") != repository.id.hex():
        raise UsageError(f"enrolment request is not for repository {repository.id.hex()}")
    _write(options.grant, grant_enrolment(request, secret.read_secret(), confirmed_recipient=options.confirm))
    context.report.tell(
        {"repository": repository.id.hex(), "writer": request["writer"], "recipient": options.confirm},
        [f"writer {request['writer']} may now hold the host secret of repository {repository.id.hex()}"],
    )
    return Exit.OK


def _accept(context: Context) -> Exit:
    configuration = context.configuration
    destination = _secret_file(configuration)
    repository, writer, key_file = _new_host(configuration)
    if not key_file.exists():
        raise UsageError("this host has asked for no enrolment; begin with `proofkeep enrol request`")
    grant = _read(context.options.grant)
    secret = accept_enrolment(grant, _enrolment_key(key_file), repository=repository.hex(), writer=writer.hex())
    # Anybody can make a grant that opens: only the repository's own MACs tell that this is its secret.
    connect(*configuration.open_stores(), HeldSecret(secret, configuration.host_secret))
    uri = store_host_secret(destination, secret).uri
    key_file.unlink()
    context.report.tell(
        {"repository": repository.hex(), "writer": writer.hex(), "uri": uri},
        [f"host secret of repository {repository.hex()} kept in {uri}"],
    )
    return Exit.OK


def _recover(context: Context) -> Exit:
    configuration = context.configuration
    destination = _secret_file(configuration)
    store, ledger = configuration.open_stores()
    uri = store_host_secret(destination, recover(store, ledger, configuration.key_providers())).uri
    repository = configuration.connect().id.hex()
    context.report.tell(
        {"repository": repository, "uri": uri}, [f"host secret of repository {repository} recovered into {uri}"]
    )
    return Exit.OK


def _new_host(configuration: Configuration) -> tuple[bytes, bytes, Path]:
    """Repository, this host's writer id, and where its enrolment key lies between request and accept."""
    store, _ = configuration.open_stores()
    try:
        repository = peek_repository(store.get(names.DESCRIPTOR))
    except ObjectMissingError:
        raise RepositoryMissingError(f"{store.location.place} holds no repository") from None
    state = open_state(configuration.state, repository)
    return repository, state.writer(), state.path / "enrolment.pem"


def _secret_file(configuration: Configuration) -> Path:
    uri = configuration.host_secret
    if not uri.startswith(_FILE):
        raise UsageError(f"host_secret is {uri}; enrolment keeps it in a file, such as file:/etc/proofkeep/host.secret")
    path = Path(uri.removeprefix(_FILE))
    if path.exists():
        raise UsageError(f"{uri} exists already, this host is enrolled")
    return path


def _enrolment_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = read_key_file(file, "enrolment key").private_key(None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise MalformedError("enrolment key is no P-384 key")
    return key


def _read(file: Path) -> dict[str, Any]:
    try:
        message = json.loads(read_file(file, f"{_FILE}{file}", None)[0])
    except ValueError:
        raise MalformedError(f"{file} is no enrolment message") from None
    if not isinstance(message, dict):
        raise MalformedError(f"{file} is no enrolment message")
    return message


def _write(file: Path, message: dict[str, object]) -> None:
    create_file(file.absolute(), f"{_FILE}{file}", json.dumps(message, indent=2).encode() + b"\n", mode=0o644)
