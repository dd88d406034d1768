"""Measurements that run by make targets of their own, never as tests."""
