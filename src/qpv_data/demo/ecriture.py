"""From rows to the bytes of a delivery. Nothing here depends on the clock, the platform or a hash seed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.demo.lignes import Ligne
from qpv_data.demo.salissures import OCTET

_BEFORE_ANY_CLOCK = (2025, 1, 1, 0, 0, 0)
_UNREADABLE = {"utf-8": b"\xe9", "utf-8-sig": b"\xe9", "cp1252": b"\x81"}


@dataclass(frozen=True)
class Csv:
    """How a producer writes its csv. `decimale` is put in place of the dot in the `nombres` columns."""

    entetes: Sequence[str]
    separateur: str = ";"
    encodage: str = "utf-8"
    fin_de_ligne: str = "\n"
    decimale: str = "."
    nombres: frozenset[str] = frozenset()

    def __call__(self, lignes: Sequence[Ligne]) -> bytes:
        rows = [self._joined(self.entetes)]
        rows += [self._row(ligne) for ligne in lignes]
        text = self.fin_de_ligne.join(rows) + self.fin_de_ligne
        return text.encode(self.encodage).replace(OCTET.encode(), _UNREADABLE[self.encodage])

    def _row(self, ligne: Ligne) -> str:
        cells = [ligne.cellules[e] or "" for e in self.entetes]
        if self.decimale != ".":
            cells = [
                c.replace(".", self.decimale) if e in self.nombres and c != "n.c." else c
                for e, c in zip(self.entetes, cells, strict=True)
            ]
        if ligne.champs > 0:
            cells += ["?"] * ligne.champs
        elif ligne.champs < 0:
            cells = cells[: ligne.champs]
        return self._joined(cells)

    def _joined(self, cells: Sequence[str]) -> str:
        return self.separateur.join(self._quoted(c) for c in cells)

    def _quoted(self, cell: str) -> str:
        if self.separateur in cell or '"' in cell:
            return '"' + cell.replace('"', '""') + '"'
        return cell


def table(entetes: Sequence[str], rows: Sequence[Sequence[str]], **style: Any) -> bytes:
    """A clean csv, for the referentials."""
    lignes = [Ligne(dict(zip(entetes, row, strict=True)), {}, "") for row in rows]
    return Csv(entetes, **style)(lignes)


def archive(membres: Mapping[str, bytes]) -> bytes:
    """A ZIP whose entries carry a fixed date, in the order given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in membres.items():
            entry = zipfile.ZipInfo(name, _BEFORE_ANY_CLOCK)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # else it tells the platform
            target.writestr(entry, content)
    return buffer.getvalue()


def json_text(content: Any, *, indent: int | None = None) -> bytes:
    """UTF-8, keys in the order given."""
    return (json.dumps(content, ensure_ascii=False, indent=indent) + "\n").encode()


def parquet(columns: Mapping[str, Sequence[Any]], schema: Any) -> bytes:
    """A zstd Parquet file. The writer's version is that of the locked dependency."""
    sink = io.BytesIO()
    pq.write_table(pa.table(dict(columns), schema=schema), sink, compression="zstd")
    return sink.getvalue()
