"""The stories an operator sees in Prefect: order of steps, nothing of how a step works."""
