"""What the generator writes: the same bytes for everyone, files as their producers make them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Transformer

from qpv_data.clause.load import load_clauses
from qpv_data.clause.model import ClauseBase, ClauseJeu
from qpv_data.demo import generate
from qpv_data.demo.lignes import Jeu
from qpv_data.periods import parse_period, periods_between

CLAUSES = Path(__file__).resolve().parents[2] / "referentiels" / "demo" / "clauses"
REFERENTIELS = "source/referentiels.brumeval.example"


def _tree(root: Path) -> dict[str, str]:
    """Name to digest."""
    files = {p.relative_to(root): p for p in sorted(root.rglob("*")) if p.is_file()}
    return {str(name): hashlib.sha256(p.read_bytes()).hexdigest() for name, p in files.items()}


def _urls(clause: ClauseBase) -> Iterator[tuple[str, str]]:
    """(delivery, address) of every delivery that the clause announces."""
    url = clause.source.url
    if "{" not in url or not isinstance(clause, ClauseJeu):
        yield "unique", url
        return
    first, last = parse_period(clause.periode.debut), parse_period(str(clause.periode.fin))
    for p in periods_between(first, last):
        yield str(p), url.format(periode=p, annee=p.annee, trimestre=p.rang)


def test_the_bytes_depend_on_the_seed_alone(demo: Path, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from qpv_data.demo import generate; generate(Path(sys.argv[1]))"
    strange = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=strange)
    assert _tree(tmp_path) == _tree(demo)


def test_writing_again_over_a_previous_territory_gives_the_same_files(demo: Path, tmp_path: Path) -> None:
    generate(tmp_path, graine=3)
    generate(tmp_path)
    assert _tree(tmp_path) == _tree(demo)


def test_another_seed_changes_the_records_and_leaves_the_territory(demo: Path, tmp_path: Path) -> None:
    generate(tmp_path, graine=3)
    same = {name for name, content in _tree(tmp_path).items() if _tree(demo)[name] == content}
    assert {n for n in same if n.startswith(REFERENTIELS)} == {n for n in _tree(demo) if n.startswith(REFERENTIELS)}
    assert not any("logements" in name or "points_lumineux" in name for name in same)


def test_it_takes_less_than_five_seconds(tmp_path: Path) -> None:
    start = time.process_time()
    generate(tmp_path)
    assert time.process_time() - start < 5


def test_there_are_ten_to_twenty_thousand_rows_and_the_scale_multiplies_them(demo: Path, tmp_path: Path) -> None:
    def rows(root: Path) -> int:
        report = json.loads((root / "verite/bilan.json").read_text())
        return sum(d.get("recues", 0) for deliveries in report.values() for d in deliveries.values())

    generate(tmp_path, echelle=3)
    assert 10_000 < rows(demo) < 20_000
    assert rows(tmp_path) / rows(demo) == pytest.approx(3, rel=0.05)


def test_every_address_of_the_clauses_leads_to_a_file_but_the_delivery_that_never_came(demo: Path) -> None:
    loaded = load_clauses(CLAUSES)
    clauses: list[ClauseBase] = [*loaded.jeux, *loaded.zonages]
    absent = [
        (clause.id, delivery)
        for clause in clauses
        for delivery, url in _urls(clause)
        if not (demo / "source" / url.removeprefix("https://")).is_file()
    ]
    assert absent == [("demo_mutuelle", "2024-T3")]
    hosts = {re.sub(r"https://([^/]+)/.*", r"\1", c.source.url) for c in clauses}
    assert all(host.endswith(".example") for host in hosts)


def test_exactly_one_delivery_is_late(demo: Path) -> None:
    with (demo / "source" / "miroir.csv").open(encoding="utf-8") as table:
        there = {row["url"]: date.fromisoformat(row["disponible_le"]) for row in csv.DictReader(table, delimiter=";")}
    late = []
    for clause in load_clauses(CLAUSES).jeux:
        for delivery, url in _urls(clause):
            end = parse_period(delivery if delivery != "unique" else clause.periode.fin or clause.periode.debut).fin
            due = end + timedelta(days=clause.echeance_jours)
            if url in there and there[url] > due:
                late.append((clause.id, delivery))
    assert late == [("demo_logements", "2024-T2")]


def test_archives_carry_no_clock(demo: Path) -> None:
    archives = list((demo / "source").rglob("*.zip"))
    dates = {e.date_time for path in archives for e in zipfile.ZipFile(path).infolist()}
    assert len(archives) == 8
    assert dates == {(2025, 1, 1, 0, 0, 0)}


def test_the_lines_of_the_files_are_those_of_the_report(demo: Path, jeux: list[Jeu]) -> None:
    report = json.loads((demo / "verite/bilan.json").read_text())
    for jeu in jeux:
        for delivery in jeu.livraisons:
            file = demo / "source" / delivery.chemin
            if delivery.lignes is not None:
                assert _rows(file) == report[jeu.id][delivery.id]["recues"], file


def _rows(file: Path) -> int:
    content = file.read_bytes()
    if file.suffix == ".parquet":
        return int(pq.read_metadata(file).num_rows)
    if file.suffix == ".json":
        return len(json.loads(content)["licences"])
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            content = archive.read("stops.txt" if "gtfs" in file.name else "BPE24.csv")
    return sum(1 for _ in csv.reader(io.StringIO(content.decode("latin-1")))) - 1


PERIMETERS = {
    "qpv2015": (f"{REFERENTIELS}/qpv/qp-2015-lb93.zip", "CODE_QP"),
    "qpv2024": (f"{REFERENTIELS}/qpv/qpv-2024-geojson.zip", "code_qp"),
    "commune": (f"{REFERENTIELS}/communes/communes-99.geojson", "code"),
    "iris": (f"{REFERENTIELS}/iris/iris-99.gpkg", "code_iris"),
}


def _perimeters(demo: Path, zonage: str, epsg: int) -> gpd.GeoDataFrame:
    path, code = PERIMETERS[zonage]
    inside = "/GEOJSON/QP2024_Valmorte_WGS84.geojson" if zonage == "qpv2024" else ""
    prefix = "/vsizip/" if path.endswith(".zip") else ""
    frame = gpd.read_file(f"{prefix}{demo / path}{inside}", encoding="cp1252" if zonage == "qpv2015" else "utf-8")
    frame["geometry"] = shapely.make_valid(frame.geometry.to_numpy())
    return frame.set_index(code).to_crs(epsg)


@pytest.mark.parametrize("zonage", PERIMETERS)
def test_places_known_by_arithmetic_are_those_of_shapely_in_either_crs(
    demo: Path, jeux: list[Jeu], zonage: str
) -> None:
    places = {id(x.lieu): x.lieu for j in jeux for d in j.livraisons for x in d.lignes or () if x.lieu}
    addresses = list(places.values())
    assert len(addresses) > 1_500
    for epsg in (2154, 4326):
        frame = _perimeters(demo, zonage, epsg)
        tree = shapely.STRtree(frame.geometry.to_numpy())
        points = shapely.points([[float(c) for c in a.coordonnees[epsg]] for a in addresses])
        found = dict(zip(*tree.query(points, predicate="covered_by"), strict=True))
        seen = [frame.index[found[k]] if k in found else None for k in range(len(addresses))]
        assert seen == [getattr(a, zonage) for a in addresses]


@pytest.mark.parametrize("zonage", PERIMETERS)
def test_no_delivered_point_is_within_a_metre_of_a_boundary(demo: Path, jeux: list[Jeu], zonage: str) -> None:
    borders = shapely.union_all(_perimeters(demo, zonage, 2154).geometry.boundary.to_numpy())
    lines = [x for j in jeux for d in j.livraisons for x in d.lignes or () if x.lieu]
    for epsg in (2154, 4326, 3946):
        texts = sorted({x.lieu.coordonnees[epsg] for x in lines if x.lieu})
        xs, ys = [float(x) for x, _ in texts], [float(y) for _, y in texts]
        xy = Transformer.from_crs(epsg, 2154, always_xy=True).transform(xs, ys)
        assert shapely.distance(borders, shapely.points(*xy)).min() > 1


def test_names_survive_their_encoding_and_the_dbf_has_no_cpg(demo: Path) -> None:
    with zipfile.ZipFile(demo / PERIMETERS["qpv2015"][0]) as archive:
        assert {n.rsplit(".")[-1] for n in archive.namelist()} == {"shp", "shx", "dbf", "prj"}
    frame = _perimeters(demo, "qpv2015", 2154)
    assert frame.loc["QP099002", "NOM_QP"] == "Cœur-de-Brume"
    assert frame.loc["QP099003", "NOM_QP"] == "Le Marécage – Îlot d’Amont"


def test_the_grid_is_that_of_the_ids(demo: Path) -> None:
    with zipfile.ZipFile(demo / REFERENTIELS / "carreaux/carreaux_200m.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("carreaux_200m.csv").decode())))
    assert len(rows) > 3_000
    shape = re.compile(r"CRS3035RES200mN(\d+)E(\d+)")
    for row in rows:
        match = shape.fullmatch(row["idcar_200m"])
        assert match
        assert int(match[1]) % 200 == int(match[2]) % 200 == 0
