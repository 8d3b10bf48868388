"""A clause names its family of data: it may be stricter than the family's rule, never looser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.clause.check_references import reference_violations
from qpv_data.clause.load import read_clause
from qpv_data.clause.rules import Secret
from qpv_data.clause.secrecy import dominance_of, rule_of
from qpv_data.problems import Problem, Violation
from qpv_data.resources import referentials_dir
from qpv_data.secret.rules import load_families

MODEL = (referentials_dir() / "demo/clauses/jeux/etablissements.yml").read_text("utf-8")
WRITTEN = MODEL[MODEL.index("secret:\n") : MODEL.index("indicateurs:\n")]
FAMILIES = sorted(load_families())
SHARES = st.floats(0.01, 0.99)


def found(tmp_path: Path, *lines: str) -> list[Violation]:
    """What `check` says of the demonstration's clause of businesses under this rule."""
    path = tmp_path / "essai.yml"
    path.write_text(MODEL.replace(WRITTEN, "\n".join(["secret:", *(f"  {line}" for line in lines), ""])), "utf-8")
    loaded, faults = read_clause(path)
    return faults if loaded is None else list(reference_violations(loaded))


def told(violations: list[Violation]) -> list[tuple[str, str]]:
    lines = [*MODEL[: MODEL.index("secret:\n")].splitlines(), ""]
    return [(f"{v.ligne - len(lines)}", v.message) for v in violations]


def secret(**said: Any) -> Secret:
    return Secret.model_validate({"regime": "seuil", "unite": "unite", "colonne_unite": "a", **said})


@given(
    family=st.sampled_from(FAMILIES), seuil=st.none() | st.integers(2, 200), share=st.none() | SHARES, data=st.data()
)
def test_the_rule_in_force_is_never_looser_than_the_family_nor_than_the_clause(
    family: str, seuil: int | None, share: float | None, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(sorted(load_families()[family].unites)))
    rule = rule_of(secret(famille=family, unite=unit, seuil=seuil, dominance=share))
    floor = load_families()[family].rule(unit)
    assert rule is not None
    assert not rule.looser_than(floor)
    assert rule.k == max(floor.k, seuil or 0)
    assert rule.dominance is None or rule.dominance <= min(s for s in (share, floor.dominance, 1.0) if s is not None)
    assert (rule.dominance is None) == (share is None and floor.dominance is None)


@given(family=st.sampled_from([f for f in FAMILIES if load_families()[f].confiance == "basse"]))
def test_doubt_is_protected_at_eleven_in_clauses_too(family: str) -> None:
    for unit in load_families()[family].unites:
        rule = rule_of(secret(famille=family, unite=unit, seuil=2))
        assert rule is not None
        assert rule.k >= 11


def test_other_regimes_have_no_rule_of_ours() -> None:
    for regime in ("producteur", "sans_objet"):
        said = Secret.model_validate({"regime": regime, "justification": "x", "famille": "cnaf"})
        assert (rule_of(said), dominance_of(said)) == (None, None)


def test_the_family_has_no_default(tmp_path: Path) -> None:
    faults = found(tmp_path, "regime: seuil", "colonne_unite: siren", "seuil: 11")
    assert [v.probleme for v in faults] == [Problem.VALEUR_INVALIDE]
    assert told(faults)[0][1].endswith("déclare `famille` et `unite` (familles : regles_secret.yml)")


def test_a_family_alone_says_the_whole_rule(tmp_path: Path) -> None:
    assert not found(tmp_path, "regime: seuil", "famille: entreprises", "unite: entreprise", "colonne_unite: siren")
    rule = rule_of(secret(famille="entreprises", unite="entreprise"))
    assert rule is not None
    assert (rule.k, rule.dominance) == (3, 0.85)


def test_everything_looser_is_said_at_its_line_with_what_is_in_force(tmp_path: Path) -> None:
    faults = found(
        tmp_path, "regime: seuil", "famille: entreprises", "unite: entreprise", "seuil: 2", "dominance: 0.9",
        "colonne_unite: siren",
    )  # fmt: skip
    assert told(faults) == [
        ("4", "seuil 2 plus souple que celui de la famille entreprises (3)"),
        ("5", "dominance 0.9 plus souple que celle de la famille entreprises (0.85)"),
    ]
    assert all(v.remede for v in faults)


@pytest.mark.parametrize(
    ("lines", "line", "word"),
    [
        (("famille: rien_de_connu", "unite: entreprise", "colonne_unite: siren"), "2", "famille inconnue"),
        (("famille: entreprises", "unite: menage", "colonne_unite: siren"), "3", "n'est pas une unité"),
        (
            ("famille: entreprises", "unite: a", "unite_famille: b", "colonne_unite: siren"),
            "4",
            "b n'est pas une unité",
        ),
        (("famille: entreprises", "unite: entreprise", "une_unite_par_ligne: true"), "2", "borne la part"),
    ],
)
def test_what_the_registry_lacks_or_asks_for_is_said(
    tmp_path: Path, lines: tuple[str, ...], line: str, word: str
) -> None:
    ((where, message),) = told(found(tmp_path, "regime: seuil", *lines))
    assert where == line
    assert word in message


def test_a_unit_of_another_name_stands_for_the_family_s(tmp_path: Path) -> None:
    assert not found(
        tmp_path, "regime: seuil", "famille: entreprises", "unite: société", "unite_famille: entreprise",
        "colonne_unite: siren",
    )  # fmt: skip


def test_open_records_are_for_open_data_only(tmp_path: Path) -> None:
    lines = ("regime: seuil", "famille: donnees_ouvertes", "unite: enregistrement", "colonne_unite: siren")
    assert "fondement: open_data" in MODEL
    assert not found(tmp_path, *lines)
    path = tmp_path / "essai.yml"
    path.write_text(path.read_text("utf-8").replace("fondement: open_data", "fondement: convention"), "utf-8")
    loaded, _ = read_clause(path)
    assert loaded is not None
    assert any("demande le fondement open_data" in v.message for v in reference_violations(loaded))


def test_an_official_table_may_name_its_family_and_is_not_held_to_it(tmp_path: Path) -> None:
    assert not found(tmp_path, "regime: producteur", "famille: cnaf", "justification: masques de la Cnaf")
    assert found(tmp_path, "regime: producteur", "famille: rien", "justification: masques de la Cnaf")


def test_every_family_says_where_its_rule_comes_from() -> None:
    for family in load_families().values():
        assert family.source
        assert family.confiance != "haute" or "mémoire" not in family.source


PERSONS = ("regime: seuil", "famille: cnaf", "unite: menage", "colonne_unite: siren")


def test_other_units_have_the_rule_of_their_family_or_a_stricter_one(tmp_path: Path) -> None:
    assert not found(tmp_path, *PERSONS, "autres_unites: [{unite: personne, seuil: 11, effectif: effectif}]")
    looser = found(tmp_path, *PERSONS, "autres_unites: [{unite: personne, seuil: 3, effectif: effectif}]")
    assert told(looser) == [("5", "seuil 3 plus souple que celui de la famille cnaf (5)")]
    unknown = found(tmp_path, *PERSONS, "autres_unites: [{unite: chat, effectif: effectif}]")
    assert [m for _, m in told(unknown)] == ["chat n'est pas une unité de la famille cnaf"]
    absent = found(tmp_path, *PERSONS, "autres_unites: [{unite: personne, effectif: nulle_part}]")
    assert [v.probleme for v in absent] == [Problem.COLONNE_INCONNUE]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ("[{unite: personne}]", "un seul des trois"),
        ("[{unite: personne, effectif: effectif, une_unite_par_ligne: true}]", "un seul des trois"),
        ("[{unite: menage, effectif: effectif}]", "unité déclarée deux fois : menage"),
    ],
)
def test_another_unit_is_told_once_and_counted_in_one_way(tmp_path: Path, others: str, said: str) -> None:
    faults = found(tmp_path, *PERSONS, f"autres_unites: {others}")
    assert any(said in v.message for v in faults), faults


def test_a_clause_of_one_unit_is_written_as_it_was() -> None:
    one = secret(famille="cnaf")
    assert "autres_unites" not in one.model_dump()
    assert "groupe_homogene" not in one.model_dump(mode="json")
    two = secret(famille="cnaf", autres_unites=[{"unite": "personne", "effectif": "n"}])
    assert Secret.model_validate(two.model_dump(mode="json")) == two


def test_where_a_whole_group_of_one_category_is_a_secret_counts_are_not_broken_down(tmp_path: Path) -> None:
    rule = ("regime: seuil", "famille: entreprises", "unite: entreprise", "colonne_unite: siren")
    assert not found(tmp_path, *rule)
    faults = found(tmp_path, *rule, "groupe_homogene: secret")
    assert {v.probleme for v in faults} == {Problem.VALEUR_INVALIDE}
    assert any("les zéros de ses modalités diraient" in v.message for v in faults)
    assert any("son zéro dirait que personne n'en est" in v.message for v in faults), "filters of several populations"
    assert all("part" in v.remede for v in faults)
