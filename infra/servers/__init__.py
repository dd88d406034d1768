"""Servers that demo and tests start on loopback, each as a child process of its own.

Stand-ins and local set-ups, never part of a production host.
"""
