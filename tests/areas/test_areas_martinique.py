"""The real 200 m grid of Martinique (2010) on its QPV of 2015: an estimate, and stated as one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from qpv_data.areas.declaration import demande
from qpv_data.areas.estimate import Estimations
from qpv_data.areas.rejects import Ecartees
from qpv_data.areas.ventilation import share_cells, share_polygons
from qpv_data.areas.zones import Cibles, cibles_of_file

pytestmark = pytest.mark.reel


@pytest.fixture(scope="module")
def grille(donnees_reelles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Identifiers and inhabitants of the 11,001 cells, as Parquet; and the unpacked files beside."""
    folder = tmp_path_factory.mktemp("martinique")
    with zipfile.ZipFile(donnees_reelles / "martinique" / "car_r02.zip") as archive:
        archive.extractall(folder)
    _, _, _, fields = pyogrio.raw.read(folder / "car_r02.dbf", columns=["idINSPIRE", "ind_c"])
    table = pa.table({"idINSPIRE": pa.array(fields[0], pa.string()), "ind_c": pa.array(fields[1], pa.float64())})
    pq.write_table(table, folder / "carreaux.parquet")
    return folder / "carreaux.parquet"


@pytest.fixture(scope="module")
def zones(donnees_reelles: Path) -> Cibles:
    return cibles_of_file(donnees_reelles / "qpv2015" / "QP_MARTINIQUE_WGS84_UTM20N.shp", "CODE_QP")


@pytest.fixture(scope="module")
def estimations(grille: Path, zones: Cibles) -> Estimations:
    with Ecartees() as rejects:
        found = share_cells(grille, "idINSPIRE", demande(["ind_c"]), zones, rejects)
    assert not rejects.motifs
    return found


def test_every_inhabitant_is_inside_or_outside(estimations: Estimations, grille: Path) -> None:
    total = estimations.totaux[0]
    assert estimations.sources == 11_001
    assert total.recu == pq.read_table(grille)["ind_c"].to_numpy().sum()
    assert total.dans_zones + total.dehors - total.en_double == pytest.approx(total.recu, rel=1e-12)
    assert 0 < total.dans_zones < total.recu


def test_cells_known_by_their_names_lie_where_insee_drew_them(
    estimations: Estimations, grille: Path, zones: Cibles, tmp_path: Path
) -> None:
    import geopandas

    drawn = pyogrio.read_dataframe(grille.with_name("car_r02.mif"))
    assert drawn["idINSPIRE"].tolist() == pq.read_table(grille)["idINSPIRE"].to_pylist()
    # The file declares another datum ("Corrego Alegre") than the one its identifiers say, which is the right one.
    people = pq.read_table(grille)["ind_c"].to_numpy()
    shapes = geopandas.GeoDataFrame({"ind_c": people}, geometry=np.asarray(drawn.geometry.values), crs=4559)
    shapes.to_parquet(tmp_path / "c.parquet")
    with Ecartees() as rejects:
        by_shape = share_polygons(tmp_path / "c.parquet", demande(["ind_c"]), zones, rejects)
    one, other = (np.array(e.table["ind_c"].to_pylist(), dtype=float) for e in (estimations, by_shape))
    assert np.allclose(one, other, rtol=1e-5)
    assert shapely.area(np.asarray(shapes.geometry.values)).max() == 40_000


def test_areal_weighting_does_not_give_the_official_populations_back(
    estimations: Estimations, donnees_reelles: Path
) -> None:
    table = pv.read_csv(donnees_reelles / "insee_qpv" / "pop_qp_2013.csv", parse_options=pv.ParseOptions(delimiter=";"))
    official = dict(zip(table["qp"].to_pylist(), table["population_municipale_2013"].to_pylist(), strict=True))
    estimated = {r["code"]: r["ind_c"] for r in estimations.table.to_pylist()}
    assert len(estimated) == 7
    ratios = [people / official[code] for code, people in estimated.items()]
    assert 0.7 < np.median(ratios) < 1.0
    assert min(ratios) < 0.5  # a quarter of towers is denser than its cells: hence an estimate, and its quality beside
