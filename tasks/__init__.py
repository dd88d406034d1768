"""One engine step each, as Prefect tasks: retries, timeouts, cache keys, artifacts."""

import os

# As in `flows`: a task may be imported without its flow.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
