"""A whole run, as its users meet it: good days, bad feeds, typos, kills."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import shapely
from factory import (
    IN_A,
    IN_B,
    IN_C,
    QUARTERS,
    Mini,
    codes_clause,
    geojson,
    indicator,
    lonlat,
    number_column,
    point,
    points_clause,
    small_run,
    text_column,
)
from promises import PERSONAL
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.releases.layout import narrowest

RELEASE = "releases/2024-T4-r1"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """The small run, once. Read it, never write in it."""
    mini = small_run(tmp_path_factory.mktemp("faite"))
    mini.begin()
    return mini


def tree(folder: Path) -> dict[str, str]:
    """Every file under `folder` with the hash of its bytes, but databases, whose tables are compared elsewhere."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".duckdb")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_record_counts_once_in_each_zone_that_holds_it_and_the_unknown_in_none(ran: Mini) -> None:
    assert ran.value("points_n", "QN09901A", "2024-T1") == (2.0, "normale", "diffusee")
    assert ran.value("points_n", "QN09902B", "2024-T1")[0] == 1
    assert ran.value("points_n", "99002", "2024-T1")[0] == 1
    # d1 and the two unknown places that may be of the territory; 75056 is elsewhere
    assert ran.value("points_n", "territoire", "2024-T1")[0] == 7
    lost = ran.query("SELECT code_zone, valeur FROM valeurs WHERE zonage = 'non_localise' AND periode = '2024-T1'"
                      " AND indicateur = 'points_n' AND valeur > 0 ORDER BY 1")  # fmt: skip
    assert lost == [("99002", 1.0), ("territoire", 1.0)]
    # an EPCI with a commune outside the run is not its total
    assert ran.value("points_n", "200099002", "2024-T1") == (None, "non_livree", "diffusee")


def test_running_twice_gives_the_same_release_and_downloads_nothing_again(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    first = mini.run()
    before = tree(mini.out / "releases")
    second = mini.run()
    assert (first.release.nouvelle, second.release.nouvelle) == (True, False)
    assert tree(mini.out / "releases") == before
    assert {r.statut for r in second.receptions} == {"inchangee"}


def test_the_same_inputs_give_the_same_bytes_elsewhere_in_another_time_zone_and_on_more_cores(tmp_path: Path) -> None:
    one, other = small_run(tmp_path / "un"), small_run(tmp_path / "deux")
    assert one.cli("--quiet", TZ="Europe/Paris", PYTHONHASHSEED="1", QPV_DATA_COEURS="1").returncode == 0
    assert other.cli("--quiet", TZ="Asia/Tokyo", PYTHONHASHSEED="2", QPV_DATA_COEURS="4").returncode == 0
    assert tree(one.out / "releases") == tree(other.out / "releases")


def test_new_data_make_a_new_release_and_leave_the_old_one_as_it_was(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    old = mini.begin().release
    before = tree(old.complet)
    mini.points({"2024-T4": [point("z", IN_C)]})
    new = mini.run().release
    assert (old.id, new.id) == ("2024-T4-r1", "2024-T4-r2")
    assert tree(old.complet) == before
    assert mini.query("SELECT DISTINCT publication FROM valeurs") == [("2024-T4-r2",)]


def test_a_release_stops_at_the_quarter_asked_for(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    assert mini.run(periode="2024-T2").release.id == "2024-T2-r1"
    assert mini.query("SELECT DISTINCT periode FROM valeurs ORDER BY 1") == [("2024-T1",), ("2024-T2",)]


def test_a_missing_delivery_leaves_its_period_undelivered_and_the_release_says_so(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    (mini.mirror / "donnees.mini.example" / "points-2024-T3.csv").unlink()
    release = mini.run().release
    assert release.jeux_absents == ("points 2024-T3",)
    assert mini.value("points_n", "QN09901A", "2024-T3") == (None, "non_livree", "diffusee")
    assert mini.value("points_n", "QN09901A", "2024-T4")[0] == 2
    manifest = json.loads((release.complet / "manifest.json").read_text("utf-8"))
    assert manifest["jeux_absents"] == ["points 2024-T3"]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (b"<!doctype html><html>maintenance</html>", "format_inattendu"),
        (b"id;x\n", "entete_inattendu"),
        (b"id;x;y;insee;menage;montant\n", "trop_peu_de_lignes"),
    ],
)
def test_a_bad_delivery_keeps_the_last_good_one_marked_stale(tmp_path: Path, broken: bytes, problem: str) -> None:
    mini = small_run(tmp_path)
    mini.begin()
    mini.deliver("points-2024-T4.csv", broken)
    report = mini.run()
    stale = [r for r in report.receptions if r.statut == "perimee"]
    assert [(r.jeu, r.periode, r.probleme) for r in stale] == [("points", "2024-T4", problem)]
    assert mini.value("points_n", "QN09901A", "2024-T4")[0] == 2
    assert mini.query("SELECT jeux_perimes FROM publications") == [("points 2024-T4",)]


def test_a_feed_cut_in_the_middle_does_not_stop_the_others(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    mini.points({q: [point(n, IN_A) for n in range(50)] for q in QUARTERS}, ident="autres",
                controles={"lignes_min": 40, "rejets_max": 0.1})  # fmt: skip
    for quarter in QUARTERS:
        path = mini.mirror / "donnees.mini.example" / f"autres-{quarter}.csv"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = mini.run()
    assert report.release.jeux_absents == ("autres", *(f"autres {q}" for q in QUARTERS))
    assert mini.value("points_n", "QN09901A", "2024-T1")[0] == 2
    assert mini.query("SELECT count(*) FROM valeurs WHERE indicateur = 'autres_n'") == [(0,)]


def test_an_expression_that_the_data_refuse_is_that_feed_s_alone_and_quotes_no_value(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    somme = [indicator("autres_somme", "somme", numerateur="menage::INT")]
    mini.points({q: [point("DUPONT-Jeanne", IN_A)] for q in QUARTERS}, ident="autres", indicateurs=somme)
    report = mini.run()
    assert report.release.jeux_absents == ("autres",)
    assert mini.value("points_n", "QN09901A", "2024-T1")[0] == 2
    done = mini.cli()
    assert done.returncode == 0
    assert "sql_invalide" in done.stdout
    assert "DUPONT" not in done.stdout + done.stderr


def test_a_referential_that_cannot_be_read_makes_unknown_places_never_outside_ones(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    mini.deliver("qpv2024.geojson", b"{}")
    report = mini.run()
    assert "ref_qpv2024" in report.release.jeux_absents
    assert mini.query("SELECT count(*) FROM valeurs WHERE zonage = 'qpv2024'") == [(0,)]
    located = pq.read_table(mini.out / "located" / "points" / "2024-T1.parquet")
    assert "qpv2024" not in located.column_names
    assert mini.value("points_n", "QP099001", "2024-T1")[0] == 2


def test_a_column_may_bear_the_name_of_a_zoning(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    columns = [text_column(n) for n in ("id", "commune", "qpv2024", "localisation", "epci")]
    columns += [number_column("x"), number_column("y")]
    mini.declare(points_clause("piege", colonnes=columns, localisation={"mode": "point", "x": "x", "y": "y",
        "crs": "EPSG:4326", "commune": "commune"},
        indicateurs=[indicator("piege_n", filtre="commune = '99002' AND qpv2024 = 'oui' AND localisation = 'ici'")],
    ))  # fmt: skip
    lon, lat = lonlat(*IN_B)
    for quarter in QUARTERS:
        mini.deliver(
            f"piege-{quarter}.csv", f"id;commune;qpv2024;localisation;epci;x;y\n1;99002;oui;ici;e;{lon};{lat}\n"
        )
    mini.run()
    assert mini.value("piege_n", "QN09902B", "2024-T1")[0] == 1
    assert mini.value("piege_n", "99002", "2024-T1")[0] == 1
    assert mini.value("piege_n", "99001", "2024-T1")[0] == 0


def test_a_table_by_zone_speaks_of_its_own_zoning_alone(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.declare(codes_clause("table", "qpv2024", colonnes=[text_column("code", obligatoire=True),
        number_column("valeur", masques={"s": "masque_producteur", "nd": "non_livree"})]))  # fmt: skip
    mini.deliver("table.csv", "code;valeur\nQN09901A;12\nQN09902B;s\nQN99999Z;4\n")
    mini.run()
    assert mini.value("table_v", "QN09901A", "2023") == (12.0, "normale", "diffusee")
    assert mini.value("table_v", "QN09902B", "2023") == (None, "normale", "masque_producteur")
    assert mini.value("table_v", "QN09903C", "2023") == (None, "non_livree", "diffusee")
    assert mini.value("table_v", "QP099001", "2023") == (None, "sans_objet", "diffusee")
    assert mini.value("table_v", "99001", "2023") == (None, "sans_objet", "diffusee")


def test_outside_what_a_feed_covers_there_is_no_zero(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points({q: [point("a", IN_A)] for q in QUARTERS}, couverture={"communes": ["99001"]})
    mini.run()
    assert mini.value("points_n", "QN09901A", "2024-T1") == (1.0, "normale", "diffusee")
    assert mini.value("points_n", "QN09903C", "2024-T1") == (None, "sans_objet", "diffusee")
    assert mini.value("points_n", "QN09902B", "2024-T1") == (None, "non_livree", "diffusee"), "astride the limit"
    assert mini.value("points_n", "territoire", "2024-T1") == (None, "non_livree", "diffusee")


def test_a_name_is_nowhere_but_in_the_raw_store(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    columns = [text_column("id"), text_column("nom_personne", identifiant_direct=True), number_column("x"),
               number_column("y"), number_column("montant", obligatoire=True)]  # fmt: skip
    mini.declare(points_clause("prive", colonnes=columns, diffusion="partenaires",
        donnees_personnelles=PERSONAL, principe="donnees_interet_general",
        localisation={"mode": "point", "x": "x", "y": "y", "crs": "EPSG:2154"},
        secret={"regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "personne", "seuil": 5, "colonne_unite": "id"}))  # fmt: skip
    rows = "".join(f"{n};ZORGLUB Eusèbe;600400;6600400;1\n" for n in range(9)) + "9;x;600400;6600400;ZORGLUB Eusèbe\n"
    for quarter in QUARTERS:
        mini.deliver(f"prive-{quarter}.csv", "id;nom_personne;x;y;montant\n" + rows)
    done = mini.cli()
    assert done.returncode == 0, done.stderr
    assert "ZORGLUB" not in done.stdout + done.stderr
    for path in mini.out.rglob("*"):
        if path.is_file() and "raw" not in path.relative_to(mini.out).parts:
            content = (
                str(pq.read_table(path).to_pylist())
                if path.suffix == ".parquet"
                else path.read_bytes().decode("latin-1")
            )
            assert "ZORGLUB" not in content, path
    with duckdb.connect(str(mini.out / "qpv.duckdb"), read_only=True) as con:
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            assert "ZORGLUB" not in str(con.execute(f"SELECT * FROM {name}").fetchall())
        told = con.execute("SELECT sha256, taille FROM livraisons WHERE jeu = 'prive'").fetchall()
    assert set(told) == {(None, None)}


def test_a_misspelt_column_is_found_offline_with_its_line_and_nothing_is_written(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    clause = mini.clauses / "points.yml"
    clause.write_text(clause.read_text("utf-8").replace("numerateur: montant", "numerateur: montan"), "utf-8")
    line = 1 + clause.read_text("utf-8").splitlines().index("  numerateur: montan")
    checked = CliRunner().invoke(app, ["check", str(mini.clauses)])
    assert checked.exit_code == 3
    assert f"points.yml:{line}: colonne_inconnue" in checked.stderr
    assert "« montant »" in checked.stderr
    done = mini.cli()
    assert done.returncode == 3
    assert not mini.out.exists()


def test_quiet_is_quiet_and_json_is_json_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mini = small_run(tmp_path)
    done = mini.cli("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    answer = json.loads(mini.cli("--json").stdout)
    assert answer["publication"] == "2024-T4-r1"
    monkeypatch.chdir(tmp_path)
    for command in ("check", "indicateurs"):
        quiet = CliRunner().invoke(app, [command, "--quiet"])
        assert (quiet.exit_code, quiet.output) == (0, "")
        assert isinstance(json.loads(CliRunner().invoke(app, [command, "--json"]).stdout), list)


def test_a_mirror_that_does_not_exist_writes_nothing(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    done = CliRunner().invoke(app, [*mini.command()[3:], "--miroir", str(tmp_path / "absent")])
    assert done.exit_code == 3
    assert not mini.out.exists()


def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    runs = [subprocess.Popen(mini.command("--quiet"), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(p.communicate(timeout=60)[1], p.returncode) for p in runs]
    assert sorted(code for _, code in ended) in ([0, 0], [0, 4]), ended
    assert all("execution_en_cours" in text for text, code in ended if code == 4)
    assert mini.value("points_n", "QN09901A", "2024-T1")[0] == 2


def test_readers_see_a_whole_release_whenever_the_run_is_killed(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    mini.begin()
    mini.points({"2024-T4": [point("z", IN_C)]})
    for n in range(4):  # `make pannes` kills at each gesture
        process = subprocess.Popen(mini.command("--quiet"), env=mini.environment())
        time.sleep(0.3 + 0.6 * n)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        seen = mini.query("SELECT DISTINCT publication FROM valeurs")
        assert seen in ([("2024-T4-r1",)], [("2024-T4-r2",)])
    assert mini.cli("--quiet").returncode == 0
    assert mini.value("points_n", "QN09903C", "2024-T4")[0] == 1
    left = [p for p in mini.out.rglob("*") if p.name.endswith(".part") or p.name == ".travail"]
    assert left == []
    assert sorted(p.name for p in (mini.out / "releases").glob("*-r*")) == ["2024-T4-r1", "2024-T4-r2"]


def test_the_parquet_tree_and_the_database_say_the_same(ran: Mini) -> None:
    parquet = f"read_parquet('{narrowest(ran.out / RELEASE)}/valeurs/*/*/*.parquet', hive_partitioning = true)"
    names = "indicateur, modalite, zonage, code_zone, CAST(periode AS VARCHAR), valeur, statut_observation"
    for first, second in (("valeurs", parquet), (parquet, "valeurs")):
        assert ran.query(f"SELECT {names} FROM {first} EXCEPT ALL SELECT {names} FROM {second}") == []


def test_published_perimeters_are_geoparquet_in_longitude_and_latitude(ran: Mini) -> None:
    import geopandas

    zones = geopandas.read_parquet(narrowest(ran.out / RELEASE) / "zones.parquet")
    shape = zones.loc[zones.code_zone == "QN09901A"].geometry.iloc[0]
    lon, lat = lonlat(*IN_A)
    assert shape.centroid.distance(geopandas.points_from_xy([lon], [lat])[0]) < 1e-6
    assert zones.crs.to_authority() == ("OGC", "CRS84")


def test_records_are_their_owners_alone_and_releases_are_for_readers(ran: Mini) -> None:
    for folder in ("raw", "conformed", "rejets", "located", "aggregated"):
        assert (ran.out / folder).stat().st_mode & 0o077 == 0, folder
    assert (ran.out / "qpv.duckdb").stat().st_mode & 0o044


def test_a_point_on_a_boundary_is_inside_in_the_system_that_the_perimeter_is_drawn_in(tmp_path: Path) -> None:
    """An edge that is straight in degrees is curved in metres: a centimetre there would put the point outside."""
    mini = Mini(tmp_path)
    mini.referentials()
    square = {"QN09901A": shapely.box(1.4, 43.6, 1.41, 43.61), "QN09902B": shapely.box(1.41, 43.6, 1.42, 43.61)}
    mini.deliver("qpv2024.geojson", geojson(square, epsg=4326))
    place = {"mode": "point", "x": "x", "y": "y", "crs": "EPSG:4326"}
    mini.declare(points_clause("points", localisation=place))
    sides = [(1.405, 43.6), (1.405, 43.61), (1.4, 43.605), (1.41, 43.605), (1.4, 43.6)]
    rows = [f"{n};{x};{y};;;1\n" for n, (x, y) in enumerate(sides)]
    for quarter in QUARTERS:
        mini.deliver(f"points-{quarter}.csv", "id;x;y;insee;menage;montant\n" + "".join(rows))
    mini.run()
    assert mini.value("points_n", "QN09901A", "2024-T1")[0] == len(sides)
    assert mini.value("points_n", "QN09902B", "2024-T1")[0] == 0
