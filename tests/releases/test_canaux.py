"""Which release is the current one: sign-off, withdrawal, retention, and what stands under `--out`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from factory import IN_A, IN_B, Mini, point

from qpv_data.history import ledger
from qpv_data.problems import InvalidDeclarationError, Problem
from qpv_data.releases import channels, journal
from qpv_data.releases.keep import sign_off, withdraw_release
from qpv_data.releases.layout import AT_THE_ROOT, MANIFEST, said
from qpv_data.releases.listing import listing
from qpv_data.releases.policy import policy_of
from qpv_data.runs import RunError

DAY = date(2025, 3, 1)
POLICY = """
calendrier: {delai_jours: 45}
revisions: {politique: "Une correction fait une publication nouvelle.", trimestres: 4}
validation: {signataires: [déléguée du préfet]}
conservation: {publications: 2}
"""


def world(root: Path, *more: dict[str, object]) -> Mini:
    mini = Mini(root)
    mini.referentials()
    mini.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)] + list(more)})
    return mini


def correct(mini: Mini, count: int) -> str:
    """Another delivery of the quarter, and its release."""
    mini.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(count)]})
    return mini.run().release.id


def shown(mini: Mini) -> str:
    """The release that `qpv.duckdb` opens on."""
    return str(mini.query("SELECT publication FROM publications")[0][0])


def test_a_release_has_a_folder_an_audience_and_its_root_says_what_the_widest_has(tmp_path: Path) -> None:
    mini = world(tmp_path)
    release = mini.begin().release
    assert release.dossier == mini.out / "releases" / "2024-T4-r1"
    for name in (MANIFEST, *AT_THE_ROOT):
        assert (release.dossier / name).is_file()
        assert (release.dossier / "ouvert" / name).is_file()
    told = said(release.dossier)
    assert (told["audiences"], told["diffusion"]) == (["ouvert", "partenaires"], "partenaires")
    assert {name.split("/")[0] for name in told["fichiers_sha256"]} == {"ouvert", *AT_THE_ROOT}
    assert [c["clause"] for c in told["clauses"]] == ["points", "ref_commune", "ref_epci", "ref_qpv2015", "ref_qpv2024"]


def test_the_database_follows_the_last_release_until_one_is_signed_then_that_one(tmp_path: Path) -> None:
    mini = world(tmp_path)
    first = mini.begin().release
    assert (channels.current(mini.out / "releases", "provisoire"), shown(mini)) == (first.id, first.id)
    sign_off(first.dossier, "une personne, sa fonction", DAY)
    second = correct(mini, 6)
    releases = mini.out / "releases"
    assert (channels.current(releases, "stable"), channels.current(releases, "provisoire")) == (first.id, second)
    assert shown(mini) == first.id
    for channel, name in (("stable", first.id), ("provisoire", second)):
        assert (releases / channel).resolve().name == name
        assert json.loads((releases / f"{channel}.json").read_text("utf-8")) == {"publication": name, "dossier": name}
    sign_off(releases / second, "une personne, sa fonction", DAY)
    assert shown(mini) == second


def test_the_journal_says_who_signed_and_when(tmp_path: Path) -> None:
    mini = world(tmp_path)
    release = mini.begin().release.dossier
    sign_off(release, "Marthe Brume, déléguée du préfet", DAY)
    sign_off(release, "Marthe Brume, déléguée du préfet", DAY)
    (row,) = listing(mini.out / "releases")
    assert (row["validee_par"], row["validee_le"]) == ("Marthe Brume, déléguée du préfet", "2025-03-01")
    assert [e.evenement for e in journal.events(mini.out / "releases")] == ["publiee", "validee"]


def test_whoever_the_policy_does_not_name_does_not_sign(tmp_path: Path) -> None:
    mini = world(tmp_path)
    (tmp_path / "publication.yml").write_text(POLICY, "utf-8")
    release = mini.begin().release.dossier
    with pytest.raises(RunError) as refused:
        sign_off(release, "quelqu'un, stagiaire", DAY)
    assert refused.value.probleme is Problem.VALIDATION_REFUSEE
    sign_off(release, "Marthe Brume, déléguée du préfet", DAY)


def test_the_policy_and_the_calendar_are_published_with_the_release(tmp_path: Path) -> None:
    mini = world(tmp_path)
    (tmp_path / "publication.yml").write_text(POLICY, "utf-8")
    release = mini.begin().release
    assert said(release.dossier)["politique"]["conservation"] == {"publications": 2}
    rows = mini.query("SELECT periode, prevue_le FROM calendrier ORDER BY periode")
    assert rows[:2] == [("2024-T4", date(2025, 2, 14)), ("2025-T1", date(2025, 5, 15))]
    assert len(rows) == 5


def test_every_fault_of_a_policy_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "publication.yml").write_text(
        POLICY.replace("45", "-1").replace("trimestres: 4", "trimestre: 4"), "utf-8"
    )
    with pytest.raises(InvalidDeclarationError) as refused:
        policy_of(tmp_path / "clauses")
    assert {v.ligne for v in refused.value.violations} == {2, 3}
    assert len(refused.value.violations) == 3


def test_a_withdrawn_release_leaves_a_tombstone_its_number_and_its_place_in_the_ledger(tmp_path: Path) -> None:
    mini = world(tmp_path)
    first = mini.begin().release
    sign_off(first.dossier, "une personne, sa fonction", DAY)
    second = correct(mini, 6)
    releases = mini.out / "releases"
    sign_off(releases / second, "une personne, sa fonction", DAY)
    assert withdraw_release(releases / second, "périmètre erroné", DAY) == []
    assert [p.name for p in (releases / second).iterdir()] == ["retrait.json"]
    stone = json.loads((releases / second / "retrait.json").read_text("utf-8"))
    assert (stone["motif"], stone["evenement"]) == ("périmètre erroné", "retiree")
    assert (channels.current(releases, "stable"), channels.current(releases, "provisoire")) == (first.id, first.id)
    assert shown(mini) == first.id
    assert [p.name for p in ledger(mini.out)] == [first.id, second], "its readers still have it"
    assert (mini.out / "archives").stat().st_mode & 0o077 == 0
    assert correct(mini, 7) == "2024-T4-r3", "its number is not taken again"
    assert [r["etat"] for r in listing(releases)] == ["presente", "retiree", "presente"]


def test_a_release_that_follows_a_withdrawn_one_no_longer_repeats_it(tmp_path: Path) -> None:
    mini = world(tmp_path)
    first = mini.begin().release
    second = correct(mini, 6)
    assert mini.query("SELECT count(*) > 0 FROM revisions WHERE publication = ?", first.id) == [(True,)]
    assert withdraw_release(first.dossier, "erreur", DAY) == [second]
    correct(mini, 12)
    assert mini.query("SELECT count(*) FROM revisions WHERE publication = ?", first.id) == [(0,)]
    assert mini.query("SELECT count(*) > 0 FROM revisions WHERE publication = ?", second) == [(True,)]


def test_old_releases_are_put_away_but_those_that_channels_point_to(tmp_path: Path) -> None:
    mini = world(tmp_path)
    (tmp_path / "publication.yml").write_text(POLICY, "utf-8")
    first = mini.begin().release
    sign_off(first.dossier, "Marthe Brume, déléguée du préfet", DAY)
    ids = [first.id, *(correct(mini, 5 + 6 * n) for n in range(3))]
    rows = {r["publication"]: r for r in listing(mini.out / "releases")}
    assert [rows[i]["etat"] for i in ids] == ["presente", "archivee", "presente", "presente"]
    assert [p.name for p in ledger(mini.out)] == ids
    assert shown(mini) == first.id


def test_what_is_not_a_release_is_neither_signed_nor_withdrawn(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.begin()
    with pytest.raises(RunError) as refused:
        sign_off(mini.out / "releases" / "2024-T4-r9", "une personne", DAY)
    assert refused.value.probleme is Problem.PUBLICATION_ABSENTE


def test_a_run_killed_before_the_journal_or_the_pointer_is_caught_up_with(tmp_path: Path) -> None:
    mini = world(tmp_path)
    first = mini.begin().release
    releases = mini.out / "releases"
    (releases / journal.NAME).unlink()
    for left in ("provisoire", "provisoire.json"):
        (releases / left).unlink()
    (mini.out / "qpv.duckdb").unlink()
    again = mini.run().release
    assert (again.id, again.nouvelle) == (first.id, False)
    assert (channels.current(releases, "provisoire"), shown(mini)) == (first.id, first.id)
    second = correct(mini, 6)
    assert [e.publication for e in journal.events(releases)] == [first.id, second]


def test_a_database_of_before_that_is_a_file_makes_way_for_the_pointer(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.out.mkdir(parents=True)
    with duckdb.connect(str(mini.out / "qpv.duckdb")) as con:
        con.execute("CREATE TABLE ancienne (a INTEGER)")
    release = mini.run().release
    assert (mini.out / "qpv.duckdb").is_symlink()
    assert shown(mini) == release.id
