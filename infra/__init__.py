"""What stands around the engine: set-up, servers, the demo, registration of blocks."""
