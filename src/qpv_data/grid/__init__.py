"""The index that locates points: a grid whose cells are outside, wholly inside zones, or crossed by their edges.

`build.py` makes a `Grid`, `index.py` answers, `exact.py` decides in the crossed cells, `layers.py` cuts distant zones
apart, `front.py` answers in another CRS, `store.py` keeps an index on disk.
"""
