"""What is due goes, what is not stays, and what is gone stays gone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from factory import points_clause
from hypothesis import given
from hypothesis import strategies as st
from lac import LATER, SOWN, Lac, destruction, duree, personal, rows, sown_in

from qpv_data.clause.model import ClauseJeu
from qpv_data.problems import Problem
from qpv_data.releases.keep import withdraw_release
from qpv_data.releases.verify import verify
from qpv_data.retention.items import Etat
from qpv_data.retention.terms import Forme, Motif, last_day, term
from qpv_data.runs import RunError, exclusive

NOON = datetime(2024, 12, 31, 12, tzinfo=UTC)


def clause(version: str, debut: str, fin: str | None, brut: int = 100) -> ClauseJeu:
    return ClauseJeu.model_validate(
        {**personal(), "version": version, "duree": duree(fin, debut), "destruction": destruction(brut=brut)}
    )


@given(st.integers(0, 4000), st.integers(0, 4000), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_nothing_is_due_before_its_days_nor_kept_after_them_nor_after_the_clause(
    brut: int, life: int, received: date
) -> None:
    fin = date(2020, 1, 1) + timedelta(days=life)
    told = term([clause("1", "2000-01-01", fin.isoformat(), brut)], "1", Forme.BRUT, received)
    assert told is not None
    assert told.echeance == min(received + timedelta(days=brut), fin + timedelta(days=1))
    assert told.due(told.echeance)
    assert not told.due(told.echeance - timedelta(days=1))


def test_a_version_that_follows_without_a_day_between_puts_the_end_of_the_clause_off() -> None:
    one, two = clause("1", "2020-01-01", "2024-12-31"), clause("2", "2025-01-01", "2025-12-31")
    late = clause("3", "2026-02-01", None)
    assert last_day([one, two, late], one) == date(2025, 12, 31)
    assert last_day([late], late) == date.max
    end = term([one, two], "1", Forme.CLE, date(2024, 6, 1))
    assert end is not None
    assert (end.echeance, end.motif, end.clause_version) == (date(2026, 1, 1), Motif.FIN_DE_CLAUSE, "1")


def test_a_run_before_any_term_has_nothing_to_purge_and_writes_no_proof(lac: Lac) -> None:
    before = lac.files("raw", "conformed", "located", "rejets")
    report = lac.purge(NOON)
    assert (report.resultats, report.preuve) == ((), None)
    assert lac.files("raw", "conformed", "located", "rejets") == before


def test_each_form_goes_on_its_day_and_the_others_stay(lac: Lac) -> None:
    assert len(lac.files("rejets")) == 2
    lac.purge(NOON + timedelta(days=10))
    assert lac.files("rejets", "rapports") == []
    assert len(lac.files("conformed", "located")) == 6, "two records files, two notes, two located"
    lac.purge(NOON + timedelta(days=50))
    assert lac.files("conformed", "located") == []
    assert sown_in(lac.out / "raw") != []
    lac.purge(NOON + timedelta(days=100))
    assert sown_in(lac.out) == []
    assert lac.faults() == ()
    assert [lac.proof(n)["numero"] for n in (1, 2, 3)] == [1, 2, 3]


def test_once_purged_no_byte_of_a_record_is_left_under_the_folder_the_database_included(lac: Lac) -> None:
    kept = [lac.mini.value("points_n", "QN09901A", q)[0] for q in ("2024-T1", "2024-T2")]
    assert {p.split("/")[0] for p in sown_in(lac.out)} == {"raw", "conformed", "located"}
    assert len(list((lac.out / "cles").iterdir())) == 1
    report = lac.purge()
    assert report.entiere
    assert sown_in(lac.out) == []
    assert list((lac.out / "cles").iterdir()) == []
    assert [lac.mini.value("points_n", "QN09901A", q)[0] for q in ("2024-T1", "2024-T2")] == kept
    told = lac.mini.query("SELECT periode, statut FROM livraisons WHERE jeu = 'points' ORDER BY periode")
    assert told[:2] == [("2024-T1", "detruite"), ("2024-T2", "detruite")]


def test_what_was_destroyed_is_not_received_again_and_its_aggregates_go_on_being_published(lac: Lac) -> None:
    before = lac.mini.query("SELECT * EXCLUDE (publication, visible_de) FROM valeurs ORDER BY ALL")
    lac.purge()
    report = lac.run(LATER)
    states = {(r.periode, r.statut) for r in report.receptions if r.jeu == "points"}
    assert {("2024-T1", "detruite"), ("2024-T2", "detruite")} <= states
    assert sown_in(lac.out) == [], "the source still serves the file"
    assert lac.mini.query("SELECT * EXCLUDE (publication, visible_de) FROM valeurs ORDER BY ALL") == before
    assert lac.mini.query("SELECT count(*) FROM valeurs_livraisons WHERE livraison = 'points-2024-T1-v1'")[0][0] > 0
    assert lac.purge().resultats == (), "twice is once"


def test_a_new_quarter_is_received_beside_those_that_are_destroyed(lac: Lac) -> None:
    before = lac.mini.value("points_n", "QN09901A", "2024-T1")
    lac.purge()
    lac.mini.deliver("points-2024-T3.csv", rows(6, 50))
    lac.run(LATER)
    assert lac.mini.value("points_n", "QN09901A", "2024-T1") == before
    assert lac.mini.value("points_n", "QN09901A", "2024-T3")[0] is not None
    assert len(list((lac.out / "cles").iterdir())) == 1, "a new key, for new records"


def test_records_whose_time_is_over_are_not_made_again_from_a_raw_file_that_is_kept_longer(lac: Lac) -> None:
    when = NOON + timedelta(days=60)
    lac.purge(when)
    report = lac.run(when)
    assert {r.statut for r in report.receptions if r.jeu == "points" and r.periode in ("2024-T1", "2024-T2")} == {
        "detruite"
    }
    assert lac.files("conformed", "located") == []
    assert lac.mini.value("points_n", "QN09901A", "2024-T1")[0] is not None


def test_records_outlive_the_raw_file_where_the_clause_keeps_them_longer(lac: Lac) -> None:
    lac.sow(destruction=destruction(brut=5, conforme=90, localise=90))
    lac.run()
    when = NOON + timedelta(days=6)
    assert lac.purge(when).entiere
    assert [p for p in lac.files("raw") if p.endswith(".csv")] == []
    assert (lac.out / "cles/points.cle").exists()
    assert "detruite" not in {s for (s,) in lac.mini.query("SELECT statut FROM livraisons WHERE jeu = 'points'")}
    again = lac.receive("points", "2024-T1", when)
    assert (again.statut, again.livraison, again.usable) == ("inchangee", "points-2024-T1-v1", True)
    assert [p for p in lac.files("raw") if p.endswith(".csv")] == [], "it is not asked for again"


def test_a_correction_lives_on_after_the_delivery_that_it_replaced(lac: Lac) -> None:
    lac.mini.deliver("points-2024-T1.csv", rows(6, 70))
    assert lac.receive("points", "2024-T1", NOON + timedelta(days=30)).livraison == "points-2024-T1-v2"
    when = NOON + timedelta(days=105)
    lac.sow(destruction=destruction(brut=100, conforme=100, localise=100))
    lac.receive("points", "2024-T1", NOON + timedelta(days=30))
    lac.purge(when)
    assert lac.proof()["elements"] != []
    again = lac.receive("points", "2024-T1", when)
    assert (again.statut, again.livraison) == ("inchangee", "points-2024-T1-v2")
    assert f"{SOWN}-0" not in "".join(p.read_text() for p in (lac.out / "raw/points").glob("*/*.csv"))


def test_located_records_that_are_kept_longer_than_conformed_ones_still_count(lac: Lac) -> None:
    lac.sow(destruction=destruction(conforme=5, localise=90))
    before = lac.mini.value("points_n", "QN09901A", "2024-T1")
    lac.purge(NOON + timedelta(days=6))
    lac.run(NOON + timedelta(days=6))
    kept = {p.split("/")[0] for p in lac.files("conformed", "located") if p.endswith("parquet")}
    assert kept == {"located"}
    assert lac.mini.value("points_n", "QN09901A", "2024-T1") == before


def test_a_feed_of_one_file_refuses_the_bytes_that_were_destroyed_and_takes_new_ones(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    whole = {
        "source": {"url": "https://donnees.mini.example/points.csv"},
        "periode": {"origine": "fixe", "frequence": "A", "debut": "2023"},
    }
    lac.sow(**whole)
    lac.mini.deliver("points.csv", rows(4))
    lac.run()
    before = lac.mini.value("points_n", "QN09901A", "2023")
    lac.purge()
    again = next(r for r in lac.run(LATER).receptions if r.jeu == "points")
    assert (again.statut, again.probleme) == ("detruite", Problem.LIVRAISON_DETRUITE.value)
    assert sown_in(lac.out) == []
    assert lac.mini.value("points_n", "QN09901A", "2023") == before
    lac.mini.deliver("points.csv", rows(6))
    new = lac.receive("points", None, LATER)
    assert (new.statut, new.livraison) == ("recue", "points-unique-v2")


def test_a_raw_file_that_two_deliveries_share_goes_with_the_last_of_them(lac: Lac) -> None:
    lac.mini.deliver("points-2024-T3.csv", rows(4))
    shared = [p for p in lac.files("raw") if p.endswith("2024-T1.csv")]
    assert lac.receive("points", "2024-T3", NOON + timedelta(days=30)).statut == "recue"
    assert len([p for p in lac.files("raw") if p.endswith(".csv")]) == 3
    assert len({p.split("/")[2] for p in lac.files("raw") if p.endswith(".csv")}) == 2, "T1 and T3 are one content"
    first = lac.purge(NOON + timedelta(days=100))
    assert first.retenues == ("points-2024-T1-v1",)
    assert set(shared) <= set(lac.files("raw"))
    assert lac.receive("points", "2024-T1", NOON + timedelta(days=100)).statut == "detruite", "its records are gone"
    second = lac.purge(NOON + timedelta(days=130))
    assert second.retenues == ()
    assert sown_in(lac.out) == []
    assert lac.receive("points", "2024-T3", NOON + timedelta(days=130)).statut == "detruite"


def test_at_the_end_of_a_clause_all_goes_whatever_its_age_and_nothing_is_received_any_more(lac: Lac) -> None:
    lac.sow(duree=duree("2025-01-31"), destruction=destruction(brut=30_000, conforme=30_000, localise=30_000))
    assert lac.purge(datetime(2025, 1, 31, 12, tzinfo=UTC)).entiere
    assert sown_in(lac.out / "raw") != []
    lac.purge(datetime(2025, 2, 1, tzinfo=UTC))
    assert sown_in(lac.out) == []
    assert {e["motif"] for e in lac.proof(2)["elements"]} == {"fin_de_clause"}
    after = datetime(2025, 2, 2, tzinfo=UTC)
    lac.mini.deliver("points-2024-T3.csv", rows(4))
    told = [lac.receive("points", quarter, after) for quarter in ("2024-T1", "2024-T3")]
    assert [(r.statut, r.probleme) for r in told] == [("detruite", None), ("refusee", "clause_hors_vigueur")]
    assert sown_in(lac.out) == []


def test_where_the_clause_says_so_its_indicators_leave_the_releases_with_it(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow("2024-T1", duree=duree("2025-01-31"), destruction=destruction("detruits"))
    lac.sow("2024-T1", ident="autres", start=100)
    lac.run()
    others = lac.mini.query("SELECT * FROM valeurs WHERE indicateur LIKE 'autres%' ORDER BY ALL")
    report = lac.purge(datetime(2025, 2, 1, tzinfo=UTC))
    assert report.entiere
    assert lac.files("aggregated") == []
    assert lac.mini.query("SELECT count(*) FROM valeurs WHERE indicateur LIKE 'points%'") == [(0,)]
    assert lac.mini.query("SELECT * FROM valeurs WHERE indicateur LIKE 'autres%' ORDER BY ALL") == others
    assert lac.purge(datetime(2025, 2, 1, tzinfo=UTC)).resultats == ()


def held_of(folder: Path, feed: str) -> list[str]:
    """The files of releases that hold a row of a feed's indicators, those that describe them apart."""
    found = []
    for path in sorted(folder.rglob("*.parquet")):
        names = pq.read_schema(path).names
        if "indicateur" in names and path.name not in ("indicateurs.parquet", "modalites.parquet"):
            values = pq.ParquetFile(path).read(["indicateur"])["indicateur"].to_pylist()
            found += [path.relative_to(folder).as_posix()] * any(v.startswith(feed) for v in values)
    for path in sorted(folder.rglob("qpv.duckdb")):
        with duckdb.connect(str(path), read_only=True) as con:
            (rows,) = con.execute("SELECT count(*) FROM valeurs WHERE starts_with(indicateur, ?)", [feed]).fetchall()
        found += [path.relative_to(folder).as_posix()] * bool(rows[0])
    return found


def test_its_indicators_leave_every_file_of_every_release_those_put_away_included(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow("2024-T1", duree=duree("2025-01-31"), destruction=destruction("detruits"))
    lac.sow("2024-T1", ident="autres", start=100)
    first = lac.run().release.dossier
    lac.sow("2024-T1", ident="autres", start=200)
    lac.mini.deliver("autres-2024-T1.csv", rows(30, 200))
    second = lac.run().release.dossier
    assert first != second
    withdraw_release(first, "essai", date(2025, 1, 2))
    for folder in (lac.out / "releases", lac.out / "archives"):
        assert held_of(folder, "points") != []
    assert lac.purge(datetime(2025, 2, 1, tzinfo=UTC)).entiere
    for folder in (lac.out / "releases", lac.out / "archives"):
        assert held_of(folder, "points") == []
        assert held_of(folder, "autres") != []
    assert verify(second) == []


def test_open_data_and_feeds_that_no_clause_declares_are_left_and_the_latter_are_told(lac: Lac) -> None:
    lac.mini.declare(points_clause(destruction={"sans_objet": "essai"}))
    assert lac.purge().resultats == ()
    (lac.mini.clauses / "points.yml").unlink()
    report = lac.purge()
    assert report.resultats == ()
    assert [h.jeu for h in report.empeches] == ["points"]
    assert not report.entiere


def test_a_purge_waits_for_no_run_and_changes_nothing_beside_one(lac: Lac) -> None:
    before = lac.files("raw", "conformed")
    with exclusive(lac.configuration(LATER)), pytest.raises(RunError) as caught:
        lac.purge()
    assert caught.value.probleme is Problem.EXECUTION_EN_COURS
    assert lac.files("raw", "conformed") == before


def test_a_key_that_the_environment_holds_is_told_since_it_cannot_be_destroyed_here(lac: Lac) -> None:
    report = lac.purge(environment={"QPV_DATA_CLE_POINTS": "00" * 32})
    assert [h.raison for h in report.empeches if "QPV_DATA_CLE_POINTS" in h.raison] != []
    assert all(o.etat is not Etat.ECHEC for o in report.resultats)


def test_records_kept_no_day_are_used_once_and_go_the_same_day(lac: Lac) -> None:
    lac.sow("2024-T3", ident="brefs", start=50, destruction=destruction(brut=0, conforme=0, localise=0, rejets=0))
    lac.run(NOON)
    assert lac.mini.value("brefs_n", "QN09901A", "2024-T3")[0] is not None
    lac.purge(NOON)
    assert [p for p in sown_in(lac.out) if "brefs" in p] == []


def test_what_a_killed_run_left_half_written_goes_too(lac: Lac) -> None:
    (lac.out / "conformed/points/.2024-T1.parquet.99.part").write_text(SOWN)
    opened = next((lac.out / "raw/points").glob("[0-9a-f]*")) / "tmpabc"
    opened.mkdir()
    (opened / "locataires.csv").write_text(SOWN)
    lac.purge(NOON)
    assert [p for p in sown_in(lac.out) if ".part" in p or "tmpabc" in p] == []
    assert len(lac.files("conformed")) == 4
