"""The stage: rows in, the same rows out with their points, whatever the service does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from geocodeurs import SECRET, VITE, FausseGeoplateforme, FauxAddok, Known, Lieu
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from qpv_data.addresses import geocode as stage
from qpv_data.addresses.addok import Addok
from qpv_data.addresses.geocode import GeocodeReport, geocode
from qpv_data.addresses.hosts import faults
from qpv_data.addresses.model import AJOUTEES, Answer, OutageError, Question, Reply, Service
from qpv_data.addresses.questions import AddressColumns, PointColumns
from qpv_data.problems import FeedError, Problem

COLUMNS = AddressColumns(("adresse",), "insee", "cp")
LOCAL = Service("addok", "http://127.0.0.1:7878", personnelles=False)
KNOWN: Known = {
    "1 rue A": (Lieu(1.25, 46.5),),
    "rue A": (Lieu(1.3, 46.5, type="street"),),
    "8 rue Juste": (Lieu(1.3, 46.5, score=0.8),),
    "7 rue Presque": (Lieu(1.3, 46.5, score=0.7999),),
    "9 rue Ailleurs": (Lieu(1.3, 46.5, commune="99002", more={"indocile": True}),),
    "4 rue Double": (Lieu(1.5, 46.5, more={"ambigu": "toujours"}),),
}
ROWS = [
    ("1 rue A", "99001"), ("rue A", "99001"), (None, "99001"), ("8 rue Juste", "99001"), ("7 rue Presque", "99001"),
    ("9 rue Ailleurs", "99001"), ("4 rue Double", "99001"), ("nulle part", "99001"), ("1 rue A", None), ("?", "99001"),
    ("1 rue A", "99001"),
]  # fmt: skip
REASONS = [
    None, "adresse_imprecise", "adresse_absente", None, "score_insuffisant", "commune_differente", "adresse_ambigue",
    "adresse_introuvable", "commune_absente", "adresse_illisible", None,
]  # fmt: skip


def records(folder: Path, rows: Sequence[tuple[str | None, str | None]], **more: Any) -> Path:
    table = pa.table(
        {
            "id": pa.array(range(len(rows)), pa.int64()),
            "adresse": pa.array([r[0] for r in rows], pa.string()),
            "insee": pa.array([r[1] for r in rows], pa.string()),
            "cp": pa.nulls(len(rows), pa.string()),
            **more,
        }
    )
    pq.write_table(table, folder / "conformes.parquet")
    return folder / "conformes.parquet"


@dataclass
class Oracle:
    """A geocoder in memory: it knows even numbers, and is down from question `panne` on."""

    lot: int = 7
    panne: int = 10**9
    asked: list[Question] = field(default_factory=list)

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        self.asked += questions
        if len(self.asked) > self.panne:
            raise OutageError("réponse 503 (5 essais)")
        return [
            Answer(float(q.texte), 46.0, 0.9, "housenumber", ("99001",), None, q.texte)
            if int(q.texte) % 2 == 0 else None
            for q in questions
        ]  # fmt: skip


def run(source: Path, oracle: Oracle, service: Service = LOCAL) -> tuple[GeocodeReport, list[dict[str, Any]]]:
    target = source.with_name("geocodes.parquet")
    report = geocode(source, target, jeu="essai", columns=COLUMNS, service=service, geocoder=oracle)
    return report, pq.read_table(target).to_pylist()


def test_each_row_has_its_point_or_its_reason(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FauxAddok(httpserver, KNOWN)
    source, target = records(tmp_path, ROWS), tmp_path / "g.parquet"
    report = geocode(
        source, target, jeu="essai", columns=COLUMNS, service=fake.service, geocoder=Addok(fake.service, VITE)
    )
    rows = pq.read_table(target).to_pylist()
    assert [r["adresse_motif"] for r in rows] == REASONS
    assert [(r["adresse_x"] is None) == (r["adresse_motif"] is not None) for r in rows] == [True] * len(rows)
    assert (rows[0]["adresse_x"], rows[0]["adresse_y"], rows[0]["adresse_score"]) == (1.25, 46.5, 0.95)
    assert (rows[1]["adresse_score"], rows[1]["adresse_type"]) == (0.95, "street"), "kept, though refused"
    assert (report.lus, report.acceptes, sum(report.motifs.values())) == (11, 3, 8)
    assert report.complet
    assert len(fake.asked) == 7, "the address that comes twice is asked once; what cannot be asked is not"


def test_both_geocoders_give_the_same_answers(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FausseGeoplateforme(httpserver, KNOWN)
    target = tmp_path / "g.parquet"
    geocode(records(tmp_path, ROWS), target, jeu="essai", columns=COLUMNS, service=fake.service)
    same = [r if r not in ("adresse_ambigue", "commune_differente") else None for r in REASONS]
    found = [r["adresse_motif"] for r in pq.read_table(target).to_pylist()]
    assert [f for f, s in zip(found, same, strict=True) if s] == [s for s in same if s]
    assert found[5] == "adresse_introuvable", "this fake filters as it is asked"


def test_labels_are_kept_unless_the_addresses_are_personal(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FauxAddok(httpserver, {SECRET: (Lieu(),)})
    source = records(tmp_path, [(SECRET, "99001")])
    for personal in (True, False):
        service = replace(fake.service, personnelles=personal)
        target = tmp_path / f"{personal}.parquet"
        geocode(source, target, jeu="essai", columns=COLUMNS, service=service, geocoder=Addok(service, VITE))
        assert ("adresse_libelle" in pq.read_schema(target).names) is not personal


@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.none() | st.integers(0, 40), max_size=60), down=st.integers(0, 60), lot=st.integers(1, 9))
def test_rows_keep_their_order_and_none_is_lost_whenever_the_service_falls(
    numbers: list[int | None], down: int, lot: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lignes")
    oracle = Oracle(lot, down)
    texts = [None if n is None else str(n) for n in numbers]
    report, rows = run(records(folder, [(t, "99001") for t in texts]), oracle)
    assert [r["id"] for r in rows] == list(range(len(numbers)))
    assert [r["adresse"] for r in rows] == texts
    assert report.lus == len(numbers) == report.acceptes + sum(report.motifs.values())
    for n, r in zip(numbers, rows, strict=True):
        known = n is not None and n % 2 == 0 and r["adresse_motif"] != "geocodeur_indisponible"
        assert r["adresse_x"] == (float(n) if known else None)  # type: ignore[arg-type]
        assert (r["adresse_motif"] is None) == known
    distinct = len({t for t in texts if t is not None})
    assert (report.panne is not None) == (distinct > down)
    assert report.complet == (report.panne is None)


def test_a_service_that_fell_is_not_asked_again(tmp_path: Path) -> None:
    oracle = Oracle(lot=2, panne=2)
    report, rows = run(records(tmp_path, [(str(n), "99001") for n in range(10)]), oracle)
    assert len(oracle.asked) == 4
    assert [r["adresse_motif"] for r in rows[:2]] == [None, "adresse_introuvable"]
    assert {r["adresse_motif"] for r in rows[2:]} == {"geocodeur_indisponible"}
    assert (report.panne, report.complet) == ("réponse 503 (5 essais)", False)


def test_batches_follow_one_another_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_ROWS", 10)
    report, rows = run(records(tmp_path, [(str(n % 13), "99001") for n in range(101)]), Oracle())
    assert [r["id"] for r in rows] == list(range(101))
    assert [r["adresse_x"] for r in rows] == [float(n % 13) if n % 13 % 2 == 0 else None for n in range(101)]
    assert pq.ParquetFile(tmp_path / "geocodes.parquet").metadata.num_row_groups == 11
    assert report.lus == 101


def test_no_row_is_no_question_and_the_columns_are_there(tmp_path: Path) -> None:
    report, rows = run(records(tmp_path, []), Oracle())
    assert (rows, report.lus, report.panne) == ([], 0, None)
    assert set(AJOUTEES) <= set(pq.read_schema(tmp_path / "geocodes.parquet").names)


def test_the_distance_to_the_point_of_the_feed_is_in_metres(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FauxAddok(httpserver, {"1 rue A": (Lieu(3.0, 46.5),), "rue A": (Lieu(3.0, 46.5, type="street"),)})
    rows = [("1 rue A", "99001"), ("rue A", "99001"), ("1 rue A", "99001"), ("perdue", "99001"), ("1 rue A", "99001")]
    x = pa.array([700_000.0, 700_000.0, None, 700_000.0, float("inf")])
    y = pa.array([6_600_000.0, 6_600_100.0, 6_600_000.0, 6_600_000.0, 0.0])
    columns = replace(COLUMNS, reference=PointColumns("x", "y", 2154))
    target = tmp_path / "g.parquet"
    geocode(records(tmp_path, rows, x=x, y=y), target, jeu="e", columns=columns, service=fake.service)
    found = [r["adresse_distance_m"] for r in pq.read_table(target).to_pylist()]
    assert found == [0.0, pytest.approx(100, abs=0.2), None, None, None]


def test_an_outage_at_the_first_question_leaves_every_row_unknown(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/search/").respond_with_data(SECRET, 503)
    service = Service("addok", httpserver.url_for("").rstrip("/"), True)
    target = tmp_path / "g.parquet"
    report = geocode(
        records(tmp_path, [(SECRET, "99001")] * 5), target, jeu="e", columns=COLUMNS, service=service,
        geocoder=Addok(service, VITE, pause=lambda _: None),
    )  # fmt: skip
    assert report.panne == "réponse 503 (3 essais)"
    assert report.motifs == {"geocodeur_indisponible": 5}
    assert pq.read_table(target).column("adresse_x").null_count == 5


def test_personal_addresses_are_never_sent_to_the_public_service(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FausseGeoplateforme(httpserver, {})
    service = replace(fake.service, personnelles=True)
    with pytest.raises(FeedError) as caught:
        geocode(records(tmp_path, ROWS), tmp_path / "g.parquet", jeu="e", columns=COLUMNS, service=service)
    assert caught.value.probleme is Problem.GEOCODEUR_REFUSE
    assert httpserver.log == []
    assert not (tmp_path / "g.parquet").exists()


@pytest.mark.parametrize(
    ("service", "keys"),
    [
        (Service("addok", "http://127.0.0.1:7878", True), []),
        (Service("addok", "http://localhost:7878/", True), []),
        (Service("addok", "http://[::1]:7878", True), []),
        (Service("addok", "https://geo.interne/addok", True, "geo.interne"), []),
        (Service("addok", "https://GEO.interne/addok", True, "geo.interne"), []),
        (Service("geoplateforme", "https://data.geopf.fr/geocodage", False), []),
        (Service("addok", "http://geo.interne:7878", True), ["url"]),
        (Service("addok", "http://127.0.0.1.evil.example", True), ["url"]),
        (Service("addok", "http://localhost.evil.example", True), ["url"]),
        (Service("addok", "http://geo.interne@evil.example/", True, "geo.interne"), ["url", "url"]),
        (Service("addok", "http://evil.example", True, "geo.interne"), ["url"]),
        (Service("addok", "ftp://127.0.0.1", True), ["url"]),
        (Service("addok", "http://127.0.0.1:99999", True), ["url"]),
        (Service("addok", "127.0.0.1:7878", True), ["url"]),
        (Service("addok", "http://127.0.0.1:7878?q=1", True), ["url"]),
        (Service("geoplateforme", "https://data.geopf.fr/geocodage", True), ["geocodeur"]),
        (Service("geoplateforme", "http://data.geopf.fr/geocodage", False), ["url"]),
        (Service("geoplateforme", "http://data.geopf.fr", True, "x"), ["geocodeur", "hote_interne", "url"]),
    ],
)
def test_a_geocoder_is_this_machine_or_the_declared_host_and_every_fault_is_told(
    service: Service, keys: list[str]
) -> None:
    assert [f.cle for f in faults(service)] == keys


def test_columns_that_are_missing_or_taken_are_refused(tmp_path: Path) -> None:
    source = records(tmp_path, ROWS, adresse_x=pa.nulls(len(ROWS)))
    with pytest.raises(FeedError, match="déjà là : adresse_x"):
        run(source, Oracle())
    columns = AddressColumns(("voie",), "insee")
    with pytest.raises(FeedError, match="colonnes absentes : voie"):
        geocode(source, tmp_path / "g.parquet", jeu="e", columns=columns, service=LOCAL, geocoder=Oracle())


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    class Broken(Oracle):
        def ask(self, questions: Sequence[Question]) -> list[Reply]:
            raise RuntimeError("défaut")

    with pytest.raises(RuntimeError):
        run(records(tmp_path, [("1", "99001")]), Broken())
    assert [p.name for p in tmp_path.iterdir()] == ["conformes.parquet"]


def test_what_the_records_say_of_themselves_goes_through(tmp_path: Path) -> None:
    source = records(tmp_path, [("2", "99001")])
    table = pq.read_table(source).replace_schema_metadata({"crs_source": "EPSG:2154"})
    pq.write_table(table, source)
    run(source, Oracle())
    assert (pq.read_schema(tmp_path / "geocodes.parquet").metadata or {})[b"crs_source"] == b"EPSG:2154"
