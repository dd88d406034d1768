"""Proofkeep: backups you can prove."""
