"""What is backed up: adapters that walk and read a source. They know nothing of verbs, repository or format."""
