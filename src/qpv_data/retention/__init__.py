"""The end of life of a delivery: what is due under its clause, its destruction, and the proof of it."""
