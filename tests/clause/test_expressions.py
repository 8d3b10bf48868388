"""The SQL of clauses: one scalar over declared columns, and nothing else gets through."""

from __future__ import annotations

import string

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.clause.expressions import check_expression, columns_of, conjuncts, literal, quote
from qpv_data.clause.model import Colonne
from qpv_data.problems import Problem

COLUMNS = [
    Colonne(nom="abc", source=("a",), type="entier"),  # type: ignore[arg-type]
    Colonne(nom="loyer", source=("l",), type="nombre"),  # type: ignore[arg-type]
    Colonne(nom="jour", source=("j",), type="date"),  # type: ignore[arg-type]
    Colonne(nom="actif", source=("v",), type="booleen"),  # type: ignore[arg-type]
    Colonne(nom="libelle", source=("t",), type="texte"),  # type: ignore[arg-type]
    Colonne(nom="locataire", source=("n",), type="texte", identifiant_direct=True),  # type: ignore[arg-type]
]


def problem(expression: str) -> Problem | None:
    fault = check_expression(expression, COLUMNS, "quelconque")
    return fault[0] if fault else None


@pytest.mark.parametrize(
    "expression",
    [
        "abc", "ABC + 1", '"abc"', "abc % 2", "abc // 2", "-loyer", "abc BETWEEN 1 AND 3", "abc IN (1, 2)",
        "libelle LIKE 'a%'", "libelle NOT ILIKE 'a%'", "libelle SIMILAR TO 'a.*'", "abc IS NULL",
        "abc IS DISTINCT FROM 2", "CASE WHEN abc > 1 THEN 1 ELSE 0 END", "CAST(libelle AS INTEGER)", "abc::DOUBLE",
        "TRY_CAST(libelle AS DATE)", "coalesce(abc, 0)", "nullif(libelle, '')", "split_part(libelle, '-', 1)",
        "regexp_extract(libelle, 'a(.)', 1)", "upper(libelle)", "(libelle).upper()", "substring(libelle from 1 for 2)",
        "extract(year from jour)", "date_trunc('month', jour)", "jour + INTERVAL 1 DAY", "jour < DATE '2024-01-01'",
        "round(loyer / 3, 2)", "greatest(abc, 1)", "sha256(libelle)", "'-- /* ) ; SELECT random()' || libelle",
        "'it''s )'", "actif AND NOT abc > 1", "libelle ~ 'a'", "strip_accents(libelle)",
    ],
)  # fmt: skip
def test_plain_expressions_over_the_record_are_accepted(expression: str) -> None:
    assert check_expression(expression, COLUMNS, "quelconque") is None


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT 1)", "EXISTS (SELECT 1)", "abc = ANY (SELECT 1)", "abc IN (SELECT 1)", "(FROM e)", "(VALUES (1))",
        "1) FROM e WHERE (1=1", "1) UNION SELECT (2", "1) USING SAMPLE (10", "1), (2", "abc) + (1", "1) ORDER BY (1",
        "1; DROP TABLE e", "1); DROP TABLE e; SELECT (1", "abc, 1", "(abc, 1)", "", " ", ")", "(", "((1)", "1 1",
        "abc -- fin", "/* début */ abc", "abc --", "--", "/*", "'a", '"abc', "abc AS z", "x := 1",
        "*", "COLUMNS(*)", "e.*", "?", "$1", "#1", "DEFAULT", "{'a': abc}", "[abc]", "MAP {'a': 1}",
        "e.abc", "main.e.abc", "e.libelle.upper()", "libelle.upper()",
    ],
)  # fmt: skip
def test_what_is_not_one_scalar_expression_is_refused(expression: str) -> None:
    assert problem(expression) is not None


@pytest.mark.parametrize(
    "expression",
    [
        "random()", "uuid()", "gen_random_uuid()", "setseed(0.1)", "now()", "today()", "current_date", "CURRENT_DATE",
        "current_timestamp", "current_time", "localtime", "localtimestamp", "current_localtime()",
        "current_localtimestamp()", "get_current_timestamp()", "get_current_time()", "transaction_timestamp()",
        "age(jour)", "ago(INTERVAL 1 DAY)", "pg_conf_load_time()", "pg_postmaster_start_time()", "'today'::DATE",
        "CAST('now' AS TIMESTAMPTZ)", "txid_current()", "current_date.day()",
    ],
)  # fmt: skip
def test_the_clock_and_chance_are_refused(expression: str) -> None:
    assert problem(expression) is not None


@pytest.mark.parametrize(
    "expression",
    [
        "current_setting('threads')", "getvariable('x')", "getenv('HOME')", "version()", "current_user", "current_schema()",
        "current_database()", "current_query()", "in_search_path('a', 'b')", "nextval('s')", "get_block_size('e')",
        "format_type(1, 2)", "pg_get_viewdef(1)", "pg_sleep(1)", "sleep_ms(1)", "error('x')", "write_log('x')",
        "json_serialize_plan('FROM e')", "json_serialize_sql('SELECT 1')", "json_execute_serialized_sql('x')",
        "query('SELECT 1')", "query_table('e')", "read_text('/etc/passwd')", "read_csv('a.csv')", "read_blob('a')",
        "glob('*')", "read_parquet('a')", "'a.csv'.read_csv()", "vector_type(abc)", "rowid", "e",
    ],
)  # fmt: skip
def test_files_settings_and_catalogues_are_refused(expression: str) -> None:
    assert problem(expression) is not None


@pytest.mark.parametrize(
    "expression",
    [
        "sum(abc)", "count(*)", "count(DISTINCT abc)", "max(abc) FILTER (abc > 1)", "median(loyer)", "first(abc)",
        "geomean(loyer)", "weighted_avg(abc, loyer)", "json_group_array(abc)", "GROUPING(abc)", "list(abc)",
        "row_number() OVER ()", "sum(abc) OVER ()", "lag(abc) OVER (ORDER BY jour)", "unnest([1, 2])",
        "generate_series(1, 3)", "generate_subscripts([1], 1)", "regexp_split_to_table(libelle, 'a')",
        "list_transform([1], x -> x)", "list_transform([1], lambda x: x + abc)", "list_sum([x FOR x IN [1, 2]])",
    ],
)  # fmt: skip
def test_what_looks_beyond_one_record_is_refused(expression: str) -> None:
    assert problem(expression) is not None


def test_a_misspelt_column_is_named_with_the_likely_one() -> None:
    assert check_expression("loyr * 12", COLUMNS, "nombre") == (
        Problem.COLONNE_INCONNUE, "colonne inconnue : loyr", "vouliez-vous « loyer » ?",
    )  # fmt: skip


def test_a_column_like_no_other_gets_the_list_without_direct_identifiers() -> None:
    fault = check_expression("zzzzz", COLUMNS, "quelconque")
    assert fault is not None
    assert fault[2] == "colonnes déclarées : abc, loyer, jour, actif, libelle"


def test_a_direct_identifier_is_refused_by_name() -> None:
    for expression in ("locataire", "upper(LOCATAIRE)", "coalesce(libelle, locataire)"):
        fault = check_expression(expression, COLUMNS, "quelconque")
        assert fault is not None
        assert fault[:2] == (Problem.COLONNE_INCONNUE, "locataire est un identifiant direct")


def test_a_transformation_reads_valeur_alone() -> None:
    assert check_expression("split_part(valeur, ' ', 1)", None, "quelconque") is None
    fault = check_expression("upper(abc)", None, "quelconque")
    assert fault is not None
    assert fault[0] is Problem.COLONNE_INCONNUE


def test_the_kind_of_the_result_is_held() -> None:
    assert check_expression("abc > 1", COLUMNS, "booleen") is None
    assert check_expression("abc", COLUMNS, "nombre") is None
    assert check_expression("loyer * 1.5", COLUMNS, "nombre") is None
    for expression, expected in (("abc", "booleen"), ("libelle", "nombre"), ("jour", "nombre"), ("NULL", "booleen")):
        fault = check_expression(expression, COLUMNS, expected)  # type: ignore[arg-type]
        assert fault is not None, expression
        assert fault[0] is Problem.SQL_INVALIDE


@pytest.mark.parametrize("expression", ["1+" * 1990 + "1", "(" * 1900 + "1" + ")" * 1900, "NOT " * 900 + "actif"])
def test_a_towering_expression_is_answered_and_never_a_crash(expression: str) -> None:
    problem(expression)


def test_columns_are_those_that_are_read() -> None:
    expression = "CASE WHEN ABC > 1 AND 'jour' = libelle THEN loyer END"
    assert columns_of(expression) == {"abc", "libelle", "loyer"}
    assert columns_of("ceci n'est pas") == frozenset()


conditions = st.sampled_from(
    [
        "abc > 1",
        "libelle = 'x AND y'",
        "NOT (actif AND abc = 2)",
        "(abc = 1 OR actif)",
        "libelle IS NULL",
        "abc BETWEEN 1 AND 3",
    ]
)


@given(st.lists(conditions, min_size=1, max_size=4))
def test_an_expression_is_the_and_of_its_conjuncts(parts: list[str]) -> None:
    whole = " AND ".join(parts)
    cut = conjuncts(f"({whole})")
    assert len(cut) == len(parts)
    rows = (
        "(VALUES (1, 'x AND y', true), (2, NULL, false), (NULL, 'x', NULL), (3, 'a', true)) AS e(abc, libelle, actif)"
    )
    again = " AND ".join(f"({part})" for part in cut)
    with duckdb.connect() as con:
        assert con.execute(f"SELECT ({whole}) IS NOT DISTINCT FROM ({again}) FROM {rows}").fetchall() == [(True,)] * 4


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["abc", "libelle", "(", ")", "SELECT", "FROM", "e", ",", "1", "'a'", "--", "/*", "*/", ";", "+", "WHERE",
             "sum(", "random()", "CASE", "WHEN", "THEN", "END", '"', "'", "[", "]", "OVER", "::INT", ".", "\n", "UNION"]
        ),
        max_size=12,
    ).map(" ".join)
)  # fmt: skip
def test_whatever_passes_gives_one_value_a_record_wherever_it_is_put(expression: str) -> None:
    if problem(expression) is not None:
        return
    with duckdb.connect() as con:
        con.execute("CREATE TABLE e AS SELECT 1::BIGINT AS abc, 'x' AS libelle FROM range(3)")
        for query in (f"SELECT ({expression}) AS v FROM e", f"SELECT count(*), list(coalesce({expression})) FROM e"):
            try:
                found = con.execute(query).fetchall()
            except duckdb.ConversionException:  # libelle::INT is one value a record, and these data refuse it
                return
        assert found[0][0] == 3


@given(st.text(alphabet=string.printable + "é'\"\u202f", max_size=20))
def test_quoted_text_and_names_come_back_as_they_are(text: str) -> None:
    with duckdb.connect() as con:
        if "\0" not in text:
            assert con.execute(f"SELECT {literal(text)}").fetchone() == (text,)
        if text.strip():
            described = con.execute(f"SELECT 1 AS {quote(text)}").description
            assert described is not None
            assert described[0][0] == text
