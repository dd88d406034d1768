"""What stands around the engine: set-up, servers, the demo, registration of blocks."""

import os

# As in `flows`: register_blocks is a command of its own.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
