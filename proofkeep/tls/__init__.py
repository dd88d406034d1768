"""What every connection of an adapter must be: the TLS policy, and botocore clients that cannot leave it.

Stands below the adapters that share it (`stores`, `keys`); knows no object store and no key provider.
"""

from proofkeep.tls.policy import Curve, TlsPolicy
from proofkeep.tls.recorder import TlsRecorder

__all__ = ["Curve", "TlsPolicy", "TlsRecorder"]
