"""The register of associations: addresses alone, that a geocoder of one's own places, or leaves of unknown place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from addresses.geocodeurs import FauxAddok, Lieu
from factory import IN_A, IN_B, lonlat
from flux_nationaux import add, moved, territory
from pytest_httpserver import HTTPServer


def place(at: tuple[float, float], commune: str = "99001", kind: str = "housenumber") -> tuple[Lieu]:
    lon, lat = lonlat(*at)
    return (Lieu(lon, lat, commune=commune, type=kind),)


def test_associations_are_placed_by_their_number_and_their_names_are_not_read(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    known = {"1 RUE A": place(IN_A), "RUE A": place(IN_A, kind="street"), "2 RUE B": place(IN_B, "99002")}
    fake = FauxAddok(httpserver, known)
    made = territory(tmp_path)
    add(made, "anct_qpv2024")
    where = {**moved("rna_associations")["localisation"], "url": fake.service.url}
    add(made, "rna_associations", localisation=where)
    report = made.run(periode="2025-T4")
    assert [(p.jeu, p.erreur) for p in report.places if p.erreur] == []
    rows = [
        r for p in (made.out / "located" / "rna_associations").glob("*.parquet") for r in pq.read_table(p).to_pylist()
    ]
    found = Counter((r["qpv2024"], r["localisation_motif"]) for r in rows)
    assert found == {
        ("QN09901A", None): 4,
        ("QN09902B", None): 1,
        (None, "adresse_imprecise"): 1,
        (None, "adresse_introuvable"): 1,
    }
    refused = [
        r for p in (made.out / "rejets" / "rna_associations").glob("*.parquet") for r in pq.read_table(p).to_pylist()
    ]
    assert sorted((r["motif"], r["colonne"]) for r in refused) == [
        ("cle_en_double", "id_association"),
        ("valeur_hors_domaine", "id_association"),
        ("valeur_hors_domaine", "position"),
    ]
    # Three of the four in A are active; one has been dissolved.
    assert made.value("rna_associations", "QN09901A", "2025-T4") == (3, "normale", "diffusee")
    assert made.value("rna_associations_pour_1000", "QN09901A", "2025-T4") == (2.5, "normale", "diffusee")
    assert all("Nom" not in a["q"] for a in fake.asked)
