"""One engine step each, as Prefect tasks: retries, timeouts, cache keys, artifacts."""
