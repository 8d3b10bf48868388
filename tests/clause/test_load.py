"""Clauses are read whole or refused, with every fault of every file, each at its line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.clause.load import LoadedClause, _Loader, load_clauses, read_clause
from qpv_data.clause.model import ClauseJeu, ClauseZonage
from qpv_data.clause.schema import json_schema, json_text
from qpv_data.problems import InvalidDeclarationError, Problem, Violation
from qpv_data.resources import referentials_dir

SHIPPED = sorted(p for p in referentials_dir().rglob("clauses/**/*.yml"))
MODEL = (referentials_dir() / "demo/clauses/jeux/etablissements.yml").read_text("utf-8")
PERIMETERS = (referentials_dir() / "demo/clauses/zonages/qpv2024.yml").read_text("utf-8")
Reader = Callable[[str], list[Violation]]


@pytest.fixture
def faults(tmp_path: Path) -> Reader:
    """The violations of a clause written so."""

    def read(text: str) -> list[Violation]:
        path = tmp_path / "essai.yml"
        path.write_text(text, "utf-8")
        loaded, found = read_clause(path)
        assert (loaded is None) == bool(found), "a clause or its faults, never both nor neither"
        return found

    return read


def changed(old: str, new: str, text: str = MODEL) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def line_of(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start))


def the_only(found: list[Violation]) -> Violation:
    assert len(found) == 1, [str(v) for v in found]
    return found[0]


# --- what is accepted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_clause_is_read(path: Path) -> None:
    loaded, found = read_clause(path)
    assert [str(v) for v in found] == []
    assert isinstance(loaded, LoadedClause)


def test_a_set_is_sorted_by_id_and_split_by_nature() -> None:
    clauses = load_clauses(referentials_dir() / "demo" / "clauses")
    ids = [c.clause.id for c in clauses.chargees]
    assert ids == sorted(ids)
    assert all(isinstance(c, ClauseJeu) for c in clauses.jeux)
    assert all(isinstance(c, ClauseZonage) for c in clauses.zonages)
    assert len(clauses.jeux) + len(clauses.zonages) == len(ids)
    assert {i.id for c in clauses.jeux for i in c.indicateurs} == {i.id for _, i in clauses.indicateurs()}


def test_a_violation_stands_at_the_line_of_its_key_or_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(MODEL, "utf-8")
    loaded, _ = read_clause(path)
    assert loaded is not None
    at = loaded.violation(("source", "url"), Problem.A_CONFIRMER, "", "")
    assert at.ligne == line_of(MODEL, "url:")
    assert loaded.violation(("source", "inconnue", 3), Problem.A_CONFIRMER, "", "").ligne == line_of(MODEL, "source:")
    assert loaded.violation(("rien",), Problem.A_CONFIRMER, "", "").ligne == 1


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"\xef\xbb\xbf" + MODEL.encode())
    assert read_clause(path)[1] == []


# --- what is refused ---------------------------------------------------------------------------------------


def test_an_empty_clause_gets_every_missing_key_at_once(faults: Reader) -> None:
    found = faults("")
    missing = {v.message.split(" : ")[0] for v in found}
    assert {v.probleme for v in found} == {Problem.CLE_MANQUANTE}
    assert missing >= {"nature", "id", "version", "titre", "theme", "principe", "producteur", "destinataires", "finalites",
                       "diffusion", "partage", "base_legale", "licence", "propriete_intellectuelle", "cout", "duree",
                       "granularite", "transfert", "hebergement", "destruction", "securite", "gouvernance",
                       "donnees_personnelles", "couverture", "periodicite", "echeance_jours", "source",
                       "format", "colonnes", "cle", "controles", "periode", "localisation", "secret", "indicateurs"}  # fmt: skip
    assert all(v.fichier.endswith("essai.yml") and v.ligne == 1 for v in found)
    assert all(v.remede.startswith("le contrat attend : ") for v in found if not v.message.startswith("nature"))


def test_a_referential_without_nature_is_held_to_the_keys_of_a_referential(faults: Reader) -> None:
    found = faults("zonage: {id: qpv2030}\n")
    messages = {v.message.split(" : ")[0] for v in found}
    assert messages >= {"nature", "id", "zonage.famille", "zonage.en_vigueur"}
    assert "indicateurs" not in messages


@pytest.mark.parametrize("key", [k for k in yaml.safe_load(MODEL) if k != "exemples"])
def test_nothing_has_a_default(key: str, faults: Reader) -> None:
    body = yaml.load(MODEL, _Loader)
    del body[key]
    fault = the_only(faults(yaml.safe_dump(body, allow_unicode=True)))
    assert fault.probleme is Problem.CLE_MANQUANTE
    assert fault.message.startswith(f"{key} : ")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("licence:", "licnce:", "licnce"),
        ("  nom: Ville", "  nomm: Ville", "producteur.nomm"),
        ("  colonne_epsg:", "  colone_epsg:", "localisation.colone_epsg"),
        ("    decimales: 0", "    decimale: 0", "indicateurs.0.decimale"),
    ],
)
def test_a_misspelt_key_is_unknown_at_its_line(old: str, new: str, name: str, faults: Reader) -> None:
    text = changed(old, new)
    unknown = the_only([v for v in faults(text) if v.probleme is Problem.CLE_INCONNUE])
    assert unknown.message == f"{name} : clé inconnue"
    assert unknown.ligne == line_of(text, new.strip())


def test_a_referential_has_its_faults_under_their_own_names(faults: Reader) -> None:
    assert the_only(faults(changed('  millesime: "2024"\n', "", PERIMETERS))).message.startswith("zonage.millesime : ")
    text = changed("  famille: qpv", "  famille: qvp", PERIMETERS)
    fault = the_only(faults(text))
    assert (fault.ligne, fault.message) == (line_of(text, "famille:"), "zonage.famille : valeur hors de la liste")
    assert "'qpv'" in fault.remede


@pytest.mark.parametrize(
    ("old", "new", "name", "word"),
    [
        ('siren: "219900001"', "siren: 219900001", "producteur.siren", "guillemets"),
        ('departements: ["99"]', "departements: [01]", "couverture.departements.0", "guillemets"),
        ('departements: ["99"]', "departements: [31]", "couverture.departements.0", "guillemets"),
        ('departements: ["99"]', "communes: [31555]", "couverture.communes.0", "guillemets"),
        ('version: "1.0"', "version: 1.0", "version", "guillemets"),
        ("valeurs: [A, F]", "valeurs: [A, no]", "colonnes.3.valeurs.1", "guillemets"),
        ("  debut: 2024-T1", "  debut: 2024", "periode.debut", "guillemets"),
    ],
)
def test_an_unquoted_code_says_to_quote_it(old: str, new: str, name: str, word: str, faults: Reader) -> None:
    text = changed(old, new)
    fault = the_only([v for v in faults(text) if v.message.startswith(name)])
    assert fault.message == f"{name} : un texte est attendu"
    assert word in fault.remede
    assert fault.ligne == next(
        n for n, (a, b) in enumerate(zip(text.splitlines(), MODEL.splitlines(), strict=True), 1) if a != b
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("diffusion: ouvert", "diffusion: public", "diffusion : valeur hors de la liste"),
        ("echeance_jours: 30", "echeance_jours: -1", "echeance_jours : valeur trop petite"),
        ("echeance_jours: 30", "echeance_jours: trente", "echeance_jours : un entier est attendu"),
        ("echeance_jours: 30", "echeance_jours: 30.5", "echeance_jours : un entier est attendu"),
        ("  presentes: false", "  presentes: peut-être", "donnees_personnelles.presentes : un booléen est attendu"),
        ("finalites:\n  tissu_economique: \"Suivre le tissu économique des quartiers prioritaires, trimestre par trimestre\"\n"
         "  commerces_proximite: Mesurer la diversité des activités de proximité", "finalites: {}",
         "finalites : au moins un élément est attendu"),
        ("  label: {sans_objet: donnée ouverte}", "  label: {sans_objet: ''}", "gouvernance.label.sans_objet : texte vide"),
        ("  label: {sans_objet: donnée ouverte}", "  label: []", "gouvernance.label : un texte est attendu"),
        ("  reidentification: interdite", "  reidentification: permise", "partage.reidentification : valeur hors"),
        ("  debut: 2024-01-01", "  debut: 2024-13-01", "duree.debut : une date est attendue"),
        ("  seuil: 3", "  seuil: 1", "secret.seuil : valeur trop petite"),
        ("  rejets_max: 0.1", "  rejets_max: 2", "controles.rejets_max : valeur trop grande"),
        ("  mode: point", "  mode: zone", "localisation : valeur inconnue"),
        ("  mode: point\n", "", "localisation : discriminant absent"),
        ("nature: jeu", "nature: flux", "nature : valeur inconnue"),
        ("  colonne_epsg: epsg", "  crs: EPSG:9999", "localisation.crs : système de coordonnées inconnu : EPSG:9999"),
        ("  colonne_epsg: epsg", "  crs: EPSG:5720", "localisation.crs : système de coordonnées inconnu : EPSG:5720"),
        ("  colonne_epsg: epsg", "  crs: L93", "localisation.crs : forme inattendue"),
        ("  encodage: utf-8", "  encodage: utf-88", "format : encodage inconnu : utf-88"),
        ('  separateur: ";"', '  separateur: "\\""', "format : `separateur` et `guillemet` diffèrent"),
        ("titre: Établissements géolocalisés de l'agglomération fictive", "titre: ' '", "titre : texte vide"),
        ("producteur:\n  nom: Ville de Valmorte-sur-Brume\n  categorie: public\n  siren: \"219900001\"",
         "producteur: Ville", "producteur : des clés sont attendues"),
        ("obligatoire: true, valeurs: [A, F]", "minimum: 0, valeurs: [A, F]",
         "colonnes.3 : `minimum` et `maximum` sont pour les colonnes"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_french_with_a_remedy(old: str, new: str, message: str, faults: Reader) -> None:
    found = faults(changed(old, new))
    assert any(v.message.startswith(message) for v in found), [str(v) for v in found]
    for v in found:
        assert not set(f"{v.message} {v.remede}".split()) & {"Input", "should", "be", "valid", "or", "a"}
        assert not re.search(r"{[a-z]", v.remede), "every slot of the remedy is filled"


@pytest.mark.parametrize("form", ["%d/%m", "%Q", "jj/mm/aaaa", "%", ""])
def test_a_date_format_without_a_year_or_that_means_nothing_is_refused(form: str, faults: Reader) -> None:
    found = faults(
        changed("{nom: x, source: x, type: nombre}", f"{{nom: x, source: x, type: date, format_date: '{form}'}}")
    )
    assert the_only(found).message.startswith("colonnes.6.format_date : format de date inattendu")


def test_a_key_written_twice_is_said_once_at_its_second_line(faults: Reader) -> None:
    text = MODEL + "source:\n  url: https://autre.example/a.csv\n"
    fault = the_only(faults(text))
    assert (fault.probleme, fault.ligne) == (Problem.DOUBLON, len(MODEL.splitlines()) + 1)
    assert fault.message == "clé écrite deux fois : source"


def test_a_repeated_key_deep_inside_is_said_by_its_path(faults: Reader) -> None:
    fault = the_only(faults(changed("  categorie: public", "  categorie: public\n  categorie: bailleur")))
    assert fault.message == "clé écrite deux fois : producteur.categorie"


def test_aliases_are_refused_with_their_line(faults: Reader) -> None:
    text = changed("titre: Établissements", "titre: &t Établissements") + "reprise: *t\n"
    fault = the_only(faults(text))
    assert fault.probleme is Problem.YAML_ILLISIBLE
    assert f"ligne {len(MODEL.splitlines()) + 1}" in fault.message


def test_aliases_that_grow_are_refused_before_they_do(faults: Reader) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    assert the_only(faults(bomb)).probleme is Problem.YAML_ILLISIBLE


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: b: c", "\t", "{", "- 1\n- 2", "texte", "3", "a: !!python/object:os.system x", "[" * 5000, "? [a]\n: b",
     "--- a\n--- b\n", "a: \"\\ud800\"", "{" * 3000 + "}" * 3000],
)  # fmt: skip
def test_what_is_not_a_clause_at_all_is_a_fault_and_never_a_crash(text: str, faults: Reader) -> None:
    assert faults(text)


def test_unreadable_files_are_faults(tmp_path: Path) -> None:
    (tmp_path / "dossier.yml").mkdir()
    (tmp_path / "lien.yml").symlink_to(tmp_path / "absent")
    (tmp_path / "latin.yml").write_bytes("titre: \xe9té".encode("latin-1"))
    (tmp_path / "gros.yml").write_bytes(b"#" * 2_000_001)
    with pytest.raises(InvalidDeclarationError) as caught:
        load_clauses(tmp_path)
    assert [Path(v.fichier).name for v in caught.value.violations] == [
        "dossier.yml", "gros.yml", "latin.yml", "lien.yml",
    ]  # fmt: skip
    assert {v.probleme for v in caught.value.violations} == {Problem.YAML_ILLISIBLE}


def test_the_faults_of_all_files_are_listed_together_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "sous").mkdir()
    (tmp_path / "b.yml").write_text(changed("licence:", "licnce:").replace("seuil: 3", "seuil: 1"), "utf-8")
    (tmp_path / "sous/a.yaml").write_text("", "utf-8")
    (tmp_path / "bon.yml").write_text(MODEL, "utf-8")
    with pytest.raises(InvalidDeclarationError) as caught:
        load_clauses(tmp_path)
    found = caught.value.violations
    assert found == sorted(found)
    assert {Path(v.fichier).name for v in found} == {"a.yaml", "b.yml"}
    assert len([v for v in found if v.fichier.endswith("b.yml")]) == 3
    assert str(caught.value).count("\n") == len(found) - 1


@pytest.mark.parametrize("folder", ["absent", "vide"])
def test_a_folder_without_clauses_is_said_so(folder: str, tmp_path: Path) -> None:
    (tmp_path / "vide").mkdir()
    with pytest.raises(InvalidDeclarationError, match="clause"):
        load_clauses(tmp_path / folder)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=trees)
def test_anything_in_place_of_any_key_is_a_clause_or_faults_with_lines(
    data: st.DataObject, value: Any, faults: Reader
) -> None:
    body = yaml.load(MODEL, _Loader)
    place, key = body, data.draw(st.sampled_from(sorted(body)))
    while isinstance(place[key], dict) and data.draw(st.booleans()):
        place, key = place[key], data.draw(st.sampled_from(sorted(place[key])))
    place[key] = value
    text = yaml.safe_dump(body, allow_unicode=True)
    for fault in faults(text):
        assert 1 <= fault.ligne <= len(text.splitlines()) + 1
        assert fault.message
        assert fault.remede


# --- the schema for editors --------------------------------------------------------------------------------


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = (referentials_dir() / "clause.schema.json").read_text("utf-8")
    assert committed == json_text(), "python -m qpv_data.clause.schema > referentiels/clause.schema.json"
    assert committed == json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def test_the_schema_is_written_by_its_command() -> None:
    done = subprocess.run([sys.executable, "-m", "qpv_data.clause.schema"], capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == json_text()


def test_the_schema_is_one_and_holds_every_shipped_clause() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert len(SHIPPED) >= 20
    for path in SHIPPED:
        body = yaml.load(path.read_text("utf-8"), _Loader)
        assert [e.message for e in validator.iter_errors(body)] == [], path.name
    assert schema["title"]
    assert schema["description"]
    assert schema["discriminator"]["propertyName"] == "nature"


@pytest.mark.parametrize(
    ("old", "new"), [("licence:", "licnce:"), ("diffusion: ouvert", "diffusion: public"), ("seuil: 3", "seuil: 1")]
)
def test_the_schema_sees_what_an_editor_can(old: str, new: str) -> None:
    body = yaml.load(changed(old, new), _Loader)
    assert list(jsonschema.Draft202012Validator(json_schema()).iter_errors(body))
