"""Prefect automations as files, one each, and the command that makes a server's be what they say."""
