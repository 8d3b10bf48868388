"""Disclosure control of a whole feed: all its indicators, over all the zones that are published, period by period.

`protection.protect_feed` is the entrance. A *measure* is one sum that indicators publish or that a reader works out (a
numerator, a denominator, the other side of a share, one modality of them); a *node* is a zone or an atom; a *cell* is a
measure at a node. Rows of `valeurs` show one cell or two: a cell is hidden when every row that shows it is.
"""
