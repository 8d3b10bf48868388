"""How sure a place is: distance to the boundary, probability of being inside, bounds of counts, boundary rules.

`boundaries.py` holds the edges of a zoning, `distance.py` and `probability.py` answer for points, `gaussian.py` is the
closed form, `errors.py` reads a record's error from its clause, `bounds.py` turns probabilities into bounds,
`columns.py` and `cells.py` serve the stages locate and aggregate, `disclosure.py` says which bounds may leave.
"""
