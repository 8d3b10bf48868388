"""Stage between conform and locate: records whose place is an address receive the point of that address.

A place is accepted for a house number found with a score of 0.8 at least, in the commune of the record. Everything
else is unknown, with its reason: never "outside". The rows go through in order, and none is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.addresses import model
from qpv_data.addresses.addok import Addok
from qpv_data.addresses.geoplateforme import Geoplateforme
from qpv_data.addresses.hosts import faults
from qpv_data.addresses.model import Answer, Geocoder, OutageError, Question, Reply, Service, Unanswered
from qpv_data.addresses.questions import AddressColumns, PointColumns, judge, questions_of
from qpv_data.engine import replacing
from qpv_data.problems import FeedError, MotifInconnu, Problem

_ROWS = 10_000
_ADDED = {
    model.X: pa.float64(),
    model.Y: pa.float64(),
    model.SCORE: pa.float64(),
    model.TYPE: pa.string(),
    model.DISTANCE: pa.float64(),
    model.LIBELLE: pa.string(),
    model.MOTIF: pa.string(),
}


@dataclass(frozen=True)
class GeocodeReport:
    """`lus = acceptes + Σ motifs`. `demandes`: questions sent, repeats of a batch apart.

    `panne`: why the service was given up, null when it was not. Rows without an answer are then unknown, for
    `geocodeur_indisponible`.
    """

    jeu: str
    lus: int
    acceptes: int
    motifs: Mapping[str, int]
    demandes: int
    panne: str | None

    @property
    def complet(self) -> bool:
        """Whether every question had its answer: what is not complete is asked again, and never kept as answers."""
        return self.panne is None and MotifInconnu.GEOCODEUR_INDISPONIBLE.value not in self.motifs


@dataclass
class _Run:
    geocoder: Geocoder
    lus: int = 0
    demandes: int = 0
    acceptes: int = 0
    motifs: Counter[str] = field(default_factory=Counter)
    panne: str | None = None

    def replies(self, questions: Sequence[Question]) -> Iterator[Reply]:
        """A reply a question; once the service is down it is not asked again."""
        for start in range(0, len(questions), self.geocoder.lot):
            part = questions[start : start + self.geocoder.lot]
            if self.panne is None:
                try:
                    found = self.geocoder.ask(part)
                    assert len(found) == len(part)
                    self.demandes += len(part)
                    yield from found
                    continue
                except OutageError as e:
                    self.panne = str(e)
            yield from [Unanswered()] * len(part)


def geocode(
    source: Path,
    target: Path,
    *,
    jeu: str,
    columns: AddressColumns,
    service: Service,
    geocoder: Geocoder | None = None,
) -> GeocodeReport:
    """Geocode a Parquet file of records, streaming.

    Out: `target`, whole or not at all: the same rows in the same order with `adresse_x`, `adresse_y` (degrees,
    EPSG:4326; null unless accepted), `adresse_score` and `adresse_type` of the best candidate, accepted or not,
    `adresse_distance_m` (geodesic metres from the feed's own point to the candidate, where the feed has one),
    `adresse_libelle` (unless the addresses are personal) and `adresse_motif` (why the place is unknown, or null).
    An outage is no exception: it is in the report, and its rows are unknown. Raises FeedError for a service that may
    not be asked, and for columns that are missing or already there.
    """
    _hold(jeu, service)
    reader = pq.ParquetFile(source)
    _hold_columns(jeu, reader.schema_arrow, columns)
    run = _Run(geocoder or transport(service))
    added = {n: t for n, t in _ADDED.items() if n != model.LIBELLE or not service.personnelles}
    schema = reader.schema_arrow
    for name, kind in added.items():
        schema = schema.append(pa.field(name, kind))
    with replacing(target) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in reader.iter_batches(_ROWS):
            table = pa.Table.from_batches([batch])
            for name, values in _answer(run, table, columns).items():
                if name in added:
                    table = table.append_column(pa.field(name, added[name]), pa.array(values, added[name]))
            writer.write_table(table.cast(schema))
    if run.lus != run.acceptes + sum(run.motifs.values()) or run.lus != reader.metadata.num_rows:
        message = f"{run.lus} lus ≠ {run.acceptes} acceptés + {sum(run.motifs.values())} inconnus"
        raise FeedError(jeu, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    return GeocodeReport(jeu, run.lus, run.acceptes, dict(sorted(run.motifs.items())), run.demandes, run.panne)


def transport(service: Service) -> Geocoder:
    """The client of this service."""
    return Geoplateforme(service) if service.geocodeur == "geoplateforme" else Addok(service)


def _hold(jeu: str, service: Service) -> None:
    found = list(faults(service))
    if found:
        message = " ; ".join(f"{f.cle} : {f.message}" for f in found)
        raise FeedError(jeu, Problem.GEOCODEUR_REFUSE, message, " ; ".join(f.remede for f in found))


def _hold_columns(jeu: str, schema: pa.Schema, columns: AddressColumns) -> None:
    if missing := [name for name in columns.names if name not in schema.names]:
        remedy = "colonnes : " + ", ".join(schema.names)
        raise FeedError(jeu, Problem.COLONNE_INCONNUE, f"colonnes absentes : {', '.join(missing)}", remedy)
    if taken := [name for name in model.AJOUTEES if name in schema.names]:
        raise FeedError(jeu, Problem.DOUBLON, f"colonnes déjà là : {', '.join(taken)}", "les renommer, ou les enlever")


def _answer(run: _Run, table: pa.Table, columns: AddressColumns) -> dict[str, list[object]]:
    """What each row receives. An address that a batch holds twice is asked once."""
    asked = questions_of(table, columns)
    distinct = list(dict.fromkeys(q for q in asked if isinstance(q, Question)))
    replies = dict(zip(distinct, run.replies(distinct), strict=True))
    answers = [replies[q] if isinstance(q, Question) else None for q in asked]
    motives = [judge(q, a) if isinstance(q, Question) else q for q, a in zip(asked, answers, strict=True)]
    found = [a if isinstance(a, Answer) else None for a in answers]
    run.lus += table.num_rows
    run.acceptes += sum(m is None for m in motives)
    run.motifs.update(m.value for m in motives if m is not None)
    kept = [a if m is None else None for a, m in zip(found, motives, strict=True)]
    return {
        model.X: [a.lon if a else None for a in kept],
        model.Y: [a.lat if a else None for a in kept],
        model.SCORE: [a.score if a else None for a in found],
        model.TYPE: [a.type if a else None for a in found],
        model.DISTANCE: _distances(table, columns.reference, found),
        model.LIBELLE: [a.libelle if a else None for a in found],
        model.MOTIF: [m.value if m is not None else None for m in motives],
    }


def _distances(table: pa.Table, reference: PointColumns | None, found: Sequence[Answer | None]) -> list[object]:
    """Geodesic metres from the feed's own point to the candidate; None when either is missing."""
    if reference is None:
        return [None] * len(found)
    from pyproj import Geod, Transformer

    x, y = (table.column(n).cast(pa.float64()).to_numpy(zero_copy_only=False) for n in (reference.x, reference.y))
    lon, lat = Transformer.from_crs(reference.epsg, 4326, always_xy=True).transform(x, y)
    there = np.array([(a.lon, a.lat) if a else (np.nan, np.nan) for a in found]).reshape(-1, 2)
    usable = np.isfinite(lon) & np.isfinite(lat) & np.isfinite(there[:, 0]) & (np.abs(lat) <= 90)
    metres: list[object] = [None] * len(found)
    if usable.any():
        _, _, distance = Geod(ellps="GRS80").inv(lon[usable], lat[usable], there[usable, 0], there[usable, 1])
        for row, value in zip(np.flatnonzero(usable), distance, strict=True):
            metres[row] = round(float(value), 1)
    return metres
