"""Sealing and key derivation: pure functions over bytes. Keys come in as arguments and never rest here."""
