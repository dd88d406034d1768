"""`make up`: the installation of docs/platform-engineer/installation.md in the foreground of one machine."""
