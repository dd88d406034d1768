"""`make demo` as a newcomer meets it, and the parts it is made of."""
