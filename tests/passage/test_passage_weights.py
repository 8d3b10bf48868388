"""Points weigh zones and links: on a boundary they are inside, and none is lost, whatever their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from paves import COTE, X, Y, bosses, carre, formes, generation, tirage
from pyproj import Transformer

from qpv_data.passage import passage_table
from qpv_data.passage.reading import read_points
from qpv_data.passage.weights import Batch, Points
from qpv_data.problems import FeedError, Problem

SEED = st.integers(0, 100_000)


def points(x: Any, y: Any, poids: Any, taille: int = 10_000) -> Points:
    """Weights in units, cut into batches of `taille`."""
    millionths = (np.asarray(poids, dtype=np.float64) * 1e6).round().astype(np.int64)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    starts = range(0, len(x), taille)
    return Points(
        [Batch("hexagone", 2154, x[k : k + taille], y[k : k + taille], millionths[k : k + taille]) for k in starts]
    )


@settings(max_examples=20, deadline=None)
@given(SEED, SEED, SEED, SEED)
def test_weights_are_those_of_covers_point_by_point_and_close_for_every_zone(g: int, a: int, b: int, s: int) -> None:
    cells = bosses(g)
    old, new = formes(tirage(a, "A"), cells), formes(tirage(b, "B"), cells)
    new["B99"] = carre(0.5, 0.5, 2.0, 2.0)  # it overlaps others: its points are in several new zones
    draw = np.random.default_rng(s)
    corners = shapely.get_coordinates(list(cells.values()))  # vertices are on boundaries
    xy = np.concatenate([np.array([X, Y]) + draw.uniform(-50, 5 * COTE + 50, (300, 2)), corners])
    weight = draw.integers(0, 5, len(xy)) / 4
    one, _ = passage_table(generation("avant", old), generation("apres", new), points=points(*xy.T, weight))
    order = draw.permutation(len(xy))
    shuffled = points(*xy[order].T, weight[order], taille=37)
    assert passage_table(generation("avant", old), generation("apres", new), points=shuffled)[0].equals(one)
    inside = {code: shapely.covers(shape, shapely.points(xy)) for code, shape in [*old.items(), *new.items()]}
    rows = one.to_pylist()
    for r in rows:
        for side in ("depart", "arrivee"):
            if r[f"code_{side}"] is not None:
                assert r[f"poids_{side}"] == weight[inside[r[f"code_{side}"]]].sum()
        if r["poids_commun"] is not None:
            assert r["poids_commun"] == weight[inside[r["code_depart"]] & inside[r["code_arrivee"]]].sum()
    for code in old:
        own = [r for r in rows if r["code_depart"] == code]
        linked = [inside[r["code_arrivee"]] for r in own if r["code_arrivee"] is not None]
        left = inside[code] & ~np.any([np.zeros(len(xy), dtype=bool), *linked], axis=0)
        total = weight[inside[code]].sum()
        expected = weight[left].sum() / total if total else None
        assert own[0]["reste_poids_depart"] == (expected if expected is None else pytest.approx(expected))


def test_a_point_on_a_shared_boundary_is_in_both_zones() -> None:
    old, new = generation("avant", {"A": carre(0), "B": carre(1)}), generation("apres", {"a": carre(0), "b": carre(1)})
    table, counts = passage_table(old, new, points=points([X + COTE], [Y + 10], [1]))
    assert table["poids_commun"].to_pylist() == [1.0, 1.0]
    assert counts is not None
    assert counts.poids["depart"] == [1.0, 1.0]


def test_the_share_of_a_zone_without_any_weight_is_unknown_and_not_zero() -> None:
    old, new = generation("avant", {"A": carre(0), "B": carre(4)}), generation("apres", {"a": carre(0)})
    rows = passage_table(old, new, points=points([], [], []))[0].to_pylist()
    assert [(r["poids_depart"], r["part_poids_depart"], r["reste_poids_depart"]) for r in rows] == [
        (0.0, None, None),
        (0.0, None, None),
    ]


def test_without_points_every_weight_is_null() -> None:
    table, counts = passage_table(generation("avant", {"A": carre(0)}), generation("apres", {"a": carre(0)}))
    assert counts is None
    assert all(table[name].null_count == 1 for name in table.column_names if "poids" in name)


@pytest.fixture
def adresses(tmp_path: Path) -> dict[str, Path]:
    """Five addresses in degrees, as text, two of them without a place, as Parquet and as CSV."""
    lon, lat = Transformer.from_crs(2154, 4326, always_xy=True).transform([X + 10, X + 20, X + 900], [Y + 10] * 3)
    table = pa.table(
        {
            "lon": [*map(str, lon), "", "0"],
            "lat": [*map(str, lat), "48.8", "0"],
            "logements": ["2", "1,5", "4", "1", "1"],
        }
    )
    found = {"parquet": tmp_path / "adresses.parquet", "csv": tmp_path / "adresses.csv"}
    pq.write_table(table, found["parquet"])
    csv.write_csv(table, found["csv"], csv.WriteOptions(delimiter=";"))
    return found


@pytest.mark.parametrize("ext", ["parquet", "csv"])
@pytest.mark.parametrize(("poids", "inside"), [(None, 2.0), ("logements", 3.5)])
def test_points_of_a_file_are_moved_to_their_territory_and_those_without_a_place_are_told(
    adresses: dict[str, Path], ext: str, poids: str | None, inside: float
) -> None:
    layer = read_points(adresses[ext], "lon", "lat", "EPSG:4326", poids)
    old, new = generation("avant", {"A": carre(0)}), generation("apres", {"a": carre(0)})
    table, counts = passage_table(old, new, points=layer)
    assert table["poids_commun"].to_pylist() == [inside]
    assert counts is not None
    assert counts.lus == 5
    assert counts.inconnus == {"coordonnees_absentes": 1, "hors_territoire": 1}


@pytest.mark.parametrize(
    ("columns", "poids", "problem"),
    [
        (("lon", "latitude"), None, Problem.COLONNE_INCONNUE),
        (("lon", "lat"), "lat_absente", Problem.COLONNE_INCONNUE),
        (("lon", "lat"), "lon", Problem.VALEUR_INVALIDE),  # one is empty
    ],
)
def test_columns_that_are_not_there_and_weights_that_are_no_numbers_are_refused(
    adresses: dict[str, Path], columns: tuple[str, str], poids: str | None, problem: Problem
) -> None:
    with pytest.raises(FeedError) as e:
        list(read_points(adresses["csv"], *columns, "EPSG:4326", poids).batches)
    assert e.value.probleme is problem


def test_a_file_that_is_not_there_or_a_system_that_cannot_be_read_is_refused(adresses: dict[str, Path]) -> None:
    with pytest.raises(FeedError) as absent:
        read_points(Path("/nulle/part.csv"), "x", "y", "EPSG:2154")
    assert absent.value.probleme is Problem.SOURCE_ABSENTE
    with pytest.raises(FeedError) as system:
        read_points(adresses["csv"], "lon", "lat", "degrés")
    assert system.value.probleme is Problem.CRS_INATTENDU
