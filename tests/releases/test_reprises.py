"""What a kill leaves half done beside releases is ended by the next command, whichever it is."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from factory import Mini, codes_clause
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.releases import channels, journal
from qpv_data.releases.keep import sign_off, withdraw_release
from qpv_data.releases.layout import TOMBSTONE

DAY = date(2025, 2, 1)
WHY = "périmètres d'un autre millésime"
FIRST, SECOND = "2023-T4-r1", "2023-T4-r2"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """Two releases of a table by zone, both signed."""
    made = Mini(tmp_path_factory.mktemp("reprises"))
    made.referentials()
    made.declare(codes_clause("table", "qpv2024"))
    for value in (12, 13):
        made.deliver("table.csv", f"code;valeur\nQN09901A;{value}\n")
        sign_off(made.run().release.dossier, "une personne, sa fonction", DAY)
    return made


@pytest.fixture
def releases(two: Mini, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two.out, tmp_path / "out", symlinks=True)) / "releases"


def lines(releases: Path) -> list[tuple[str, str]]:
    return [(e.evenement, e.publication) for e in journal.events(releases)]


def test_half_written_files_beside_releases_go_with_the_next_signature(releases: Path) -> None:
    left = [releases / ".stable.42.part", releases / ".journal.jsonl.42.part", releases.parent / ".qpv.duckdb.42.part"]
    for path in left:
        path.write_text("à moit", "utf-8")
    sign_off(releases / SECOND, "une personne, sa fonction", DAY)
    assert [p for p in left if p.exists()] == []


def test_a_withdrawal_killed_before_the_trace_is_ended_by_asking_again(releases: Path) -> None:
    withdraw_release(releases / SECOND, WHY, DAY)
    before = lines(releases)
    shutil.rmtree(releases / SECOND)  # killed between the move to the archives and the trace
    done = CliRunner().invoke(app, ["retirer", str(releases / SECOND), "--motif", WHY])
    assert done.exit_code == 0, done.output
    stone = json.loads((releases / SECOND / TOMBSTONE).read_text("utf-8"))
    assert (stone["le"], stone["motif"]) == (DAY.isoformat(), WHY), "the day that the journal says"
    assert lines(releases) == before, "withdrawn once"
    again = CliRunner().invoke(app, ["retirer", str(releases / SECOND), "--motif", "autre chose"])
    assert again.exit_code == 4
    assert "publication_absente" in again.output


def test_a_withdrawal_killed_after_the_journal_is_ended_by_whoever_comes_next(releases: Path, two: Mini) -> None:
    journal.add(releases, journal.Event(journal.RETIREE, SECOND, DAY.isoformat(), motif=WHY))
    (releases / "stable").unlink()
    (releases / "stable").symlink_to(FIRST)  # and the pointer moved, what HTTP readers see not yet
    sign_off(releases / FIRST, "une personne, sa fonction", DAY)
    for channel in (channels.STABLE, channels.PROVISOIRE):
        assert channels.current(releases, channel) == FIRST
        assert json.loads((releases / f"{channel}.json").read_text("utf-8"))["publication"] == FIRST
    assert [p.name for p in (releases / SECOND).iterdir()] == [TOMBSTONE]
    assert (releases.parent / "archives" / SECOND / "manifest.json").is_file()


def test_the_number_of_a_release_killed_on_its_way_to_the_archives_is_not_taken_again(
    releases: Path, two: Mini
) -> None:
    withdraw_release(releases / SECOND, WHY, DAY)
    shutil.rmtree(releases / SECOND)
    two.deliver("table.csv", "code;valeur\nQN09901A;14\n")
    assert two.run(sortie=releases.parent).release.id == "2023-T4-r3"


def test_a_run_killed_before_it_put_old_releases_away_does_so_when_it_is_run_again(releases: Path, two: Mini) -> None:
    (two.root / "publication.yml").write_text(
        "calendrier: {delai_jours: 45}\nrevisions: {politique: neuve, trimestres: 4}\n"
        "validation: {signataires: [fonction]}\nconservation: {publications: 1}\n", "utf-8",
    )  # fmt: skip
    try:
        two.deliver("table.csv", "code;valeur\nQN09901A;15\n")
        made = two.run(sortie=releases.parent).release
        kept = lines(releases)
        assert ("archivee", FIRST) in kept
        # As before the first of these moves: the journal says nothing of it, and the release is there.
        shutil.rmtree(releases / FIRST)
        (releases.parent / "archives" / FIRST).rename(releases / FIRST)
        text = (releases / journal.NAME).read_text("utf-8").splitlines(keepends=True)
        (releases / journal.NAME).write_text("".join(li for li in text if "archivee" not in li), "utf-8")
        again = two.run(sortie=releases.parent).release
    finally:
        (two.root / "publication.yml").unlink()
    assert (again.id, again.nouvelle) == (made.id, False)
    assert lines(releases) == kept
    assert (releases / FIRST / TOMBSTONE).is_file()


def test_what_a_killed_run_left_in_the_lake_goes_with_the_next_run(two: Mini, releases: Path) -> None:
    """Files and folders, among them an archive of personal data that was opened in clear beside its raw file."""
    out = releases.parent
    raw = next(p for p in (out / "raw/table").iterdir() if p.name != "livraisons")
    folder = raw / ".0123.part"
    folder.mkdir()
    (folder / "personnes.csv").write_text("en clair", "utf-8")
    left = [folder, out / "conformed/table/.unique.parquet.42.part", out / "zonages/.zonages-0.part"]
    for path in left[1:]:
        path.write_text("à moit", "utf-8")
    two.run(sortie=out)
    assert [p for p in left if p.exists()] == []
