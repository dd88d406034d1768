"""Typed configuration in the Prefect UI, built into engine objects."""
