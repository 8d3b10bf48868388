"""Polygons, Insee cells and lines onto zones: shares, estimates and lengths.

`zones.py` says where zones are measured, `moving.py` moves drawings from one CRS to another, `cells.py` reads cells
from their identifiers, `coverage.py` says how much of each cell a zone holds, `polygons.py` does it for any polygon,
`cover.py` keeps overlaps from being lost, `declaration.py` says what may be shared, `estimate.py` shares it,
`weights.py` shares by points, `lines.py` measures lengths. Interior shortcuts everywhere: geometry is cut only where
a zone's edge passes.
"""
