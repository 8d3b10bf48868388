"""A week of an on-call engineer, simulated: see `__main__`."""
