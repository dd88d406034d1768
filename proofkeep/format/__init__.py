"""Bytes to model and back, as docs/format.md says; pure. Nothing here reads a store or holds a long-lived key."""
