"""Runs what the documents tell people to type."""
