"""Estimates from files: totals, quality, points, what is set aside and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from drawn_areas import X0, Y0, apart, array, codes, identifier, polygons, square, write_shapes, write_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.areas.declaration import demande, not_a_sum
from qpv_data.areas.estimate import Estimations
from qpv_data.areas.points import Points
from qpv_data.areas.rejects import Ecartees
from qpv_data.areas.ventilation import share_cells, share_polygons
from qpv_data.areas.zones import Cibles, planes
from qpv_data.problems import FeedError, InvalidDeclarationError, Problem

GX, GY = 3_600_000, 2_300_000  # a corner of the European grid
FILES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def zones_of(shapes: list, crs: str = "EPSG:3035") -> Cibles:
    return planes(codes(len(shapes)), array(shapes), crs)


def rows(found: Estimations) -> dict[str, dict[str, Any]]:
    return {r["code"]: r for r in found.table.to_pylist()}


def cells(path: Path, *squares: tuple[int, int], **columns: Any) -> Path:
    """Cells by row and column from the corner."""
    return write_table(path, carreau=[identifier(GX + 200 * c, GY + 200 * r) for r, c in squares], **columns)


def ventile(path: Path, zones: Cibles, *extensifs: str, points: Points | None = None, **more: Any) -> Estimations:
    ratios, impute = more.pop("ratios", ()), more.pop("impute", None)
    with Ecartees() as rejects:
        return share_cells(path, "carreau", demande(extensifs, ratios, impute), zones, rejects, points, **more)


grids = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=25, unique=True)


@given(grids, st.lists(polygons(1500, GX, GY), min_size=1, max_size=4), st.data())
@FILES
def test_totals_are_kept_and_cells_agree_with_the_same_cells_drawn(tmp_path: Path, at: list, zones: list, data) -> None:
    values = data.draw(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=len(at), max_size=len(at)))
    by_name = ventile(cells(tmp_path / "c.parquet", *at, ind=pa.array(values, pa.float64())), zones_of(zones), "ind")
    drawn = [shapely.box(GX + 200 * c, GY + 200 * r, GX + 200 * c + 200, GY + 200 * r + 200) for r, c in at]
    shown = write_shapes(tmp_path / "c.geo.parquet", drawn, 3035, ind=np.array(values, dtype=float))
    with Ecartees() as rejects:
        by_shape = share_polygons(shown, demande(["ind"]), zones_of(zones), rejects)
    size = sum(abs(v) for v in values if v is not None) + 1
    for found in (by_name, by_shape):
        total = found.totaux[0]
        assert total.recu == pytest.approx(sum(v for v in values if v is not None), abs=1e-9 * size)
        assert total.dans_zones - total.en_double + total.dehors == pytest.approx(total.recu, abs=1e-9 * size)
        assert total.absentes == values.count(None)
    for one, other in zip(by_name.table.to_pylist(), by_shape.table.to_pylist(), strict=True):
        assert one.keys() == other.keys()
        assert (one["ind"] is None) == (other["ind"] is None)
        assert (one["ind"] or 0) == pytest.approx(other["ind"] or 0, abs=1e-7 * size)
        assert one["nb_sources"] == other["nb_sources"]


@given(grids, st.lists(polygons(1500, GX, GY), min_size=1, max_size=4))
@FILES
def test_zones_apart_and_outside_make_the_whole(tmp_path: Path, at: list, zones: list) -> None:
    zones = apart(zones)
    total = ventile(cells(tmp_path / "c.parquet", *at, ind=[3.0] * len(at)), zones_of(zones), "ind").totaux[0]
    assert total.en_double == pytest.approx(0, abs=1e-5)
    assert total.dans_zones + total.dehors == pytest.approx(3.0 * len(at))


def test_the_order_of_the_rows_changes_nothing_beyond_rounding(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    at = [(r, c) for r in range(60) for c in range(60)]
    values = rng.lognormal(3, 1, len(at))
    zones = zones_of([shapely.Point(GX + 5000, GY + 5000).buffer(900 * k) for k in range(1, 5)])
    first = ventile(cells(tmp_path / "a.parquet", *at, ind=values), zones, "ind")
    order = rng.permutation(len(at))
    again = ventile(cells(tmp_path / "b.parquet", *(at[i] for i in order), ind=values[order]), zones, "ind")
    assert np.allclose(first.table["ind"], again.table["ind"], rtol=1e-12)
    assert first.table.drop_columns("ind").column_names == again.table.drop_columns("ind").column_names


def test_quality_is_told_with_each_value(tmp_path: Path) -> None:
    zone = shapely.box(GX, GY, GX + 450, GY + 200)  # two whole cells, and a quarter of the third
    path = cells(tmp_path / "c.parquet", (0, 0), (0, 1), (0, 2), ind=[10, 20, 40], i_est_200=[0, 1, 1])
    row = rows(ventile(path, zones_of([zone]), "ind", impute="i_est_200"))["QN00001N"]
    assert row["ind"] == pytest.approx(40)
    assert row["nb_sources"] == 3
    assert row["nb_sources_partagees"] == 1
    assert row["ind_nb_sources"] == 3
    assert row["ind_part_imputee"] == pytest.approx(30 / 40)
    assert row["ind_part_moins_de_moitie"] == pytest.approx(10 / 40)


def test_a_ratio_is_the_quotient_of_two_shared_sums(tmp_path: Path) -> None:
    zone = shapely.box(GX, GY, GX + 300, GY + 200)
    path = cells(tmp_path / "c.parquet", (0, 0), (0, 1), (0, 2), pauvres=[2.0, 10.0, None], men=[10.0, 20.0, 30.0])
    found = ventile(path, zones_of([zone]), ratios=["pauvrete=pauvres/men"])
    row = rows(found)["QN00001N"]
    assert row["pauvrete"] == pytest.approx((2 + 5) / (10 + 10))
    assert row["pauvrete_numerateur"] == pytest.approx(7)
    assert row["pauvrete_denominateur"] == pytest.approx(20)
    assert row["pauvrete_part_moins_de_moitie"] == 0
    kept = {t.colonne: t for t in found.totaux}
    assert kept["men"].sans_contrepartie == 30
    assert kept["men"].dehors == pytest.approx(10)


def test_a_zone_without_any_source_is_there_without_a_value(tmp_path: Path) -> None:
    zones = zones_of([square(0, 0, 200, GX, GY), square(9000, 0, 200, GX, GY)])
    table = rows(ventile(cells(tmp_path / "c.parquet", (0, 0), ind=[5]), zones, "ind"))
    assert table["QN00001N"]["ind"] == 5
    assert table["QN00101N"]["ind"] is None
    assert table["QN00101N"]["nb_sources"] == 0


def test_an_empty_file_gives_every_zone_without_a_value(tmp_path: Path) -> None:
    path = write_table(tmp_path / "c.parquet", carreau=pa.array([], pa.string()), ind=pa.array([], pa.int64()))
    found = ventile(path, zones_of([square(0, 0, 200, GX, GY)]), "ind")
    assert found.table["ind"].to_pylist() == [None]
    assert found.totaux[0].recu == 0


def test_rows_set_aside_are_all_written_with_their_reason_and_their_value(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "c.csv",
        carreau=[
            identifier(GX, GY),
            "CRS3035RES200mN1E1",
            "n'importe quoi",
            None,
            identifier(GX, GY + 200),
            identifier(GX, GY + 400),
        ],
        ind=["1,5", "10", "100", "1000", "abc", ""],
        imp=["0", "0", "0", "0", "0", "0"],
    )
    with Ecartees(tmp_path / "r.parquet") as rejects:
        found = share_cells(
            path, "carreau", demande(["ind"], impute="imp"), zones_of([square(0, 0, 1000, GX, GY)]), rejects
        )
    assert pq.read_table(tmp_path / "r.parquet").to_pylist() == [
        {"ligne": 2, "identifiant": "CRS3035RES200mN1E1", "motif": "hors_maille"},
        {"ligne": 3, "identifiant": "n'importe quoi", "motif": "identifiant_illisible"},
        {"ligne": 4, "identifiant": None, "motif": "identifiant_absent"},
        {"ligne": 5, "identifiant": identifier(GX, GY + 200), "motif": "valeur_illisible"},
    ]
    total = found.totaux[0]
    assert (total.recu, total.dans_zones, total.ecarte, total.absentes) == (1111.5, 1.5, 1110.0, 1)
    assert found.sources == 2


def test_a_row_whose_imputation_is_unclear_is_set_aside(tmp_path: Path) -> None:
    path = cells(tmp_path / "c.parquet", (0, 0), (0, 1), (0, 2), ind=[1, 2, 4], imp=[0, 2, None])
    with Ecartees() as rejects:
        share_cells(path, "carreau", demande(["ind"], impute="imp"), zones_of([square(0, 0, 1000, GX, GY)]), rejects)
    assert rejects.motifs == {"imputation_illisible": 2}


def test_a_cell_on_two_rows_is_refused_unless_rows_are_said_to_add_up(tmp_path: Path) -> None:
    path = cells(tmp_path / "c.parquet", (0, 0), (0, 1), (0, 0), ind=[1, 2, 4])
    zones = zones_of([square(0, 0, 1000, GX, GY)])
    with pytest.raises(FeedError, match=f"1 lignes .* {identifier(GX, GY)}") as told:
        ventile(path, zones, "ind")
    assert told.value.probleme is Problem.DOUBLON
    assert ventile(path, zones, "ind", doublons="additionner").table["ind"].to_pylist() == [7]


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    path = cells(tmp_path / "c.parquet", (0, 0), ind=[1])
    with pytest.raises(FeedError, match="men, pauvres") as told:
        ventile(path, zones_of([square(0, 0, 1, GX, GY)]), "ind", "men", "pauvres")
    assert told.value.probleme is Problem.COLONNE_INCONNUE


def test_cells_of_several_grids_meet_the_zones_of_their_territory(tmp_path: Path) -> None:
    from qpv_data.areas.zones import cibles

    toulouse, saint_denis = shapely.box(1.40, 43.55, 1.50, 43.65), shapely.box(55.40, -20.95, 55.50, -20.85)
    zones = cibles(["T", "D"], array([toulouse, saint_denis]), "EPSG:4326")
    from pyproj import Transformer

    ids = []
    for crs, lon, lat in ((3035, 1.45, 43.60), (3035, 2.35, 48.85), (2975, 55.45, -20.90), (32740, 55.45, -20.90)):
        ids.append(identifier(*Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat), crs))
    found = ventile(write_table(tmp_path / "c.parquet", carreau=ids, ind=[1, 10, 100, 1000]), zones, "ind")
    assert rows(found)["T"]["ind"] == 1
    assert rows(found)["D"]["ind"] == 1100
    assert found.totaux[0].dehors == 10


def test_shares_follow_the_points_of_a_divided_source_and_the_area_of_one_without(tmp_path: Path) -> None:
    zone = shapely.box(GX, GY, GX + 100, GY + 400)  # the western half of two cells
    path = cells(tmp_path / "c.parquet", (0, 0), (1, 0), ind=[100, 100])
    write_table(
        tmp_path / "p.parquet",
        x=[GX + 50.0, GX + 150.0, GX + 160.0, GX + 150.0],
        y=[GY + 10.0] * 4,
        w=[3, 0.5, 0.5, None],
    )
    points = Points(tmp_path / "p.parquet", "x", "y", "EPSG:3035", "w")
    found = ventile(path, zones_of([zone]), "ind", points=points)
    row = rows(found)["QN00001N"]
    assert row["ind"] == pytest.approx(75 + 50)
    assert row["nb_sources_sans_point"] == 1
    assert (points.lus, points.ecartes) == (4, 1)
    assert found.totaux[0].dehors == pytest.approx(75)


def test_a_point_of_no_weight_leaves_its_source_to_the_area(tmp_path: Path) -> None:
    path = cells(tmp_path / "c.parquet", (0, 0), ind=[100])
    write_table(tmp_path / "p.csv", x=[GX + 150.0], y=[GY + 10.0], w=[0])
    points = Points(tmp_path / "p.csv", "x", "y", "EPSG:3035", "w")
    row = rows(ventile(path, zones_of([square(0, 0, 100, GX, GY)]), "ind", points=points))["QN00001N"]
    assert row["ind"] == pytest.approx(25)
    assert row["nb_sources_sans_point"] == 1


@given(grids, st.lists(polygons(1500, GX, GY), min_size=1, max_size=4), st.integers(0, 200), st.randoms())
@FILES
def test_points_share_cells_and_polygons_alike_and_close_the_totals(
    tmp_path: Path, at: list, zones: list, n: int, rng
) -> None:
    # Never on the side of a cell: there, a cell holds its west and south sides, and a polygon all of its sides.
    xy = np.array([[rng.randint(0, 1599) + 0.25, rng.randint(0, 1599) + 0.25] for _ in range(n)]).reshape(
        -1, 2
    ) + np.array([GX, GY])
    write_table(tmp_path / "p.parquet", x=xy[:, 0], y=xy[:, 1], w=[rng.choice([0.5, 1.0, 2.0]) for _ in range(n)])
    points = Points(tmp_path / "p.parquet", "x", "y", "EPSG:3035", "w")
    found = ventile(cells(tmp_path / "c.parquet", *at, ind=[7.0] * len(at)), zones_of(zones), "ind", points=points)
    drawn = [square(200 * c, 200 * r, 200, GX, GY) for r, c in at]
    with Ecartees() as rejects:
        path = write_shapes(tmp_path / "c.geo.parquet", drawn, 3035, ind=[7.0] * len(at))
        by_shape = share_polygons(path, demande(["ind"]), zones_of(zones), rejects, points)
    total = found.totaux[0]
    assert total.dans_zones - total.en_double + total.dehors == pytest.approx(7.0 * len(at))
    assert np.allclose(
        expected_by_points(drawn, zones, points), [v or 0 for v in found.table["ind"].to_pylist()], atol=1e-5
    )
    assert np.allclose(
        [v or 0 for v in by_shape.table["ind"].to_pylist()], [v or 0 for v in found.table["ind"].to_pylist()], atol=1e-5
    )


def expected_by_points(sources: list, zones: list, points: Points) -> np.ndarray:
    """Source by source and zone by zone, with shapely alone; 7 each."""
    [(x, y, weight)] = list(points.batches()) or [(np.zeros(0), np.zeros(0), np.zeros(0))]
    spots = shapely.points(x, y)
    sums = np.zeros(len(zones))
    for source in sources:
        in_source = shapely.covers(source, spots)
        for k, zone in enumerate(zones):
            share = source.intersection(zone).area / source.area
            if 1e-9 < share < 1 - 1e-9 and weight[in_source].sum() > 0:
                share = weight[in_source & shapely.covers(zone, spots)].sum() / weight[in_source].sum()
            sums[k] += 7 * share
    return sums


def test_polygons_without_a_place_or_an_area_are_set_aside(tmp_path: Path) -> None:
    shapes = [square(0, 0, 100), None, shapely.Point(X0, Y0)]
    path = write_shapes(tmp_path / "s.parquet", shapes, 2154, ind=[1.0, 10.0, 100.0])
    with Ecartees() as rejects:
        found = share_polygons(path, demande(["ind"]), zones_of([square(0, 0, 50)], "EPSG:2154"), rejects)
    assert rejects.motifs == {"geometrie_absente": 1, "geometrie_sans_aire": 1}
    total = found.totaux[0]
    assert (total.recu, total.dans_zones, total.dehors, total.ecarte) == (111, 0.25, 0.75, 110)


@pytest.mark.parametrize("name", ["s.geojson", "s.gpkg", "s.shp", "s.fgb"])
def test_polygons_are_read_from_the_files_that_people_have(tmp_path: Path, name: str) -> None:
    import geopandas

    frame = geopandas.GeoDataFrame({"ind": [4.0, 8.0]}, geometry=[square(0, 0, 100), square(100, 0, 100)], crs=2154)
    if name.endswith("json"):
        frame = frame.to_crs(4326)
    frame.to_file(tmp_path / name)
    with Ecartees() as rejects:
        found = share_polygons(tmp_path / name, demande(["ind"]), zones_of([square(0, 0, 150)], "EPSG:2154"), rejects)
    assert found.table["ind"].to_pylist() == [pytest.approx(8, abs=1e-3)]


@pytest.mark.parametrize(
    "column",
    [
        "med_disp",
        "DISP_MED_A21",
        "niveau_vie_median",
        "Médiane",
        "d9",
        "Q1",
        "moyenne",
        "ind_snv_moy",
        "taux_pauvrete",
        "txpauv",
        "part_hlm",
        "gini",
    ],
)
def test_what_does_not_add_up_is_refused_by_its_name(column: str) -> None:
    with pytest.raises(InvalidDeclarationError, match="--ratio"):
        demande([column])
    with pytest.raises(InvalidDeclarationError):
        demande([], [f"r={column}/men"])
    assert demande([column], sommables=[column]).extensifs == (column,)


@pytest.mark.parametrize(
    "column",
    [
        "ind",
        "men_pauv",
        "ind_snv",
        "men_prop",
        "men_1ind",
        "log_av45",
        "ind_0_3",
        "ind_80p",
        "departements",
        "medecins",
    ],
)
def test_sums_of_the_grid_are_taken_as_such(column: str) -> None:
    assert not_a_sum(column) is None


def test_every_fault_of_a_request_is_told_at_once() -> None:
    with pytest.raises(InvalidDeclarationError) as told:
        demande(["med", "ind", "ind"], ["r=a", "s=moy/ind"])
    assert len(told.value.violations) == 4 + 3  # ind, and the three columns that say what it rests on


def test_infinity_is_no_value(tmp_path: Path) -> None:
    path = cells(tmp_path / "c.parquet", (0, 0), (0, 1), ind=[np.inf, 1.0])
    with Ecartees() as rejects:
        found = share_cells(path, "carreau", demande(["ind"]), zones_of([square(0, 0, 1000, GX, GY)]), rejects)
    assert found.table["ind"].to_pylist() == [1.0]
    assert rejects.motifs == {"valeur_illisible": 1}


def test_estimates_agree_with_tobler(tmp_path: Path) -> None:
    tobler = pytest.importorskip("tobler", reason="tobler n'est pas installé : accord non vérifié ici")
    import geopandas

    rng = np.random.default_rng(8)
    at = [(r, c) for r in range(20) for c in range(20)]
    values = rng.lognormal(3, 1, len(at))
    shapes = shapely.buffer(
        shapely.points(rng.uniform(0, 4000, (25, 2)) + np.array([GX, GY])), rng.uniform(100, 700, 25)
    )
    found = ventile(cells(tmp_path / "c.parquet", *at, ind=values), zones_of(list(shapes)), "ind")
    drawn = geopandas.GeoDataFrame(
        {"ind": values}, geometry=[square(200 * c, 200 * r, 200, GX, GY) for r, c in at], crs=3035
    )
    onto = geopandas.GeoDataFrame(geometry=shapes, crs=3035)
    theirs = tobler.area_weighted.area_interpolate(drawn, onto, extensive_variables=["ind"], allocate_total=False)
    assert np.allclose(theirs["ind"], found.table["ind"], rtol=1e-6)  # its weights are of four bytes
