"""Where a restored tree goes: adapters that write it safely. They know nothing of verbs, repository or format."""
