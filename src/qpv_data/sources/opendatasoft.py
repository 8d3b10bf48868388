"""Opendatasoft, Explore API v2.1: a whole dataset by its exports, held to the number of records of the catalogue."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.source import SourceOpendatasoft
from qpv_data.fetch import Fetched, Previous
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.asking import Asking

_AGAIN = "relancer ; si cela dure, prévenir le producteur"


def export(asking: Asking, source: SourceOpendatasoft, previous: Previous | None) -> Fetched:
    """The export, complete: its records are as many as the catalogue says, before it or after it.

    A dataset may be updated under way, hence both. A mirror without the catalogue is not asked to have it.
    Raises FeedError source_tronquee when the numbers differ.
    """
    url = source.adresse(asking.jeu)
    before = _announced(asking, source)
    got = asking.file(url, previous=previous, sha256=source.sha256)
    if got.inchangee or before is None:
        return got
    found = records_in(got.path, source.export, asking.jeu)
    if found != before and found != (after := _announced(asking, source)):
        got.path.unlink()
        message = f"export de {found} enregistrements, le catalogue en annonce {after}"
        raise asking.error(Problem.SOURCE_TRONQUEE, url, message, _AGAIN)
    return got


def _announced(asking: Asking, source: SourceOpendatasoft) -> int | None:
    """The number of records that the portal announces; None when it is not said, or a mirror does not hold it."""
    url = source.comptage if source.filtre else source.catalogue
    try:
        answer = asking.document(url)
    except FeedError as e:
        if asking.transport is not None and e.probleme is Problem.SOURCE_ABSENTE:
            return None
        raise
    path = ("total_count",) if source.filtre else ("metas", "default", "records_count")
    return _whole(answer, *path)


def _whole(answer: Any, *path: str) -> int | None:
    for key in path:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer if isinstance(answer, int) and not isinstance(answer, bool) else None


def records_in(path: Path, export: str, jeu: str) -> int:
    """Records of an export, counted as it streams. Raises FeedError format_inattendu."""
    try:
        if export == "parquet":
            return int(pq.ParquetFile(path).metadata.num_rows)
        if export == "csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                return max(0, sum(1 for record in csv.reader(file, delimiter=";") if record) - 1)
        prefix = "features.item" if export == "geojson" else "item"
        with path.open("rb") as stream:
            starts = ("start_map", "start_array", "string", "number", "boolean", "null")
            return sum(1 for at, event, _ in ijson.parse(stream) if at == prefix and event in starts)
    except (ValueError, csv.Error, pa.ArrowException, ijson.JSONError, OSError) as e:
        message = f"l'export n'est pas un {export} lisible ({type(e).__name__})"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "vérifier `source.export`") from None
