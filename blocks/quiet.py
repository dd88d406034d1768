"""No word to Prefect's makers: it asks these when it is imported, so this module comes first. As in `flows`."""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
