"""Test vectors of the repository format, their generator and a second reader."""
