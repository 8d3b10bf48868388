"""« Mon adresse » in the site of the demonstration: with an extract and without, and what whoever builds it is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from semis_adresses import given, node, row, text
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.demo.voies import CHEMIN, VOIES, extract
from qpv_data.exports.folder import audience_folder
from qpv_data.site.build import Built, Options, build
from qpv_data.site.writing import SiteError

OFFICIEL = "https://sig.ville.gouv.fr/"


@pytest.fixture(scope="module")
def publication(demonstration: Path) -> Path:
    """The demonstration's release."""
    return demonstration / "releases" / "2024-T4-r1"


@pytest.fixture(scope="module")
def fait(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    """Its site with the streets of the territory."""
    work = tmp_path_factory.mktemp("page")
    return site_of(publication, work, given(work, extract()))


def site_of(publication: Path, work: Path, *extracts: Path) -> tuple[Path, Built]:
    out = work / "site"
    return out, build(audience_folder(publication, "ouvert"), out, Options(adresses=extracts))


def scripts(out: Path) -> dict[str, Any]:
    """Path → what each script of addresses gives its call."""
    found = {}
    for path in sorted((out / "donnees" / "adresses").glob("*.js")):
        call = re.fullmatch(r"QPVAdresses\.\w+\((.*)\);\n", path.read_text("utf-8"), re.S)
        assert call, path
        found[path.stem] = json.loads(call[1])
    return found


def test_the_demonstration_has_its_streets(demonstration: Path) -> None:
    assert (demonstration / "territoire" / CHEMIN).read_bytes() == extract()


def test_every_row_is_counted_and_each_commune_has_its_file(fait: tuple[Path, Built]) -> None:
    out, built = fait
    counts = built.adresses
    assert counts is not None
    assert counts.lues == counts.adresses + counts.doubles + counts.hors
    assert (counts.lues, counts.hors) == (extract().count(b"\n") - 1, 6)
    found = scripts(out)
    index = found.pop("index")
    found.pop("perimetres")
    assert [c[0] for c in index["communes"]] == sorted(found)
    assert sum(c[2] for c in index["communes"]) == counts.adresses
    assert "99008" not in found  # no quarter touches it


def test_the_page_answers_as_the_readers_will_see_it(fait: tuple[Path, Built]) -> None:
    found = scripts(fait[0])
    data = {"index": found.pop("index"), "fichiers": found}
    found.pop("perimetres")
    answer = node('return chercher("12 rue des brouillards, brumeval")[0][5];', data)
    zones = data["index"]["zones"]
    assert [zones[answer[0]][:2], zones[answer[2]][:2]] == [["QN09905M", "L'Étourdie Est"],
                                                           ["QP099005", "La Grande Étourdie"]]  # fmt: skip
    assert answer[4] == 0


def test_sheets_that_are_linked_exist_and_only_they_are(fait: tuple[Path, Built]) -> None:
    out, _ = fait
    zones = scripts(out)["index"]["zones"]
    for code, _nom, generation, fichier in zones:
        assert bool(fichier) == (out / "quartiers" / f"{code}.html").is_file() == (generation == 0)
    for page in (out / "rues").glob("*.html"):
        for link in re.findall(r'href="([^"#]+)"', page.read_text("utf-8")):
            own = link.startswith(("http", "../comparer", "../signaux", "../partenariat", "../donnees"))
            assert own or (page.parent / link).resolve().is_file(), link


def test_nothing_is_asked_outside_the_folder(fait: tuple[Path, Built]) -> None:
    out, _ = fait
    for page in (out / "adresse.html", *(out / "rues").glob("*.html")):
        source = page.read_text("utf-8")
        assert not re.findall(r'(?:src|srcset|action)="(?:https?:)?//', source)
        assert set(re.findall(r'https?://[^"<\s]+', source)) == {OFFICIEL}
        for path in re.findall(r'(?:src|<link rel="(?:stylesheet|icon)" href)="([^"]+)"', source):
            assert (page.parent / path).resolve().is_file(), path


def test_the_law_is_told_with_the_answer(fait: tuple[Path, Built]) -> None:
    page = (fait[0] / "adresse.html").read_text("utf-8")
    for words in ("Seul le service officiel décide", OFFICIEL, "deux côtés d'une rue qui borde un quartier",
                  "À moins de 10 m d'une limite", "à vérifier", "300 ou 500 m"):  # fmt: skip
        assert words in page


def test_without_javascript_streets_are_read_by_quarter(fait: tuple[Path, Built]) -> None:
    out, _ = fait
    assert 'href="rues/99003.html"' in (out / "adresse.html").read_text("utf-8")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (out / "rues" / "99003.html").read_text("utf-8")))
    assert "Périmètres de 2024" in page
    assert "Impasse du Nœud : toute la voie" in page
    assert re.search(r"Rue des Brouillards : n° 11 à 24, 12 bis, 12 ter ; à vérifier n° 25", page)
    assert "hors de tout quartier" in page


def test_a_street_named_as_markup_is_a_text_everywhere(fait: tuple[Path, Built]) -> None:
    out, _ = fait
    assert any("<b>" in v.nom for v in VOIES)
    for path in (*(out / "donnees" / "adresses").glob("*.js"), *(out / "rues").glob("*.html")):
        assert "<b>Sans" not in path.read_text("utf-8")
    assert "&lt;b&gt;Sans-Balise&lt;/b&gt;" in (out / "rues" / "99005.html").read_text("utf-8")
    assert any(v[0] == "Allée <b>Sans-Balise</b>" for v in scripts(out)["99005"]["voies"])


def test_made_again_nothing_is_written_and_without_addresses_they_go(publication: Path, tmp_path: Path) -> None:
    path = given(tmp_path, extract())
    out, _ = site_of(publication, tmp_path, path)
    before = {p: p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    again = site_of(publication, tmp_path, path)[1]
    assert again.ecrites == again.otees == 0
    assert {p: p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()} == before
    assert site_of(publication, tmp_path)[1].otees == 14
    assert not list(out.glob("rues/*")) + list(out.glob("donnees/adresses/99*"))
    page = (out / "adresse.html").read_text("utf-8")
    assert "fait sans fichier d'adresses" in page
    assert 'id="carte-adresse"' in page
    assert '<form id="recherche"' not in page


def test_outlines_of_the_map_are_those_of_the_quarters_of_each_generation(fait: tuple[Path, Built]) -> None:
    found = scripts(fait[0])
    assert len(found["perimetres"]) == len(found["index"]["zones"]) == 24
    assert all(found["perimetres"])
    outlines = (fait[0] / "donnees" / "perimetres.js").read_text("utf-8")
    communes = json.loads(outlines[len("QPV.perimetres(") : -3])["communes"]
    assert all(len(c) == 3 and c[2] for c in communes)  # read by ressources/adresse.js


def test_whoever_builds_is_told_what_became_of_the_rows(publication: Path, tmp_path: Path) -> None:
    rows = [row(n) for n in range(1, 6)]
    rows += [row(1, type_position="segment"), row("x"), row(8, lon=""), row(9, code_insee="01001")]
    path = given(tmp_path, text(rows))
    command = ["site", str(publication), "--out", str(tmp_path / "site"), "--adresses", str(path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert (
        "5 adresses placées, de 9 lignes lues : 1 autre position des mêmes adresses, 2 rejetées, 1 ligne" in done.output
    )
    assert "1 ligne sans numéro lisible (numero_illisible)" in done.output
    assert "1 ligne sans position (position_absente)" in done.output


def test_a_file_that_is_not_the_bans_stops_the_site_in_words(publication: Path, tmp_path: Path) -> None:
    path = given(tmp_path, b"nom;adresse\nDupont;1 rue X\n", "partenaire.csv")
    with pytest.raises(SiteError, match=r"partenaire\.csv n'a pas les 23 champs"):
        site_of(publication, tmp_path, path)
