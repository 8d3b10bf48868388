"""What a clause makes of the shape of a feed: wide tables, cells of several values, notes, corrections, totals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from factory import small_run, text_column
from feeds import clause, column, conformed, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promises import PERSONAL as TOLD_PERSONAL
from pydantic import ValidationError

from qpv_data import conforming_plain
from qpv_data.clause.check import checked_clauses
from qpv_data.problems import InvalidDeclarationError, Problem

few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(*rows: str, header: str = "a;b") -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


# --- wide tables -------------------------------------------------------------------------------------------

WIDE = {"deplier": {"mesures": {"population": "POP(?P<age>[0-9]{4})_(?P<sexe>[FH])"}}}
LONG = [column("a"), column("age"), column("sexe"), column("n", "entier", source="population")]


def test_a_wide_table_gives_one_row_a_modality_that_keeps_its_line(tmp_path: Path) -> None:
    feed = clause(LONG, key="a age sexe", format=WIDE)
    made = conformed(feed, lines("z1;1;2;x", "z2;3;;y", header="a;POP0014_F;POP0014_H;lib"), tmp_path)
    found = [(r["_ligne"], r["a"], r["age"], r["sexe"], r["n"]) for r in made.records]
    assert found == [
        (2, "z1", "0014", "F", 1),
        (2, "z1", "0014", "H", 2),
        (3, "z2", "0014", "F", 3),
        (3, "z2", "0014", "H", None),
    ]
    assert (made.report.lues, made.report.recues) == (2, 4)


@few
@given(
    table=st.lists(st.lists(st.integers(0, 99), min_size=3, max_size=3), min_size=1, max_size=30),
    bad=st.sets(st.integers(0, 29)),
)
def test_unfolding_loses_no_cell_and_a_row_that_cannot_be_cut_is_one_row(
    tmp_path: Path, table: list[list[int]], bad: set[int]
) -> None:
    feed = clause(LONG, key="a age sexe", format=WIDE)
    rows = [f"z{i};{';'.join(map(str, r))}" + (";de trop" if i in bad else "") for i, r in enumerate(table)]
    made = conformed(feed, lines(*rows, header="a;POP0014_F;POP0014_H;POP1529_H"), tmp_path)
    good = [r for i, r in enumerate(table) if i not in bad]
    assert made.values("n") == [n for r in good for n in r]
    assert made.report.rejetees == ({"nombre_de_champs": len(table) - len(good)} if len(good) < len(table) else {})


def test_a_note_unfolds_with_its_value(tmp_path: Path) -> None:
    shape = {"deplier": {"mesures": {"v": "V_(?P<axe>[A-Z])", "note": "NOTE_V_(?P<axe>[A-Z])"}}}
    note = {"source": "note", "statuts": {"s": "masque_producteur"}}
    feed = clause([column("a"), column("axe"), column("v", "entier", note=note)], key="a axe", format=shape)
    made = conformed(feed, lines("1;;s;5;", header="a;V_X;NOTE_V_X;V_Y;NOTE_V_Y"), tmp_path)
    assert [(r["axe"], r["v"], r["v__statut"]) for r in made.records] == [
        ("X", None, "masque_producteur"),
        ("Y", 5, None),
    ]


def test_headers_that_answer_to_no_pattern_or_twice_to_one_are_refused(tmp_path: Path) -> None:
    feed = clause(LONG, key="a age sexe", format=WIDE)
    with refused(Problem.ENTETE_INATTENDU, "population"):
        conformed(feed, lines("1;2", header="a;POP14_F"), tmp_path)
    with refused(Problem.ENTETE_INATTENDU, "POP0014_F"):
        conformed(feed, lines("1;2;3", header="a;POP0014_F;POP0014_F"), tmp_path)


@pytest.mark.parametrize(
    "measures", [{"v": "V_[A-Z]"}, {"v": "V_(?P<x>.)", "w": "W_(?P<y>.)"}, {"v": "(?P<v>.)"}, {"v": "("}]
)
def test_a_wide_table_that_says_no_axis_is_no_declaration(measures: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        clause([column("a")], format={"deplier": {"mesures": measures}})


# --- several values in a cell ------------------------------------------------------------------------------


@few
@given(
    cells=st.lists(
        st.lists(st.sampled_from(["01001", "02571", " 02691 ", "", " "]), max_size=6), min_size=1, max_size=20
    )
)
def test_each_value_of_a_cell_gives_one_row_and_an_empty_cell_keeps_its_own(
    tmp_path: Path, cells: list[list[str]]
) -> None:
    feed = clause([column("a"), column("b", eclater=",")])
    keyed = clause([column("a"), column("b", eclater=",")], doubles="refuser")
    data = lines(*(f'{i};"{",".join(c)}"' for i, c in enumerate(cells)))
    wanted = [
        (i, v) for i, c in enumerate(cells) for v in (list(dict.fromkeys(x.strip() for x in c if x.strip())) or [None])
    ]
    made = conformed(feed, data, tmp_path / "a")
    assert (made.report.lues, made.report.recues) == (len(cells), len(wanted))
    # The key `a` alone repeats: the first value of each cell is kept.
    assert [(r["a"], r["b"]) for r in made.records] == [
        (str(i), next(v for j, v in wanted if j == i)) for i in range(len(cells))
    ]
    whole = conformed(keyed, data, tmp_path / "b")
    assert whole.report.recues == whole.report.conformes + sum(whole.report.rejetees.values()) == len(wanted)


def test_a_key_that_holds_the_exploded_column_keeps_every_value(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b", eclater=", ")], key="a b", doubles="refuser")
    made = conformed(feed, lines('1;"02571, 02691, 02571"', "2;01001"), tmp_path)
    assert [(r["_ligne"], r["b"]) for r in made.records] == [(2, "02571"), (2, "02691"), (3, "01001")]


# --- notes -------------------------------------------------------------------------------------------------

NOTE = {"source": "NOTE_B", "statuts": {"s": "masque_producteur", "nd": "non_livree"}}


def test_a_companion_note_is_a_status_whatever_the_value_says(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b", "entier", note=NOTE)])
    made = conformed(
        feed, lines("1;;s", "2;0;nd", "3;7;", "4;;", "5;8;provisoire", "6;;inconnue", header="a;b;NOTE_B"), tmp_path
    )
    found = [(r["a"], r["b"], r["b__statut"]) for r in made.records]
    assert found == [
        ("1", None, "masque_producteur"),
        ("2", None, "non_livree"),
        ("3", 7, None),
        ("4", None, None),
        ("5", 8, None),
    ]
    assert made.reasons() == [(7, "valeur_hors_domaine", "b", None)]


def test_a_masked_mandatory_value_is_not_a_missing_one(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b", "entier", note=NOTE, obligatoire=True)])
    made = conformed(feed, lines("1;;s", "2;;", header="a;b;NOTE_B"), tmp_path)
    assert [(r["a"]) for r in made.records] == ["1"]
    assert made.reasons() == [(3, "valeur_obligatoire_absente", "b", None)]


# --- corrections -------------------------------------------------------------------------------------------


def corrected(attendu: int, **more: Any) -> Any:
    fix = {"quand": "a = '2'", "avant": "31560", "apres": "31555", "raison": "code périmé", "attendu": attendu, **more}
    return clause([column("a"), column("b", corrections=[fix])])


def test_a_correction_replaces_what_was_expected_where_it_was(tmp_path: Path) -> None:
    made = conformed(corrected(1), lines("1;31560", "2;31560", "3;x"), tmp_path)
    assert made.values("b") == ["31560", "31555", "x"]
    empty = corrected(1, quand="a = '3'", avant=None, apres="00000")
    assert conformed(empty, lines("1;x", "3; "), tmp_path).values("b") == ["x", "00000"]


@pytest.mark.parametrize("row", ["2;31555", "4;31560"])
def test_a_correction_that_matches_another_number_of_rows_stops(tmp_path: Path, row: str) -> None:
    with refused(Problem.CORRECTION_INATTENDUE, "b", "0 lignes", "1 attendues"):
        conformed(corrected(1), lines("1;31560", row), tmp_path)
    with refused(Problem.CORRECTION_INATTENDUE, "1 lignes", "2 attendues"):
        conformed(corrected(2), lines("1;31560", "2;31560"), tmp_path)


# --- totals ------------------------------------------------------------------------------------------------


def totalled(**totals: Any) -> Any:
    said = {"colonnes": ["a", "axe"], "doublons": "refuser", "totaux": {"lignes": "axe = 'Ensemble'", **totals}}
    return clause([column("a"), column("axe", valeurs=["F", "H"]), column("n", "entier")], cle=said, controles={"lignes_min": 1, "rejets_max": 0})  # fmt: skip


def test_a_row_of_totals_is_set_apart_and_is_no_fault(tmp_path: Path) -> None:
    made = conformed(totalled(), lines("1;F;2", "1;H;3", "1;Ensemble;4", header="a;axe;n"), tmp_path)
    assert made.values("n") == [2, 3]
    assert made.reasons() == [(4, "ligne_de_total", None, None)]
    assert made.report.rejetees == {"ligne_de_total": 1}


def test_a_total_that_is_not_the_sum_of_its_rows_refuses_the_delivery(tmp_path: Path) -> None:
    feed = totalled(sommes=["n"], par=["a"])
    good = ("1;F;2", "1;H;3", "1;Ensemble;5", "2;F;1", "2;Ensemble;1")
    assert conformed(feed, lines(*good, header="a;axe;n"), tmp_path).values("n") == [2, 3, 1]
    bad = ("1;F;2", "1;H;3", "1;Ensemble;5", "2;F;1", "2;Ensemble;3")
    with refused(Problem.CONTROLE_NON_TENU, "n", "1 totaux"):
        conformed(feed, lines(*bad, header="a;axe;n"), tmp_path)
    conformed(totalled(sommes=["n"], par=["a"], tolerance=2), lines(*bad, header="a;axe;n"), tmp_path)
    conformed(feed, lines("2;F;1", "2;H;", "2;Ensemble;3", header="a;axe;n"), tmp_path)


# --- what is plain -----------------------------------------------------------------------------------------

WRITTEN = ["12", "-3", "+4", "007", "12,5", "12.5", "1.234", ",5", "5,", "-", "--1", "1-2", "nan", "inf", "1e3", "9" * 30, "0" * 45,
           "9223372036854775808", "-0", "", "s", "é", "12.0", "31/12/2024", "29/02/2023", "29/02/2024", "31/04/2024", "00/01/2024",
           "1/2/2024", "01/02/0999", "01/13/2024", "01/02/24", "2024-01-02", "0١/02/2024"]  # fmt: skip


@few
@given(drawn=st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=8), decimal=st.sampled_from(",."))
def test_what_is_read_as_it_comes_is_what_the_sql_gives(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[str], decimal: str
) -> None:
    masks = {"s": "masque_producteur"}
    columns = [
        column("a"),
        column("n", "nombre", masques=masks),
        column("i", "entier"),
        column("d", "date", format_date=["%d/%m/%Y", "%Y-%m-%d"]),
    ]
    feed = clause(columns, format={"decimale": decimal})
    # One bad value rejects its row: each column is tried alone.
    rows = [f"{i}{c};{';'.join(v if c == k else '' for k in 'nid')}" for i, v in enumerate(drawn) for c in "nid"]
    data = lines(*rows, header="a;n;i;d")
    quick = conformed(feed, data, tmp_path_factory.mktemp("vite"))
    with pytest.MonkeyPatch.context() as patch:
        for module in ("conforming", "conforming_text", "conforming_values"):
            patch.setattr(f"qpv_data.{module}.plain_type", lambda *_: None)
        slow = conformed(feed, data, tmp_path_factory.mktemp("lent"))
    assert quick.records == slow.records
    assert quick.rejects == slow.rejects


def test_plain_values_are_read_where_they_are_plain() -> None:
    feed = clause(
        [column("d", "date", format_date="%d/%m/%Y"), column("n", "nombre")],
        key="d",
        format={"decimale": ","},
        localisation={"mode": "code", "zonage": "qpv2024", "colonne": "d"},
    )
    day, number = feed.colonnes
    import pyarrow as pa

    assert conforming_plain.plain_values(pa.array(["29/02/2024", None, "29/02/2023"]), day, feed.format).null_count == 2
    assert conforming_plain.plain_values(pa.array(["1,5", None]), number, feed.format).to_pylist() == [1.5, None]


# --- duplicates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("doubles", "kept"), [("premier", ["0,0"]), ("refuser", [])])
def test_zero_and_minus_zero_are_one_key(tmp_path: Path, doubles: str, kept: list[str]) -> None:
    feed = clause([column("a", "nombre"), column("b")], doubles=doubles)
    made = conformed(feed, lines("0;0,0", "-0;-0"), tmp_path)
    assert made.values("b") == kept


# --- declarations ------------------------------------------------------------------------------------------


def violations(tmp_path: Path, **more: Any) -> list[str]:
    mini = small_run(tmp_path)
    mini.declare(yaml.safe_load(yaml.safe_dump({**mini.declared["points"], **more})))
    try:
        checked_clauses(mini.clauses)
    except InvalidDeclarationError as e:
        return [str(v) for v in e.violations]
    return []


def test_check_reads_the_sql_of_corrections_and_totals(tmp_path: Path) -> None:
    columns = small_run(tmp_path / "x").declared["points"]["colonnes"]
    fix = {"quand": "absente = '1'", "avant": "a", "apres": "b", "raison": "r", "attendu": 1}
    wrong = violations(
        tmp_path / "y",
        colonnes=[*columns, text_column("code", corrections=[fix], eclater=","), text_column("c2", eclater=";")],
        cle={
            "colonnes": ["id"],
            "doublons": "premier",
            "totaux": {"lignes": "montant +", "sommes": ["montants"], "par": ["insee"]},
        },
    )
    text = "\n".join(wrong)
    for word in ("absente", "cle.totaux.lignes", "montants", "une seule colonne s'éclate"):
        assert word in text


def test_a_direct_identifier_says_that_the_feed_is_personal(tmp_path: Path) -> None:
    columns = small_run(tmp_path / "x").declared["points"]["colonnes"]
    named = [*columns, text_column("nom", identifiant_direct="pseudonymiser", normalisation=["casse"])]
    assert "donnée personnelle" in "\n".join(violations(tmp_path / "y", colonnes=named))
    assert violations(tmp_path / "z", colonnes=named, donnees_personnelles=TOLD_PERSONAL) == []


@pytest.mark.parametrize(
    "more",
    [
        {"identifiant_direct": "pseudonymiser"},
        {"normalisation": []},
        {"identifiant_direct": "pseudonymiser", "normalisation": [], "recodage": {"a": "b"}},
        {"identifiant_direct": "pseudonymiser", "normalisation": [], "type": "entier"},
        {"masques": {"": "non_livree"}, "note": NOTE},
    ],
)
def test_a_column_that_contradicts_itself_is_no_declaration(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        clause([{**column("a"), **more}])
