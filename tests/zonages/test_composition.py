"""Composing zonings: the same inputs give the same bytes, and nobody's communes are lost."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.vector import read_vector
from qpv_data.zonages import load_zones

Atelier = Any
X, Y = 650_000.0, 6_860_000.0
FILES = ("zones", "zones_natives", "zones_communes", "zones_epci", "zones_contrats", "passages", "en_vigueur")
TERRITOIRES = [
    "hexagone", "guadeloupe", "martinique", "saint_martin", "guyane", "la_reunion", "mayotte", "polynesie_6s"
]  # fmt: skip


def carre(i: float, j: float = 0.0, cote: float = 1000.0) -> Any:
    return shapely.box(X + 1000 * i, Y + 1000 * j, X + 1000 * i + cote, Y + 1000 * j + cote)


def paires(rows: list[dict[str, Any]], *colonnes: str) -> list[tuple[Any, ...]]:
    return [tuple(row[c] for c in colonnes) for row in rows]


def remplir(atelier: Atelier, order: random.Random | None = None) -> None:
    """Three communes in a row, four QPVs, an EPCI, two contrats; `order` shuffles the rows and the clauses."""
    rows = [
        ("QN07501M", carre(0.1, 0.1, 300), "75101"),
        ("QN07502N", carre(0.9, 0.1, 200), "75101, 75102"),
        ("QN07503I", carre(1.5, 0.1, 300), "75102,"),
        ("QN07504M", carre(2.5, 0.1, 300), "1053; 75103"),
    ]
    if order:
        order.shuffle(rows)
    codes, shapes, communes = zip(*rows, strict=True)
    cells = [c.replace(";", ",") for c in communes]
    atelier.qpv(codes, shapes, colonnes={"insee": cells}, communes={"colonne": "insee", "separateur": ", "})
    atelier.communes(["75101", "75102", "75103"], [carre(0), carre(1), carre(2)])
    atelier.composition("epci", "epci", [("200000001", "75101"), ("200000001", "75102"), ("200000002", "75103")])
    atelier.composition("contrat", "contrat", [("CV1", "75101"), ("CV2", "75102"), ("CV2", "75101"), ("CV9", "13055")])
    if order:
        order.shuffle(atelier.clauses)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_clauses_changes_no_byte(nouvel_atelier: Callable[[], Atelier], seed: int) -> None:
    straight, shuffled = nouvel_atelier(), nouvel_atelier()
    remplir(straight)
    remplir(shuffled, random.Random(seed))
    assert straight.composer() == shuffled.composer()
    for name in (*(f"{f}.parquet" for f in FILES), "rapport.json"):
        assert (straight.out / name).read_bytes() == (shuffled.out / name).read_bytes(), name


def test_composing_twice_replaces_everything_and_leaves_nothing_behind(atelier: Atelier) -> None:
    remplir(atelier)
    first = atelier.composer()
    before = {p.name: p.read_bytes() for p in atelier.out.iterdir()}
    assert atelier.composer() == first
    assert {p.name: p.read_bytes() for p in atelier.out.iterdir()} == before
    assert set(before) == {*(f"{f}.parquet" for f in FILES), "rapport.json"}


def test_declared_communes_are_split_trimmed_and_padded(atelier: Atelier) -> None:
    remplir(atelier)
    atelier.composer()
    rows = [r for r in atelier.lire("zones_communes") if r["zonage"] == "qpv2024"]
    assert paires(rows, "code_zone", "code_commune") == [
        ("QN07501M", "75101"),
        ("QN07502N", "75101"),
        ("QN07502N", "75102"),
        ("QN07503I", "75102"),
        ("QN07504M", "01053"),
        ("QN07504M", "75103"),
    ]
    assert {r["origine"] for r in rows} == {"declare"}


def test_what_is_not_a_commune_code_is_dropped_and_reported(atelier: Atelier) -> None:
    said = {"colonnes": {"insee": ["75101|Paris", None]}, "communes": {"colonne": "insee", "separateur": "|"}}
    atelier.qpv(["QN07501M", "QN07502M"], [carre(0), carre(1)], **said)
    assert atelier.composer().codes_communes_illisibles == (("qpv2024", "QN07501M", "Paris"),)
    assert paires(atelier.lire("zones_communes"), "code_commune") == [("75101",)]


def test_qpvs_are_in_the_contrats_of_all_their_communes(atelier: Atelier) -> None:
    remplir(atelier)
    atelier.composer()
    assert paires(atelier.lire("zones_contrats"), "code_zone", "code_contrat") == [
        ("QN07501M", "CV1"),
        ("QN07501M", "CV2"),
        ("QN07502N", "CV1"),
        ("QN07502N", "CV2"),
        ("QN07503I", "CV2"),
    ]


def test_epci_come_from_the_list_or_else_from_the_communes(atelier: Atelier) -> None:
    codes = ["QN07501M", "QN07502M", "QN07503M", "QN07504M"]
    listes = {"insee": ["75101", "75101", "75102", "99999"], "epci": ["200000002", "NA", "200054781", "200054781"]}
    said = {"communes": {"colonne": "insee", "separateur": ","}, "epci": {"colonne": "epci", "separateur": ","}}
    atelier.qpv(codes, [carre(i) for i in range(4)], colonnes=listes, **said)
    atelier.composition("epci", "epci", [("200000001", "75101"), ("200000001", "75102"), ("200000002", "75103")])
    report = atelier.composer()
    assert paires(atelier.lire("zones_epci"), "code_zone", "code_epci") == [
        ("QN07501M", "200000002"),  # declared
        ("QN07502M", "200000001"),  # "NA": through its commune
        ("QN07503M", "200000001"),  # an EPT, unknown to the EPCIs: through its commune, and reported
        ("QN07504M", "200054781"),  # its commune has none either: as declared
    ]
    assert report.epci_remplaces == (("qpv2024", "QN07503M", "200054781"),)


def test_without_a_list_contours_say_the_communes_but_not_the_slivers(atelier: Atelier) -> None:
    zones = {
        "QN07501M": carre(0.1, 0.1, 300),
        "QN07502M": carre(0.9, 0.1, 200),  # half in each
        "QN07503M": carre(0.701, 0.5, 300),  # 300 m² over the limit: 0.33 %
        "QN07504M": carre(0.9995, 0.8, 5),  # 25 m² zone: under 100 m², yet wholly there
        "QN07505M": carre(1.9, 0.1, 1000),  # 10 % in the last commune, 90 % outside all
        "QN07506M": carre(50, 50, 300),  # far away
    }
    atelier.qpv(list(zones), list(zones.values()))
    atelier.communes(["75101", "75102"], [carre(0), carre(1)])
    atelier.composer()
    rows = [r for r in atelier.lire("zones_communes") if r["zonage"] == "qpv2024"]
    assert paires(rows, "code_zone", "code_commune", "origine") == [
        ("QN07501M", "75101", "geometrie"),
        ("QN07502M", "75101", "geometrie"),
        ("QN07502M", "75102", "geometrie"),
        ("QN07503M", "75101", "geometrie"),
        ("QN07504M", "75102", "geometrie"),
        ("QN07505M", "75102", "geometrie"),
    ]


def test_a_collapsed_zone_on_a_shared_edge_is_in_one_commune(atelier: Atelier) -> None:
    atelier.qpv(["QN07501M"], [shapely.Polygon([(X + 1000, Y + 50)] * 3)])
    atelier.communes(["75102", "75101"], [carre(1), carre(0)])
    atelier.composer()
    rows = [r for r in atelier.lire("zones_communes") if r["zonage"] == "qpv2024"]
    assert paires(rows, "code_commune") == [("75101",)]


def test_compositions_outside_the_run_go_and_those_that_cross_it_keep_all_their_members(atelier: Atelier) -> None:
    atelier.communes(["75101"], [carre(0)])
    atelier.composition("epci", "epci", [("A", "75101"), ("A", "13055"), ("B", "13055"), ("A", "75101")])
    report = atelier.composer()
    assert report.compositions_ecartees == (("epci", 1),)
    epci = [z for z in atelier.lire("zones") if z["zonage"] == "epci"]
    assert paires(epci, "code_zone", "nom", "statut", "territoire", "epsg") == [
        ("A", "Ensemble A", "sans_contour", "hexagone", None)
    ]
    rows = [r for r in atelier.lire("zones_communes") if r["zonage"] == "epci"]
    assert paires(rows, "code_zone", "code_commune", "origine") == [
        ("A", "13055", "composition"),
        ("A", "75101", "composition"),
    ]


def liste_cog(atelier: Atelier, codes: list[str], populations: list[int | None]) -> None:
    colonnes = {"code": codes, "nom": [f"Commune {c}" for c in codes], "population": populations}
    said = {"id": "commune", "famille": "commune", "objet": "liste", "motif_code": r"\w{5}", "population": "population"}
    atelier.ajouter("cog", colonnes, **said)


def test_the_list_completes_the_contours_and_those_it_ignores_are_reported(atelier: Atelier) -> None:
    atelier.communes(["75101", "75199"], [carre(0), carre(1)])
    liste_cog(atelier, ["75101", "13055", "97411"], [16_000, 870_000, None])
    assert atelier.composer().communes_hors_liste == ("75199",)
    assert paires(atelier.lire("zones"), "code_zone", "nom", "population", "statut") == [
        ("75101", "Commune 75101", 16_000, "normale"),
        ("75199", "Contour 75199", None, "normale"),
    ]
    assert paires(atelier.lire("zones_communes"), "code_zone", "code_commune") == [
        ("75101", "75101"),
        ("75199", "75199"),
    ]


def test_a_list_alone_makes_zones_without_contours(atelier: Atelier) -> None:
    liste_cog(atelier, ["97411", "2A004", "98735"], [150_000, None, 10])
    atelier.composer()
    assert paires(atelier.lire("zones"), "code_zone", "statut", "territoire", "epsg", "superficie_m2") == [
        ("2A004", "sans_contour", "hexagone", None, None),
        ("97411", "sans_contour", "la_reunion", None, None),
        ("98735", "sans_contour", None, None, None),
    ]


def test_a_referential_that_did_not_arrive_is_reported_and_the_others_go_on(atelier: Atelier) -> None:
    remplir(atelier)
    del atelier.conformed["contrat"]
    assert atelier.composer().clauses_absentes == ("contrat",)
    assert atelier.lire("zones_contrats") == []


def test_no_referential_at_all_gives_empty_tables(atelier: Atelier) -> None:
    atelier.composer()
    assert all(atelier.lire(name) == [] for name in FILES)
    assert load_zones(atelier.out).groups == {}


def test_a_territory_that_does_not_exist_is_refused(atelier: Atelier) -> None:
    atelier.qpv(["QN07501M"], [carre(0)], en_vigueur=[{"territoire": "metropole", "de": "2024-01-01"}])
    with pytest.raises(FeedError, match="metropole") as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.REFERENCE_INCONNUE


def test_dates_in_force_are_kept_by_territory(atelier: Atelier) -> None:
    in_force = [
        {"territoire": "hexagone", "de": "2015-01-01", "a": "2023-12-31"},
        {"territoire": "guyane", "de": "2015-01-01", "a": "2024-12-31"},
    ]
    atelier.qpv(["QP075001"], [carre(0)], id="qpv2015", millesime="2015", en_vigueur=in_force)
    atelier.composer()
    assert paires(atelier.lire("en_vigueur"), "zonage", "millesime", "territoire", "de", "a") == [
        ("qpv2015", "2015", "guyane", date(2015, 1, 1), date(2024, 12, 31)),
        ("qpv2015", "2015", "hexagone", date(2015, 1, 1), date(2023, 12, 31)),
    ]


def test_loading_gives_sorted_codes_normal_zones_and_the_coverage(atelier: Atelier) -> None:
    collapsed = shapely.Polygon([(X, Y)] * 3)
    atelier.qpv(["QN07503M", "QN07501M", "QN07502M"], [carre(0), carre(1), collapsed])
    atelier.composition("epci", "epci", [("A", "75101")])
    atelier.composer()
    zones = load_zones(atelier.out)
    group = zones.groups["qpv2024"][2154]
    assert group.codes.tolist() == ["QN07501M", "QN07503M"]
    assert group.geometries[1].equals(carre(0))
    assert zones.groups["epci"] == {}
    assert zones.couverture == {"qpv2024": frozenset({"hexagone"}), "epci": frozenset({"hexagone"})}


def couche_reelle(atelier: Atelier, fichier: Path, identifiant: str, code: str, nom: str, **said: Any) -> None:
    read = read_vector(fichier, jeu=identifiant, couche=None, encodage=None)
    columns = read.table.to_pydict()
    lists = {name: columns[name] for name in said.pop("listes", ())}
    shapes = shapely.from_wkb(np.array(columns["geometrie"], dtype=object))
    in_force = [{"territoire": t, "de": "2015-01-01"} for t in TERRITOIRES]
    atelier.ajouter(
        identifiant,
        {"code": columns[code], "nom": columns[nom], **lists},
        shapes,
        read.crs,
        **{"famille": "qpv", "en_vigueur": in_force, **said},
    )


@pytest.mark.reel
@pytest.mark.parametrize(
    ("fichier", "crs", "zones", "reparees"),
    [
        ("QP_METROPOLE_LB93", "EPSG:2154", 1296, 25),
        ("QP_METROPOLEOUTREMER_WGS84_EPSG4326", "EPSG:4326", 1514, 34),
        ("QP_MAYOTTE_RGM04_UTM38S", "EPSG:4470", 36, None),
        ("QP_GUYANE_RGF95_UTM22N", "EPSG:2972", 32, None),
    ],
)
def test_the_official_perimeters_of_2015_are_composed(
    donnees_reelles: Path, atelier: Atelier, fichier: str, crs: str, zones: int, reparees: int | None
) -> None:
    path = donnees_reelles / "qpv2015" / f"{fichier}.shp"
    couche_reelle(atelier, path, "qpv", "CODE_QP", "NOM_QP", id="qpv2015", crs=crs, motif_code=r"QP(\d{3}|02[AB])\d{3}")
    report = atelier.composer()
    assert [tuple(e) for e in report.effectifs] == [("qpv2015", zones, 0, 0)]
    if reparees is not None:
        assert len(report.reparations) == reparees
    table = atelier.lire("zones")
    assert all(shapely.is_valid(shapely.from_wkb([z["geometrie"] for z in table])))
    written = json.loads((atelier.out / "rapport.json").read_text(encoding="utf-8"))
    assert len(written["reparations"]) == len(report.reparations)


@pytest.mark.reel
def test_the_official_perimeters_of_2024_are_composed(donnees_reelles: Path, atelier: Atelier) -> None:
    said = {
        "id": "qpv2024",
        "crs": "EPSG:4326",
        "motif_code": r"QN(\d{3}|02[AB])\d{2}[A-Z]",
        "listes": ("insee_com", "siren_epci"),
        "communes": {"colonne": "insee_com", "separateur": ","},
        "epci": {"colonne": "siren_epci", "separateur": ","},
    }
    path = donnees_reelles / "qpv2024" / "qpv2024_simplified.geojson"
    couche_reelle(atelier, path, "qpv", "code_qp", "lib_qp", **said)
    report = atelier.composer()
    assert [tuple(e) for e in report.effectifs] == [("qpv2024", 1606, 3, 0)]
    assert len(report.reparations) == 85
    assert {d.code_zone for d in report.degenerees} == {"QN09105I", "QN09113I", "QN09503I"}
    hexagone = {z["code_zone"] for z in atelier.lire("zones") if z["territoire"] == "hexagone"}
    assert len(hexagone) == 1362
    # The 13 pairs of the data's notes are the hexagone's, over 1 m²; the overseas ones are listed too.
    assert sum(c.aire_m2 > 1 and c.code_a in hexagone for c in report.chevauchements) == 13
    per_zone = Counter(row["code_zone"] for row in atelier.lire("zones_communes"))
    assert (len(per_zone), sum(n > 1 for n in per_zone.values())) == (1609, 149)
    assert report.codes_communes_illisibles == ()
    assert len({row["code_zone"] for row in atelier.lire("zones_epci")}) == 1609 - 91


@pytest.mark.reel
def test_the_mayotte_file_holds_degrees_whatever_its_name(donnees_reelles: Path, atelier: Atelier) -> None:
    path = donnees_reelles / "qpv2015" / "QP_MAYOTTE_RGM04_UTM38S.shp"
    couche_reelle(atelier, path, "qpv", "CODE_QP", "NOM_QP", id="qpv2015", crs="EPSG:4471")
    with pytest.raises(FeedError, match=r"EPSG:4471.*EPSG:4470"):
        atelier.composer()


@pytest.mark.reel
def test_the_layer_of_2015_is_refused_as_2024(donnees_reelles: Path, atelier: Atelier) -> None:
    path = donnees_reelles / "qpv2015" / "QP_METROPOLE_LB93.shp"
    pattern = r"QN(\d{3}|02[AB])\d{2}[A-Z]"
    couche_reelle(atelier, path, "qpv", "CODE_QP", "NOM_QP", id="qpv2024", motif_code=pattern)
    with pytest.raises(FeedError) as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.MILLESIME_INATTENDU
    assert "1296 codes sur 1296" in refused.value.message
