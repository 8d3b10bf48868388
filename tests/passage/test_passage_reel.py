"""The passage between the real perimeters of 2015 and 2024, held to known facts and to the counts that were measured."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest

from qpv_data.passage import Generation, convert, passage_table
from qpv_data.passage.reading import read_file, read_points
from qpv_data.passage.weights import Weights

pytestmark = pytest.mark.reel
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def generations(donnees_reelles: Path) -> tuple[Generation, Generation]:
    """2015 from its file of each territory, in the CRS that it was drawn in, and 2024 from the national file."""
    parts = [
        read_file(path, "CODE_QP" if "code_qp" not in _columns(path) else "code_qp", None, "qpv2015")
        for path in sorted((donnees_reelles / "qpv2015").glob("*.shp"))
        if "METROPOLEOUTREMER" not in path.name
    ]
    old = Generation.of("qpv2015", (c for p in parts for c in p.contours), {t for p in parts for t in p.couverture})
    return old, read_file(donnees_reelles / "qpv2024" / "qpv2024_simplified.geojson", "code_qp", None, "qpv2024")


def _columns(path: Path) -> list[str]:
    return list(pyogrio.read_info(path)["fields"])


@pytest.fixture(scope="module")
def arrets(donnees_reelles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    stops = json.loads((donnees_reelles / "toulouse" / "arret_physique.json").read_text("utf-8"))
    places = [s["geo_point_2d"] for s in stops]
    path = tmp_path_factory.mktemp("arrets") / "arrets.parquet"
    pq.write_table(pa.table({k: [p[k] for p in places] for k in ("lon", "lat")}), path)
    return path


@pytest.fixture(scope="module")
def passage(generations: tuple[Generation, Generation], arrets: Path) -> tuple[pa.Table, Weights]:
    table, weights = passage_table(*generations, points=read_points(arrets, "lon", "lat", "EPSG:4326"))
    assert weights is not None
    return table, weights


@pytest.fixture(scope="module")
def rows(passage: tuple[pa.Table, Weights]) -> Rows:
    found: Rows = passage[0].to_pylist()
    return found


def by_pair(rows: Rows) -> Mapping[tuple[str | None, str | None], dict[str, Any]]:
    return {(r["code_depart"], r["code_arrivee"]): r for r in rows}


def test_two_quarters_of_toulouse_merge_and_another_changes_number(rows: Rows) -> None:
    links = [r for r in rows if r["code_depart"] and r["code_arrivee"]]
    assert {r["code_depart"] for r in links if r["code_arrivee"] == "QN03105M"} == {"QP031005", "QP031016"}
    assert {r["code_arrivee"] for r in links if r["code_depart"] in ("QP031005", "QP031016")} == {"QN03105M"}
    assert {r["nature"] for r in links if r["code_arrivee"] == "QN03105M"} == {"fusionne"}
    assert [(r["code_depart"], r["nature"]) for r in links if r["code_arrivee"] == "QN03110M"] == [
        ("QP031011", "modifie")
    ]
    assert [r["code_arrivee"] for r in links if r["code_depart"] == "QP031011"] == ["QN03110M"]


def test_every_quarter_of_both_generations_is_in_the_passage_and_its_shares_add_up_to_one(rows: Rows) -> None:
    for side, count in (("depart", 1514), ("arrivee", 1609)):
        zones: dict[str, Rows] = {}
        for r in rows:
            if r[f"code_{side}"] is not None:
                zones.setdefault(r[f"code_{side}"], []).append(r)
        assert len(zones) == count
        for own in zones.values():
            if own[0][f"reste_{side}"] is not None:
                shared = sum(r[f"part_{side}"] or 0.0 for r in own)
                assert shared + own[0][f"reste_{side}"] - own[0][f"double_{side}"] == pytest.approx(1.0, abs=1e-6)


def test_the_counts_by_nature_are_those_measured(rows: Rows) -> None:
    """Three contours of 2024 have collapsed: a file does not say where, so that their twins of 2015 seem gone."""
    assert Counter(r["nature"] for r in rows) == {
        "inchange": 218, "modifie": 1126, "scinde": 61, "fusionne": 67, "recompose": 43,
        "disparu": 55, "nouveau": 148, "indetermine": 3,
    }  # fmt: skip


def test_the_letters_of_the_codes_agree_with_the_ground_where_they_must(rows: Rows) -> None:
    """An external check only: letters are never read."""
    letters = Counter((r["code_arrivee"][-1], r["nature"]) for r in rows if r["code_arrivee"])
    new = Counter({nature: n for (letter, nature), n in letters.items() if letter == "N"})
    assert new["nouveau"] / new.total() > 0.93
    assert letters["I", "nouveau"] == 0
    unchanged = Counter({letter: n for (letter, nature), n in letters.items() if nature == "inchange"})
    assert unchanged["I"] / unchanged.total() > 0.85
    assert unchanged["N"] == 0


def test_stops_are_those_that_locating_them_finds(passage: tuple[pa.Table, Weights]) -> None:
    _, weights = passage
    assert (weights.lus, sum(weights.poids["depart"]), sum(weights.poids["arrivee"])) == (4098, 129, 152)
    assert sum(weights.commun) == 115


def test_the_population_of_2013_passes_without_loss(passage: tuple[pa.Table, Weights], donnees_reelles: Path) -> None:
    with (donnees_reelles / "insee_qpv" / "pop_qp_2013.csv").open(encoding="utf-8-sig", newline="") as file:
        people = {r["qp"]: float(r["population_municipale_2013"]) for r in csv.DictReader(file, delimiter=";")}
    done = convert(passage[0], people, "surface", extensive=True)
    assert (done.depart, done.retenu) == (5_435_060, 0)
    assert done.depart + done.double == pytest.approx(done.transmis + done.hors, abs=1e-3)
    told = {r["code_zone"]: r for r in done.table.to_pylist()}
    assert (told["QN03111I"]["valeur"], told["QN03111I"]["statut_observation"]) == (people["QP031012"], "normale")
    merged = told["QN03105M"]
    assert (merged["statut_observation"], merged["sources"]) == ("estimee", 2)
    # QP031016 lies wholly in it; QP031005 gives the 58 % of it that do.
    assert merged["valeur"] == pytest.approx(people["QP031016"] + 0.58 * people["QP031005"], rel=1e-3)
    assert told["QN03116N"]["statut_observation"] == "non_livree"
