"""The demonstration's site, file by file: what is published is there, what is not is nowhere."""

from __future__ import annotations

import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.exports.folder import audience_folder
from qpv_data.site.build import Built, Options, build
from qpv_data.site.writing import STATE

RELEASE = "2024-T4-r1"


@pytest.fixture(scope="module")
def release(demonstration: Path) -> Path:
    return demonstration / "releases" / RELEASE


@pytest.fixture(scope="module")
def site(demonstration: Path) -> Path:
    return demonstration / "site"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.asked.append(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> _Links:
    parser = _Links()
    parser.feed(path.read_text("utf-8"))
    return parser


def made(release: Path, out: Path, **options: object) -> Built:
    return build(audience_folder(release, "ouvert"), out, Options(**options))  # type: ignore[arg-type]


def test_every_link_inside_the_folder_leads_somewhere(site: Path) -> None:
    missing = set()
    for page in site.rglob("*.html"):
        for link in read(page).asked:
            path = link.split("#")[0].split("?")[0]
            if path and not re.match("[a-z]+:", path) and not (page.parent / path).is_file():
                missing.add((page.relative_to(site).as_posix(), link))
    assert missing == set()


def test_no_page_asks_for_anything_outside_its_folder(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:src|srcset|data)="([^"]*)"|<link[^>]*href="([^"]*)"', page.read_text("utf-8")):
            assert not re.match("(?:[a-z]+:)?//", "".join(link)), page
    for style in site.rglob("*.css"):
        assert "@import" not in style.read_text("utf-8")


def test_every_quarter_in_force_has_its_sheet(site: Path, release: Path) -> None:
    with duckdb.connect(str(release / "ouvert" / "qpv.duckdb"), read_only=True) as con:
        codes = [
            c for (c,) in con.execute("SELECT code_zone FROM zones WHERE zonage = 'qpv2024' ORDER BY 1").fetchall()
        ]
    assert sorted(p.stem for p in (site / "quartiers").glob("*.html")) == codes


def test_every_published_last_figure_is_on_its_sheet_and_hidden_ones_are_said_hidden(site: Path, release: Path) -> None:
    with duckdb.connect(str(release / "ouvert" / "qpv.duckdb"), read_only=True) as con:
        rows = con.execute(
            "SELECT code_zone, titre, valeur, statut_diffusion FROM profil WHERE zonage = 'qpv2024'"
            " AND statut_observation = 'normale' ORDER BY ALL"
        ).fetchall()
    pages = {code: (site / "quartiers" / f"{code}.html").read_text("utf-8") for code, *_ in rows}
    shown = hidden = 0
    for code, title, value, state in rows:
        page = pages[code]
        assert html.escape(title, quote=True).replace("&#x27;", "&#39;") in page.replace("\u202f", " ")
        if state == "diffusee":
            shown += 1
            assert f'<data value="{value}">' in page, (code, title)
        else:
            hidden += 1
            assert 'class="absent cachee"' in page
    assert shown > 150
    assert hidden > 0


def test_a_sheet_and_the_territory_keep_their_weight(site: Path) -> None:
    assert max(p.stat().st_size for p in (site / "quartiers").glob("*.html")) < 300_000
    asked = [link for link in read(site / "index.html").asked if link.startswith(("ressources/", "donnees/"))]
    assert sum((site / link).stat().st_size for link in {"index.html", *asked}) < 1_500_000


def test_twice_gives_the_same_bytes_and_writes_nothing(release: Path, tmp_path: Path) -> None:
    first = made(release, tmp_path / "a")
    before = files(tmp_path / "a")
    again = made(release, tmp_path / "a")
    elsewhere = made(release, tmp_path / "b")
    assert files(tmp_path / "a") == before == files(tmp_path / "b")
    assert (first.gardees, again.ecrites, elsewhere.ecrites) == (0, 0, first.ecrites)


def test_files_do_not_depend_on_how_many_processes_write_them(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(release, tmp_path / "a")
    monkeypatch.setattr("qpv_data.site.side_by_side.FEW", 2)
    monkeypatch.setenv("QPV_DATA_COEURS", "2")
    made(release, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_page_that_is_no_longer_made_is_taken_away_and_no_other_file_is(release: Path, tmp_path: Path) -> None:
    made(release, tmp_path / "site")
    (tmp_path / "site" / "quartiers" / "QN00000X.html").write_text("d'une autre fois", "utf-8")
    (tmp_path / "site" / "notes.txt").write_text("à nous", "utf-8")
    kept = made(release, tmp_path / "site", territoire="CV99-02")
    assert kept.quartiers < 12
    assert len(list((tmp_path / "site" / "quartiers").glob("*.html"))) == kept.quartiers
    assert (tmp_path / "site" / "notes.txt").read_text("utf-8") == "à nous"


def test_a_site_that_was_killed_midway_is_made_again(release: Path, tmp_path: Path) -> None:
    made(release, tmp_path / "whole")
    made(release, tmp_path / "cut")
    (tmp_path / "cut" / STATE).write_text('{"index.html', "utf-8")
    (tmp_path / "cut" / "index.html").write_text("<!doctype html><ht", "utf-8")
    made(release, tmp_path / "cut")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_folder_that_holds_something_else_is_left_alone(release: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("celui de la mairie", "utf-8")
    done = CliRunner().invoke(app, ["site", str(release), "--out", str(tmp_path / "site")])
    assert done.exit_code == 4
    assert "donner un dossier vide" in done.output
    assert files(tmp_path / "site") == {"index.html": b"celui de la mairie"}


def test_a_territory_without_quarters_is_refused_with_those_that_have_some(release: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["site", str(release), "--out", str(tmp_path / "s"), "--territoire", "nulle part"])
    assert done.exit_code == 4
    assert "reference_inconnue" in done.output
    assert "CV99-01" in done.output
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("audience", ["interne", "partenaires"])
def test_pages_that_are_not_for_all_say_so_and_are_not_open_to_the_world(
    release: Path, tmp_path: Path, audience: str
) -> None:
    build(audience_folder(release, audience), tmp_path / "site", Options(telechargements=False))
    for page in (tmp_path / "site").rglob("*.html"):
        assert "Ne pas diffuser au-delà" in page.read_text("utf-8")
    assert (tmp_path / "site").stat().st_mode & 0o007 == 0


def test_events_that_people_wrote_stand_on_their_quarter_s_sheet(release: Path, tmp_path: Path) -> None:
    events = tmp_path / "evenements.csv"
    events.write_text(
        "code_zone;date;type;titre;source\nQN09902M;2024-05-17;demolition;Tour <b>A</b> & B;Bailleur\n"
        "QN09902M;2024-02;travaux;Place refaite;\n", "utf-8",
    )  # fmt: skip
    made(release, tmp_path / "site", evenements=events)
    page = (tmp_path / "site" / "quartiers" / "QN09902M.html").read_text("utf-8")
    assert page.index("février 2024") < page.index("17 mai 2024")
    assert "Tour &lt;b&gt;A&lt;/b&gt; &amp; B" in page
    assert "Place refaite" not in (tmp_path / "site" / "quartiers" / "QN09903M.html").read_text("utf-8")


def test_every_fault_of_the_events_is_told_by_line_and_nothing_is_written(release: Path, tmp_path: Path) -> None:
    events = tmp_path / "evenements.csv"
    events.write_text(
        "code_zone;date;type;titre;source\nQN00000X;2024;travaux;a;\nQN09902M;2024-13;travaux;a;\n"
        "QN09902M;2024;fête;a;\nQN09902M;2024;travaux;;\n", "utf-8",
    )  # fmt: skip
    done = CliRunner().invoke(app, ["site", str(release), "--out", str(tmp_path / "s"), "--evenements", str(events)])
    assert done.exit_code == 4
    for line, words in ((2, "quartier inconnu"), (3, "date illisible"), (4, "type inconnu"), (5, "un titre")):
        assert f"ligne {line} : {words}" in done.output.replace("\n", " ")
    assert not (tmp_path / "s").exists()


def test_the_csv_of_an_indicator_has_every_value_of_the_quarters(site: Path, release: Path) -> None:
    with duckdb.connect(str(release / "ouvert" / "qpv.duckdb"), read_only=True) as con:
        (expected,) = con.execute(
            "SELECT count(*) FROM valeurs WHERE zonage = 'qpv2024' AND indicateur = 'demo_etablissements_actifs'"
        ).fetchone() or (0,)
    lines = (site / "donnees" / "csv" / "demo_etablissements_actifs.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == expected + 1
    assert sum("cachée : secret" in line for line in lines) > 0


def test_data_in_scripts_cannot_end_them(site: Path) -> None:
    for script in (site / "donnees").rglob("*.js"):
        text = script.read_text("utf-8")
        assert "<" not in text
        json.loads(re.fullmatch(r"QPV\w*\.\w+\((.*)\);\n", text, re.DOTALL)[1])  # type: ignore[index]


def test_the_demonstration_ends_with_the_address_of_its_site(demonstration: Path) -> None:
    said = (demonstration / "terminal.txt").read_text("utf-8")
    assert (demonstration / "site" / "index.html").as_uri() in said.replace("\n", "")


def test_a_copy_of_the_folder_is_the_site(site: Path, tmp_path: Path) -> None:
    """Nothing in it says where it was made."""
    shutil.copytree(site, tmp_path / "copie")
    assert not [name for name, content in files(site).items() if str(site).encode() in content]
