"""Sources: trees walked and files read on this machine's real filesystems."""
