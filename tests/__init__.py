"""What Proofkeep promises, proven against real servers."""
