"""Whoever does the benchmark's works: Proofkeep, its peers, and the limits that a machine sets."""
