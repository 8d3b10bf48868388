"""DBF tables alone, without a shapefile around them."""

from __future__ import annotations

import struct
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read_arrow

from qpv_data.clause.received import Colonne, Format
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.raw_rows import Heard, RawRow, match_headers
from qpv_data.sources.shapefile import dbf_size, text_encoding
from qpv_data.sources.vector import as_text

_VERSIONS = {0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8C, 0xCB, 0xF5, 0xFB}


def dbf_rows(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[RawRow]:
    """(rank from 1, texts, None) of every record that is not marked as deleted.

    Raises FeedError: format_inattendu (no DBF, wrong encoding), source_tronquee, entete_inattendu.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if not _is_dbf(head):
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, "ce n'est pas un DBF", "vérifier `format.type`")
    if path.stat().st_size < (declared := dbf_size(path)):
        message = f"{path.stat().st_size} octets sur {declared}"
        raise FeedError(jeu, Problem.SOURCE_TRONQUEE, message, "demander une nouvelle livraison")
    table = _read(path, jeu, fmt.encodage)
    chosen = match_headers(jeu, table.column_names, columns, heard)
    texts = [as_text(table.column(i)).to_pylist() for i in chosen]
    for number, values in enumerate(zip(*texts, strict=True), start=1):
        yield RawRow(number, values)


def _is_dbf(head: bytes) -> bool:
    """A version, a day, at least one field and a byte a record: the format has no magic number."""
    if len(head) < 12 or head[0] not in _VERSIONS or head[2] > 12 or head[3] > 31:
        return False
    header, width = struct.unpack("<HH", head[8:12])
    return bool(header >= 33 + 32 and width >= 1)


def _read(path: Path, jeu: str, encodage: str | None) -> pa.Table:
    """GDAL knows a DBF by its name alone, and looks around it: it is shown one of that name, by itself."""
    with tempfile.TemporaryDirectory(prefix="qpv-dbf-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        alone = Path(folder) / "table.dbf"
        alone.symlink_to(path.resolve())
        encoding = text_encoding(alone, jeu=jeu, encodage=encodage)
        try:
            _, table = read_arrow(str(alone), encoding=encoding, datetime_as_string=True)
        except (DataSourceError, DataLayerError, UnicodeDecodeError, pa.ArrowInvalid) as e:
            message = f"DBF illisible ({type(e).__name__})"
            raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "vérifier `format.encodage`") from None
    return table
