"""`keygen`: make a wrapping key, export its public half for backup hosts, make a host secret."""

from pathlib import Path

from proofkeep.cli.command import Context, Parser, Subparsers, add_command, add_group
from proofkeep.cli.exits import Exit
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.keys.passphrases import passphrase_from_uri


def add(commands: Subparsers) -> Parser:
    """Add the subcommand and what it can make."""
    parser = add_group(commands, "keygen", "make wrapping keys and host secrets")
    made = parser.add_subparsers(metavar="WHAT", required=True)
    key = add_command(made, "key", _key, "make a P-384 wrapping key, both halves in one file", configured=False)
    key.add_argument("file", type=Path, help="new file, mode 0600")
    protection = key.add_mutually_exclusive_group(required=True)
    protection.add_argument(
        "--passphrase",
        metavar="SOURCE",
        help="where its passphrase comes from: env:NAME, fd:N, credential:NAME, file:/path",
    )
    protection.add_argument("--unprotected", action="store_true", help="for keys kept offline or by systemd")
    public = add_command(
        made, "public", _public, "export the public half, all that a backup host needs", configured=False
    )
    public.add_argument("file", type=Path, help="file with a wrapping key")
    public.add_argument("public_file", type=Path, help="new file, mode 0644")
    secret = add_command(made, "host-secret", _host_secret, "make the first host's secret", configured=False)
    secret.add_argument("file", type=Path, help="new file, mode 0600")
    return parser


def _key(context: Context) -> Exit:
    options = context.options
    passphrase = None if options.unprotected else passphrase_from_uri(options.passphrase)
    return _tell(context, create_key_file(options.file.absolute(), passphrase), options.file)


def _public(context: Context) -> Exit:
    options = context.options
    return _tell(
        context, export_public_key(options.file.absolute(), options.public_file.absolute()), options.public_file
    )


def _tell(context: Context, recipient: str, file: Path) -> Exit:
    uri = f"file:{file.absolute()}"
    context.report.tell(
        {"recipient": recipient, "uri": uri},
        [f"recipient  {recipient}", f'in [keys]  providers = ["{uri}#{recipient}"]'],
    )
    return Exit.OK


def _host_secret(context: Context) -> Exit:
    uri = create_host_secret(context.options.file).uri
    context.report.tell(
        {"uri": uri},
        [
            f'host_secret = "{uri}"',
            "`proofkeep init` keeps it wrapped for every key of [keys], so that their holders can recover it",
        ],
    )
    return Exit.OK
