"""Flows on a real Prefect server, some of them run by a real worker."""
