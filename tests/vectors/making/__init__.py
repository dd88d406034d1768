"""What `generate.py` is made of: an independent writer of the format with fixed keys; it never imports the engine."""
