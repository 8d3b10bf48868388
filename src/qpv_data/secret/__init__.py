"""Disclosure control of tables: what to hide so that nothing protected can be worked out from what is shown.

`protection.protect_table` is the entrance; every cell that the rule protects comes back with a *witness*: another
table of whole numbers, equal on everything published, in which that cell is where the rule wants it to be able to be.
"""
