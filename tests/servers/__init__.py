"""Real servers on loopback for the tests, one of each per session and only when a test asks for it."""
