"""The optional AwsCredentials block of prefect-aws, loaded by name and only when a repository names one.

It keeps an access key in Prefect's database; the ambient chain (instance or task role) is the better default.
"""

import importlib
from typing import Any

from proofkeep.errors import UsageError

PACKAGE = "prefect_aws"


def aws_session(name: str) -> Any:
    """A botocore session with the credentials of block `name`.

    Raises:
        UsageError: prefect-aws is not installed, or there is no such block.
    """
    try:
        module = importlib.import_module(PACKAGE)
    except ImportError:
        raise UsageError(
            f"block aws-credentials/{name} needs the package prefect-aws, which is not installed; "
            "leave aws_credentials empty to use the host's ambient credentials"
        ) from None
    try:
        credentials = module.AwsCredentials.load(name, _sync=True)
    except ValueError:
        raise UsageError(f"block aws-credentials/{name} does not exist at this prefect server") from None
    # boto3 offers no way to its botocore session but this one; ours has its own connection policy.
    return credentials.get_boto3_session()._session  # noqa: SLF001 - as above
