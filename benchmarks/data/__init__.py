"""The data sets of the benchmark: made from a seed, the same bytes on every machine."""
