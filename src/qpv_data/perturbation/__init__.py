"""Alternatives to suppression, for figures that are never published exact as well: controlled rounding, and noise whose
cell keys make it the same wherever the same units are. See docs/alternatives.md for what each guarantees, and what not.
"""
