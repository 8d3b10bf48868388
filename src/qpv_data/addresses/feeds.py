"""Geocode the deliveries of a feed, once: the answers are kept as long as the records and the clause stay the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from qpv_data.addresses.clauses import columns_of, service_of
from qpv_data.addresses.geocode import GeocodeReport, geocode
from qpv_data.addresses.model import Geocoder
from qpv_data.clause.model import ClauseJeu, LocalisationAdresse
from qpv_data.engine import replacing
from qpv_data.problems import FeedError, MotifInconnu, Problem


def geocoded(clause: ClauseJeu, conformed: Path, *, geocoder: Geocoder | None = None) -> Path:
    """The records to locate: `conformed` itself, unless the clause locates by address.

    Then `<name>.adresses.parquet` beside it: the same rows with their points (see `geocode`). What was asked is not
    asked again while the records and the clause's keys stay the same; where an answer is missing it is. Raises
    FeedError when the geocoder is down: the rows are written, of unknown place, and never taken for answers.
    """
    place = clause.localisation
    if not isinstance(place, LocalisationAdresse):
        return conformed
    target = conformed.with_suffix(".adresses.parquet")
    note = conformed.with_suffix(".adresses.json")
    wanted = _digest(clause, place, conformed)
    if target.is_file() and note.is_file() and json.loads(note.read_text("utf-8"))["de"] == wanted:
        return target
    note.unlink(missing_ok=True)
    service = service_of(clause, place)
    report = geocode(conformed, target, jeu=clause.id, columns=columns_of(place), service=service, geocoder=geocoder)
    if report.panne is not None:
        raise outage(report, service.geocodeur)
    if report.complet:
        facts = {"de": wanted, "lus": report.lus, "acceptes": report.acceptes, "motifs": report.motifs}
        with replacing(note) as part:
            part.write_text(json.dumps(facts, sort_keys=True) + "\n", "utf-8")
    return target


def outage(report: GeocodeReport, geocodeur: str) -> FeedError:
    """The error of a service that was given up."""
    lost = report.motifs.get(MotifInconnu.GEOCODEUR_INDISPONIBLE.value, 0)
    message = f"{report.panne} ; {lost} lignes sur {report.lus} de lieu inconnu"
    remedy = "make addok BAN=…, puis relancer" if geocodeur == "addok" else "relancer plus tard"
    return FeedError(report.jeu, Problem.GEOCODEUR_INDISPONIBLE, message, remedy)


def _digest(clause: ClauseJeu, place: LocalisationAdresse, conformed: Path) -> str:
    """What the answers depend on: the records' bytes, the clause's keys, and whether labels may be kept."""
    said = {"localisation": place.model_dump(mode="json"), "personnelles": clause.donnees_personnelles.presentes}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    with conformed.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
