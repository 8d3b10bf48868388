"""From received text to typed records: nothing lost, nothing rounded, nothing guessed."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from feeds import clause, column, conformed, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promises import PERSONAL

from qpv_data.problems import Problem

few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
keys = st.lists(st.sampled_from(["x", "y", "z", ""]), min_size=1, max_size=12)


def lines(*rows: str, header: str = "a;b") -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


@few
@given(drawn=keys, doubles=st.sampled_from(["premier", "refuser"]))
def test_each_row_is_kept_or_rejected_as_its_key_says(tmp_path: Path, drawn: list[str], doubles: str) -> None:
    feed = clause([column("a"), column("b")], doubles=doubles)
    made = conformed(feed, lines(*(f"{k};{n}" for n, k in enumerate(drawn))), tmp_path)
    seen = Counter(drawn)
    first = {k: drawn.index(k) for k in drawn}
    kept = [n for n, k in enumerate(drawn) if k and (first[k] == n if doubles == "premier" else seen[k] == 1)]
    assert made.values("b") == [str(n) for n in kept]
    assert made.report.recues == len(drawn) == len(made.records) + len(made.rejects)
    for line, reason, _, _ in made.reasons():
        assert reason == ("cle_en_double" if drawn[line - 2] else "valeur_obligatoire_absente")


@pytest.mark.parametrize(
    ("text", "kind", "more", "value"),
    [
        ("12", "entier", {}, 12),
        (" 12 ", "entier", {}, 12),
        ("12.0", "entier", {}, 12),
        ("1\u202f204", "entier", {"milliers": ["\u202f"]}, 1204),
        ("12,5", "nombre", {"decimale": ","}, 12.5),
        ("1e3", "nombre", {}, 1000.0),
        ("31/12/2024", "date", {"format_date": "%d/%m/%Y"}, date(2024, 12, 31)),
        ("Oui", "booleen", {}, True),
        ("1053", "texte", {"completer": 5}, "01053"),
        ("2A4", "texte", {"completer": 5}, "002A4"),
        ("2A004", "texte", {"completer": 5}, "2A004"),
    ],
)
def test_a_value_is_read_as_it_is_written(tmp_path: Path, text: str, kind: str, more: dict, value: object) -> None:  # type: ignore[type-arg]
    fmt = {k: more.pop(k) for k in ("milliers", "decimale") if k in more}
    feed = clause([column("a"), column("b", kind, **more)], format=fmt)
    assert conformed(feed, lines(f"1;{text}"), tmp_path).values("b") == [value]


@pytest.mark.parametrize(
    ("text", "kind", "fmt"),
    [
        ("12.7", "entier", {}),
        ("1e3", "entier", {}),
        ("douze", "nombre", {}),
        ("12,5", "nombre", {}),
        ("1.234", "nombre", {"decimale": ","}),
        ("nan", "nombre", {}),
        ("1e999", "nombre", {}),
        ("2024-02-30", "date", {}),
        ("peut-être", "booleen", {}),
    ],
)
def test_what_cannot_be_read_is_rejected_and_never_guessed(tmp_path: Path, text: str, kind: str, fmt: dict) -> None:  # type: ignore[type-arg]
    feed = clause([column("a"), column("b", kind)], format=fmt)
    assert conformed(feed, lines(f"1;{text}"), tmp_path).reasons() == [(2, "valeur_illisible", "b", text)]


def test_a_mask_is_a_status_and_never_a_zero(tmp_path: Path) -> None:
    masks = {"s": "masque_producteur", "nd": "non_livree", "": "non_significative"}
    feed = clause([column("a"), column("b", "entier", masques=masks)])
    made = conformed(feed, lines("1;s", "2;nd", "3;", "4;0"), tmp_path)
    assert made.values("b") == [None, None, None, 0]
    assert made.values("b__statut") == ["masque_producteur", "non_livree", "non_significative", None]


def test_recoding_comes_before_transformation_and_padding_after(tmp_path: Path) -> None:
    steps = {"recodage": {"un": "x1"}, "transformation": "substr(valeur, 2)", "completer": 3}
    feed = clause([column("a"), column("b", **steps)])
    assert conformed(feed, lines("1;un", "2;y27"), tmp_path).values("b") == ["001", "027"]


def test_a_value_out_of_its_domain_is_rejected_with_its_column(tmp_path: Path) -> None:
    feed = clause([column("a", motif="[0-9]+"), column("b", "entier", minimum=0, maximum=9)])
    made = conformed(feed, lines("Ensemble;1", "2;10", "3;-1", "4;9"), tmp_path)
    assert [(r[1], r[2]) for r in made.reasons()] == [
        ("valeur_hors_domaine", "a"),
        ("valeur_hors_domaine", "b"),
        ("valeur_hors_domaine", "b"),
    ]


def test_a_personal_feed_keeps_no_rejected_value_and_no_direct_identifier(tmp_path: Path) -> None:
    columns = [column("a"), column("nom", identifiant_direct=True), column("b", "entier")]
    feed = clause(columns, donnees_personnelles=PERSONAL)
    made = conformed(feed, lines("1;Zorglub;2", "2;x;Zorglub", header="a;nom;b"), tmp_path)
    assert made.reasons() == [(3, "valeur_illisible", "b", None)]
    assert "Zorglub" not in str(made.records) + str(made.rejects)
    assert "nom" not in made.records[0]


def test_conforming_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b", "nombre")])
    data = lines(*(f"{n};{n / 7}" for n in range(500)))
    made = [conformed(feed, data, tmp_path / name).folder for name in ("x", "y")]
    for part in ("conformed", "rejets"):
        assert (made[0] / part / "e.parquet").read_bytes() == (made[1] / part / "e.parquet").read_bytes()


@pytest.mark.parametrize(
    ("controls", "problem"),
    [
        ({"lignes_min": 4, "rejets_max": 1}, Problem.TROP_PEU_DE_LIGNES),
        ({"lignes_min": 1, "rejets_max": 0.3}, Problem.TROP_DE_REJETS),
        (
            {"lignes_min": 1, "rejets_max": 1, "lignes": [{"id": "c", "expression": "b < 2", "gravite": "arreter"}]},
            Problem.CONTROLE_NON_TENU,
        ),
    ],
)
def test_a_delivery_below_its_floors_is_refused_and_the_last_good_one_stays(
    tmp_path: Path, controls: dict[str, object], problem: Problem
) -> None:
    columns = [column("a"), column("b", "entier")]
    before = conformed(clause(columns), lines("9;9"), tmp_path)
    with refused(problem):
        conformed(clause(columns, controles=controls), lines("1;1", "2;2", "3;x"), tmp_path)
    assert (before.folder / "conformed" / "e.parquet").exists()
    assert conformed(clause(columns), lines("9;9"), tmp_path).records == before.records


def test_every_missing_header_is_named(tmp_path: Path) -> None:
    with refused(Problem.ENTETE_INATTENDU, "b", "c"):
        conformed(clause([column("a"), column("b"), column("c")]), lines("1;2", header="a;x"), tmp_path)


MANY = lines(*(f"{n};{n if n != 70_000 else 'x'}" for n in range(80_000)))


def test_sql_that_fails_far_in_a_file_refuses_the_feed_and_quotes_nothing(tmp_path: Path) -> None:
    totals = {"colonnes": ["a"], "doublons": "premier", "totaux": {"lignes": "CAST(b AS INTEGER) < 0"}}
    feed = clause([column("a"), column("b")], cle=totals)
    threads = threading.active_count()
    with refused(Problem.SQL_INVALIDE):
        conformed(feed, MANY, tmp_path)
    assert threading.active_count() == threads
    assert list((tmp_path / "travail").iterdir()) == []


def test_a_reader_that_fails_far_in_a_file_is_the_one_that_is_heard(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b")], format={"encodage": "utf-16"})
    with refused(Problem.FORMAT_INATTENDU, "utf-16"):
        conformed(feed, MANY.decode().encode("utf-16") + b"\x00", tmp_path)


def test_a_file_of_many_blocks_keeps_its_order_and_gives_the_same_bytes(tmp_path: Path) -> None:
    feed = clause([column("a", "entier"), column("b", "entier")], doubles="refuser")
    data = MANY + b"12;1\n"
    one, two = (conformed(feed, data, tmp_path / name) for name in ("x", "y"))
    assert one.values("a") == [n for n in range(80_000) if n not in (12, 70_000)]
    assert one.values("_ligne") == [n + 2 for n in range(80_000) if n not in (12, 70_000)]
    assert [r[:3] for r in one.reasons()] == [
        (14, "cle_en_double", "a"), (70_002, "valeur_illisible", "b"), (80_002, "cle_en_double", "a"),
    ]  # fmt: skip
    for part in ("conformed", "rejets"):
        assert (one.folder / part / "e.parquet").read_bytes() == (two.folder / part / "e.parquet").read_bytes()
