"""Seconds of our streaming phase alone: `python phase.py ZONES X Y CRS POINTS…`, the index opened before."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from qpv_data.points.batch import Placer
from qpv_data.points.declared import where_of
from qpv_data.points.files import Asked, Request, count
from qpv_data.points.opening import open_zones
from qpv_data.points.reading import open_source


def main() -> None:
    """Open, then time `count`."""
    zones, x, y, crs, *points = sys.argv[1:]
    placer = Placer(open_zones(Path(zones), "code_qp"))
    placer.prepare(crs)
    sources = tuple(open_source(Path(p)) for p in points)
    where = where_of(sources, x=x, y=y, geometrie=None, crs=crs, colonne_epsg=None, decimale=".")
    request = Request(sources, where, (Asked(placer, ("code", "localisation", "localisation_motif"), "codes"),))
    start = time.perf_counter()
    count(request, "categorie", ["valeur"])
    print(json.dumps({"phase": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
