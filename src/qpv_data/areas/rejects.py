"""Rows that give nothing to any estimate: each is kept, with its number and its reason."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

_SHOWN = 5


class Ecart(StrEnum):
    """Why a row of sources is set aside. Readers see these words: French, closed list."""

    IDENTIFIANT_ABSENT = "identifiant_absent"
    IDENTIFIANT_ILLISIBLE = "identifiant_illisible"
    CRS_INCONNU = "crs_inconnu"
    CRS_SANS_METRE = "crs_sans_metre"
    HORS_MAILLE = "hors_maille"
    HORS_EMPRISE = "hors_emprise"
    GEOMETRIE_ABSENTE = "geometrie_absente"
    GEOMETRIE_SANS_AIRE = "geometrie_sans_aire"
    GEOMETRIE_SANS_LONGUEUR = "geometrie_sans_longueur"
    VALEUR_ILLISIBLE = "valeur_illisible"
    IMPUTATION_ILLISIBLE = "imputation_illisible"

    @property
    def rank(self) -> int:
        """Its place in the list, small enough for a byte."""
        return list(Ecart).index(self)


class Ecartees:
    """Counts the rows set aside, shows a few, and writes them all when `path` is given and there is one.

    Written columns: `ligne` (from 1, header apart), `identifiant`, `motif`.
    """

    _SCHEMA = pa.schema([("ligne", pa.int64()), ("identifiant", pa.string()), ("motif", pa.string())])

    def __init__(self, path: Path | None = None) -> None:
        self.motifs: Counter[str] = Counter()
        self.exemples: dict[str, list[str]] = {}
        self._path = path
        self._writer: Any = None
        if path is not None:
            path.unlink(missing_ok=True)  # that of an earlier run says nothing of this one

    def add(self, lines: NDArray[np.int64], ecarts: NDArray[Any], identifiers: pa.Array | None) -> None:
        """Set rows aside: their lines, the rank of their reason, and their identifiers as read."""
        if not len(lines):
            return
        names = np.array([e.value for e in Ecart], dtype=object)[ecarts]
        texts = pa.nulls(len(lines), pa.string()) if identifiers is None else identifiers.cast(pa.string())
        for rank, count in zip(*np.unique(ecarts, return_counts=True), strict=True):
            motif = list(Ecart)[rank].value
            self.motifs[motif] += int(count)
            shown = self.exemples.setdefault(motif, [])
            for i in np.flatnonzero(ecarts == rank)[: _SHOWN - len(shown)]:
                shown.append(texts[int(i)].as_py() or f"ligne {lines[i]}")
        if self._path is not None:
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._path, self._SCHEMA, compression="zstd")
            columns = [pa.array(lines), texts, pa.array(names, pa.string())]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._SCHEMA))

    def __enter__(self) -> Ecartees:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
