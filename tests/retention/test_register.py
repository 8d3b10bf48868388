"""The register of processing follows from the clauses, and says what they do not."""

from __future__ import annotations

import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from factory import Mini, points_clause
from lac import personal
from promises import PERSONAL, PROMISES
from typer.testing import CliRunner

from qpv_data.clause.check import checked_clauses
from qpv_data.cli import app
from qpv_data.resources import referentials_dir
from qpv_data.retention.register import UNSAID, Record, records
from qpv_data.retention.register_pages import LABELS, html_page, json_text, markdown_page

TODAY = date(2025, 1, 15)
HOSTILE = '<script>alert("x")</script> | **gras** | [lien](x)'


def register_of(tmp_path: Path, *clauses: dict[str, Any], responsable: str | None = None) -> list[Record]:
    mini = Mini(tmp_path)
    mini.referentials()
    for clause in clauses:
        mini.declare(clause)
    return records(checked_clauses(mini.clauses, TODAY), responsable, TODAY)


def test_there_is_one_record_for_each_clause_of_personal_data_and_none_for_the_others(tmp_path: Path) -> None:
    found = register_of(tmp_path, personal("locataires"), points_clause("arrets"), personal("adherents"))
    assert [r.jeu for r in found] == ["adherents", "locataires"]


def test_every_clause_that_ships_and_says_it_is_personal_is_in_the_register_with_all_that_article_30_asks() -> None:
    for folder in ("demo/clauses", "clauses"):
        loaded = checked_clauses(referentials_dir() / folder, TODAY)
        found = records(loaded, "Métropole", TODAY)
        assert {r.jeu for r in found} == {
            c.clause.id for c in loaded.chargees if c.clause.donnees_personnelles.presentes
        }
        assert all(getattr(r, name) for r in found for name in LABELS)
    demo = records(checked_clauses(referentials_dir() / "demo/clauses", TODAY), None, TODAY)
    assert [r.manques for r in demo] == [()] * len(demo), "the demonstration says it all"


def test_what_the_clause_does_not_say_is_said_to_be_missing(tmp_path: Path) -> None:
    (record,) = register_of(tmp_path, personal())
    assert record.responsable == UNSAID
    assert record.manques == ("responsable du traitement", "catégories de personnes")
    (record,) = register_of(
        tmp_path, personal(donnees_personnelles={**PERSONAL, "personnes": ["locataires"]}), responsable="Métropole"
    )
    assert (record.responsable, record.personnes, record.manques) == ("Métropole", ("locataires",), ())


@pytest.mark.parametrize(
    ("pays", "words"), [(["FR", "IS"], "Aucun hors de l'Espace"), (["FR", "US"], "Vers des pays tiers : US")]
)
def test_a_country_out_of_the_economic_area_is_a_transfer(tmp_path: Path, pays: list[str], words: str) -> None:
    (record,) = register_of(tmp_path, personal(hebergement={**PROMISES["hebergement"], "pays": pays}))
    assert words in record.transferts


def test_identifiers_are_told_with_what_becomes_of_them(tmp_path: Path) -> None:
    (record,) = register_of(tmp_path, personal())
    assert "Identifiant direct `menage` : remplacé par un pseudonyme" in record.donnees
    assert "Fichier reçu : 100 jours" in record.conservation[0]


class Texts(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_a_partner_writes_is_text_in_every_form(tmp_path: Path) -> None:
    found = register_of(tmp_path, personal(titre=HOSTILE, producteur={"nom": HOSTILE, "categorie": "public"}))
    page = Texts(html_page(found, TODAY))
    assert "script" not in page.tags
    assert HOSTILE in page.text
    markdown = markdown_page(found, TODAY)
    assert "<script>" not in markdown.replace("\\<", "")
    cells = [line for line in markdown.splitlines() if line.startswith("| Producteur")]
    assert len(cells) == 1
    assert cells[0].replace("\\|", "").count("|") == 3
    told = json.loads(json_text(found, TODAY))
    assert told["traitements"][0]["producteur"] == HOSTILE


def test_the_command_writes_each_form(tmp_path: Path) -> None:
    mini = Mini(tmp_path / "mini")
    mini.referentials()
    mini.declare(personal())
    run, folder = CliRunner(), str(mini.clauses)
    for forme, start in (("markdown", "# Registre"), ("html", "<!doctype html>"), ("json", "{")):
        target = tmp_path / forme
        done = run.invoke(app, ["registre", "--clauses", folder, "--forme", forme, "-o", str(target)])
        assert done.exit_code == 0, done.output
        assert target.read_text("utf-8").startswith(start)
        assert "1 traitement :" in done.stderr
