"""The passage between two generations of zones: which goes where, by geometry, and what that does to values.

`overlay.py` measures the ground that zones share, `natures.py` names the links, `weights.py` weighs them by points,
`table.py` writes the table and holds its totals, `convert.py` applies it to values, `reading.py` reads zones.
"""

from qpv_data.passage.convert import Conversion, convert, convert_ratio
from qpv_data.passage.model import PASSAGES, TOLERANCE_M, Contour, Generation, Nature
from qpv_data.passage.table import passage_table

__all__ = [
    "PASSAGES",
    "TOLERANCE_M",
    "Contour",
    "Conversion",
    "Generation",
    "Nature",
    "convert",
    "convert_ratio",
    "passage_table",
]
