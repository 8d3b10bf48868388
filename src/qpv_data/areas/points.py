"""A layer of points to share by: addresses, dwellings, whatever stands where people are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from qpv_data.areas.moving import move_points
from qpv_data.areas.numbers import numbers
from qpv_data.areas.reading import table_batches
from qpv_data.areas.shares import Floats

Add = Callable[[Floats, Floats, Floats], None]


@dataclass
class Points:
    """A Parquet or CSV file of points: columns of coordinates in `crs`, and of weights (1 each without).

    `lus` and `ecartes` count the points read, and those without usable coordinates or with a weight that is absent or
    negative: they weigh nothing.
    """

    path: Path
    x: str
    y: str
    crs: str
    valeur: str | None = None
    lus: int = field(default=0, init=False)
    ecartes: int = field(default=0, init=False)

    def batches(self) -> Iterator[tuple[Floats, Floats, Floats]]:
        """x, y in the layer's CRS and weight of the usable points, batch by batch."""
        self.lus = self.ecartes = 0
        columns = [self.x, self.y] + ([self.valeur] if self.valeur else [])
        for _, batch in table_batches(self.path, columns):
            x, y = (self._numbers(batch, c) for c in (self.x, self.y))
            weight = self._numbers(batch, self.valeur) if self.valeur else np.ones(len(x))
            usable = np.isfinite(x) & np.isfinite(y) & (weight >= 0)
            self.lus += len(x)
            self.ecartes += int((~usable).sum())
            yield x[usable], y[usable], weight[usable]

    def pour(self, into: Sequence[tuple[str, Add]]) -> None:
        """Give every point to each of these, in the CRS that it wants."""
        for x, y, weight in self.batches():
            for crs, add in into:
                there_x, there_y = move_points(x, y, self.crs, crs)
                sound = np.isfinite(there_x) & np.isfinite(there_y)
                if sound.all():
                    add(there_x, there_y, weight)
                else:
                    add(there_x[sound], there_y[sound], weight[sound])

    @staticmethod
    def _numbers(batch: pa.RecordBatch, column: str) -> Floats:
        return numbers(batch.column(column), column)[0]
