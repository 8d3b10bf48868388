"""Points in zones, from files or from memory, outside and inside the pipeline.

`zoning.py` zones ready to be asked, `ground.py` what an absent answer means, `batch.py` one batch of points,
`coordinates.py` x and y out of columns, `reading.py` files by pieces, `tally.py` counts and exact sums,
`rows.py` one line a point, `locator.py` the functions to call.
"""
