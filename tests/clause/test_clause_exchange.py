"""A clause and the world: drafts from samples, other standards, the page and the annex that people read."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from factory import clause_of, points_clause
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from qpv_data.clause.annex import annex_page
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.draft import draft_text, missing_promises
from qpv_data.clause.frictionless import to_table_schema
from qpv_data.clause.load import LoadedClause, load_clauses, read_clause
from qpv_data.clause.odcs import from_odcs, identifier, to_odcs
from qpv_data.clause.sample import read_sample
from qpv_data.clause.sections import sections
from qpv_data.cli import app
from qpv_data.problems import FeedError, Problem
from qpv_data.resources import referentials_dir


@cache
def shipped() -> tuple[LoadedClause, ...]:
    """Read, and not checked: every worker asks when it collects, and other tests hold that they are sound."""
    roots = (referentials_dir() / "demo" / "clauses", referentials_dir() / "clauses")
    return tuple(c for root in roots for c in load_clauses(root).chargees)


def every(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(name, [c.clause for c in shipped()], ids=lambda c: c.id)


# --- other standards ---------------------------------------------------------------------------------------


@cache
def odcs_validator() -> Any:
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
    assert "v3.1.0" in schema["properties"]["apiVersion"]["enum"]
    return jsonschema.validators.validator_for(schema)(schema)


@every("clause")
def test_an_exported_clause_is_a_valid_odcs_contract_and_comes_back_whole(clause: Any) -> None:
    document = to_odcs(clause)
    assert [f"{e.json_path}: {e.message}" for e in odcs_validator().iter_errors(document)] == []
    again = from_odcs(yaml.safe_load(yaml.safe_dump(document, allow_unicode=True)))
    assert type(clause).model_validate(json.loads(json.dumps(again))) == clause


def test_a_contract_of_someone_else_gives_what_it_says_and_invents_nothing() -> None:
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "Éclairage-2025", "version": "2.1.0", "status": "active",
        "name": "Points lumineux", "price": {"priceAmount": 0, "priceCurrency": "EUR"},
        "slaProperties": [{"property": "frequency", "value": 3, "unit": "m"}],
        "schema": [{"name": "points", "properties": [
            {"name": "ID point", "logicalType": "string", "primaryKey": True, "required": True},
            {"name": "puissance", "logicalType": "number", "logicalTypeOptions": {"minimum": 0}},
            {"name": "pose", "logicalType": "timestamp"},
        ]}],
    }  # fmt: skip
    assert list(odcs_validator().iter_errors(document)) == []
    known = from_odcs(document)
    assert known == {
        "id": "eclairage_2025", "version": "2.1.0", "nature": "jeu", "titre": "Points lumineux",
        "cout": {"montant_eur_par_an": 0}, "periodicite": "trimestrielle", "cle": {"colonnes": ["id_point"]},
        "colonnes": [
            {"nom": "id_point", "source": "ID point", "type": "texte", "obligatoire": True},
            {"nom": "puissance", "source": "puissance", "type": "nombre", "minimum": 0},
            {"nom": "pose", "source": "pose", "type": "date"},
        ],
    }  # fmt: skip
    assert {"licence", "finalites", "secret", "donnees_personnelles"} <= set(missing_promises(known))


def test_what_is_no_contract_is_refused() -> None:
    with pytest.raises(ValueError, match="ODCS"):
        from_odcs({"kind": "Autre"})


@every("clause")
def test_a_table_schema_names_the_fields_of_the_file_and_its_key(clause: Any) -> None:
    schema = to_table_schema(clause)
    names = [f["name"] for f in schema["fields"]]
    received = [c for c in clause.colonnes if c.calcul is None]
    assert names == [c.source[0] for c in received]
    assert set(schema["primaryKey"]) <= set(names)
    for field, column in zip(schema["fields"], received, strict=True):
        changed = column.transformation or column.recodage or column.masques or column.completer
        assert (field["type"] == "string") if changed else True
    json.dumps(schema)


@given(st.text(max_size=80))
def test_an_identifier_is_one_that_a_clause_accepts(text: str) -> None:
    import re

    assert not (name := identifier(text)) or re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name)


# --- drafts ------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "code_insee": st.from_regex(r"0[0-9]{4}", fullmatch=True),
            "jour": st.dates(date(1901, 1, 1), date(2099, 12, 31)).map(lambda d: d.strftime("%d/%m/%Y")),
            "montant": st.floats(0, 1e6).map(lambda v: f"{v:.2f}".replace(".", ",")),
            "effectif": st.integers(10, 10**6).map(str),
            "libellé": st.text(st.characters(codec="cp1252", exclude_characters="\r\n\0"), min_size=1).map(
                lambda t: f"a{t}"
            ),
        }
    ),
    min_size=3,
    max_size=30,
)


@given(ROWS, st.sampled_from([";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
def test_a_sample_tells_its_own_shape_and_a_code_stays_a_text(
    rows: list[dict[str, str]], separator: str, encoding: str
) -> None:
    import tempfile

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "essai.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        known = read_sample(path, "essai").connu
    assert known["format"]["separateur"] == separator
    assert known["format"]["decimale"] == ","
    text.getvalue().encode(encoding).decode(known["format"]["encodage"])
    kinds = {c["nom"]: c["type"] for c in known["colonnes"]}
    assert kinds["code_insee"] == "texte"
    assert (kinds["jour"], kinds["montant"]) == ("date", "nombre")
    assert kinds["effectif"] == "entier"
    assert not {"licence", "finalites", "secret", "donnees_personnelles", "diffusion"} & set(known)


SAMPLE = """ref;jour;lon;lat;heures
A1;02/03/2024;1,44;43,60;2,5
A2;04/03/2024;1,45;43,61;3,0
A2;04/03/2024;1,45;43,61;3,0
"""


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["clause", *map(str, arguments)])


def test_a_draft_lists_what_to_write_and_check_asks_for_each_of_it(tmp_path: Path) -> None:
    (tmp_path / "ateliers.csv").write_text(SAMPLE * 1, "utf-8")
    done = command("new", tmp_path / "ateliers.csv", "-o", tmp_path / "ateliers.yml")
    assert done.exit_code == 0, done.stderr
    assert "localisation.crs" in done.stdout
    clause, faults = read_clause(tmp_path / "ateliers.yml")
    assert clause is None
    asked = {v.message.split(" : ")[0] for v in faults}
    draft = yaml.safe_load((tmp_path / "ateliers.yml").read_text("utf-8"))
    assert asked - {"cle.doublons"} == set(missing_promises(draft))
    assert draft["localisation"] == {"mode": "point", "x": "lon", "y": "lat", "crs": "EPSG:4326"}
    assert "localisation.crs" in draft["a_confirmer"]
    again = command("new", tmp_path / "ateliers.csv", "-o", tmp_path / "ateliers.yml")
    assert again.exit_code == 2


def test_a_draft_completed_by_hand_is_a_clause_whose_guesses_check_recalls(tmp_path: Path) -> None:
    (tmp_path / "ateliers.csv").write_text(SAMPLE, "utf-8")
    sample = read_sample(tmp_path / "ateliers.csv", "ateliers")
    rest = {k: v for k, v in points_clause("ateliers").items() if k not in sample.connu}
    rest |= {
        "cle": {"colonnes": ["ref"], "doublons": "premier"},
        "source": {"url": "https://x.example/a-{periode}.csv"},
    }
    rest["indicateurs"] = [{**rest["indicateurs"][0], "id": "ateliers_n"}]
    text = draft_text({**sample.connu, **rest}, [g.cle for g in sample.devine])
    (tmp_path / "clauses").mkdir()
    (tmp_path / "clauses" / "ateliers.yml").write_text(text, "utf-8")
    from qpv_data.clause.check import unconfirmed

    clauses = checked_clauses(tmp_path / "clauses")
    assert {v.message.split(" : ")[1].split(" ")[0] for v in unconfirmed(clauses)} == {g.cle for g in sample.devine}


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(FeedError) as refused:
        read_sample(tmp_path / "x", "x")
    assert refused.value.probleme is Problem.FORMAT_INATTENDU


# --- pages -------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {a for a, _ in attrs} & {"src", "href"}
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_annex_says_every_promise_and_runs_no_markup() -> None:
    evil = "<script>alert(1)</script>"
    clause = clause_of(points_clause(titre=f"Titre {evil}", licence=f"Licence {evil}"))
    page = Tags()
    page.feed(annex_page(clause))
    assert "script" not in page.tags
    for part in sections(clause):
        assert part.titre in page.text
        for name, text in part.lignes:
            assert name in page.text
            assert text in page.text


def test_the_two_principles_have_their_own_preamble_and_a_project_says_it_is_one() -> None:
    public = annex_page(clause_of(points_clause()))
    private = annex_page(clause_of(points_clause(principe="donnees_interet_general", a_confirmer=["source.url"])))
    assert "données publiques se lisent" in public
    assert "Projet" not in public
    assert "acteurs privés" in private
    assert "pas prête à signer" in private


def test_the_command_shows_a_clause_and_names_the_nearest_when_there_is_none() -> None:
    clauses = referentials_dir() / "demo" / "clauses"
    shown = command("show", "demo_mutuelle", "--clauses", clauses)
    assert "Délégué à la protection" in shown.stdout
    lost = command("show", "demo_mutuele", "--clauses", clauses)
    assert (lost.exit_code, "demo_mutuelle" in lost.stderr) == (2, True)
