"""The stories an operator sees in Prefect: order of steps, nothing of how a step works."""

import os

# Prefect asks these when it is imported and would tell its makers that it was: a host with CUI tells nobody.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from proofkeep.allocator import expect_churn

expect_churn()  # before Prefect's threads, which come with the first request, have an arena each
