"""Targets: trees written to this machine's real filesystems."""
