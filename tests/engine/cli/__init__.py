"""The command line, run as the real console script in a process of its own."""
