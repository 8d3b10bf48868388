"""Quarters that are alike: by structure alone, robustly, the same whatever the order, none when there are too few."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping
from typing import Any

import pytest
from quartiers_inventes import asked, indicator, quarter, release, value, zone

_NEAR = "SELECT * FROM quartiers_comparables ORDER BY zonage, code_zone, rang"


def country(count: int, seed: int = 3) -> list[dict[str, Any]]:
    """Quarters of random sizes, one in ten overseas, one in seven without population; each alone in its commune."""
    drawn = random.Random(seed)
    return [
        {
            "code": f"Q{n:03d}",
            "population": None if n % 7 == 0 else drawn.randrange(900, 30_000),
            "superficie_m2": float(drawn.randrange(50_000, 900_000)),
            "territoire": "la_reunion" if n % 10 == 0 else "hexagone",
            "commune": drawn.randrange(5_000, 500_000),
        }
        for n in range(count)
    ]


def rows_of(quarters: list[dict[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    rows = [indicator("i", "taux")]
    for n, q in enumerate(quarters):
        said = {k: q[k] for k in ("population", "superficie_m2", "territoire")}
        rows += [zone("commune", f"C{n}", population=q["commune"]), *quarter(q["code"], {f"C{n}": None}, **said)]
        rows += [value("qpv2024", q["code"], "i", valeur=float(n))]
    return rows


def expected(quarters: list[dict[str, Any]]) -> dict[str, list[tuple[float, str]]]:
    """The definition, pair by pair."""

    def features(q: Mapping[str, Any]) -> dict[str, float]:
        found = {"superficie": math.log(q["superficie_m2"]), "agglomeration": math.log(q["commune"])}
        if q["population"]:
            found |= {
                "population": math.log(q["population"]),
                "densite": math.log(1e6 * q["population"] / q["superficie_m2"]),
            }
        return found

    told = {q["code"]: features(q) for q in quarters}
    scaled: dict[str, dict[str, float]] = {code: {} for code in told}
    for name in ("population", "densite", "superficie", "agglomeration"):
        known = {code: f[name] for code, f in told.items() if name in f}
        middle = statistics.median(known.values())
        spread = 1.4826 * statistics.median(abs(x - middle) for x in known.values())
        for code, x in known.items():
            scaled[code][name] = (x - middle) / spread
    overseas = {q["code"]: q["territoire"] != "hexagone" for q in quarters}
    near = {}
    for code, mine in scaled.items():
        read = [n for n in mine if n != "superficie" or "population" not in mine]
        pairs = [
            (round(math.sqrt((sum(min(abs(mine[n] - theirs[n]), 5) ** 2 for n in read)
                              + 4 * (overseas[code] != overseas[other])) / (len(read) + 1)), 6), other)
            for other, theirs in scaled.items()
            if other != code and set(read) <= set(theirs)
        ]  # fmt: skip
        near[code] = sorted(pairs)[:10] if len(pairs) >= 30 else []
    return near


def test_the_ten_nearest_are_those_of_the_definition() -> None:
    quarters = country(60)
    with release(rows_of(quarters)) as con:
        found: dict[str, list[tuple[float, str]]] = {q["code"]: [] for q in quarters}
        for row in asked(con, _NEAR):
            found[row["code_zone"]].append((row["distance"], row["code_comparable"]))
    for code, pairs in expected(quarters).items():
        assert [d for d, _ in found[code]] == pytest.approx([d for d, _ in pairs], abs=2e-6)
        assert [c for _, c in found[code]] == [c for _, c in pairs], code


def test_what_was_read_is_told() -> None:
    with release(rows_of(country(60))) as con:
        said = {r["code_zone"]: r["caracteristiques"] for r in asked(con, _NEAR)}
    assert said["Q001"] == "population, densite, agglomeration, outre_mer"
    assert said["Q007"] == "superficie, agglomeration, outre_mer", "its population is not published"


def test_the_order_of_rows_changes_no_neighbour() -> None:
    rows = rows_of(country(40))
    answers = []
    for _ in range(2):
        with release(rows) as con:
            answers.append(asked(con, _NEAR))
        random.Random(5).shuffle(rows)
    assert answers[0] == answers[1] != []


def test_quarters_that_are_all_alike_are_near_by_code() -> None:
    same = {"population": 1000, "superficie_m2": 1e5, "territoire": "hexagone", "commune": 9000}
    odd = {**same, "population": 5000, "commune": 90_000}
    quarters = [{**(odd if n == 0 else same), "code": f"Q{n:03d}"} for n in range(40)]
    with release(rows_of(quarters)) as con:
        found = [r["code_comparable"] for r in asked(con, _NEAR) if r["code_zone"] == "Q020"]
    assert found == [f"Q{n:03d}" for n in range(1, 11)]


def test_there_is_none_when_quarters_are_too_few_or_when_one_thing_only_is_known() -> None:
    with release(rows_of(country(30))) as con:
        assert asked(con, _NEAR) == []
    alone = [{**q, "population": None, "commune": None} for q in country(40)]
    with release(rows_of(alone)) as con:
        assert asked(con, _NEAR) == []


def test_the_comparator_is_the_median_of_the_comparable_quarters_that_are_published() -> None:
    quarters = country(60)
    rows = rows_of(quarters)
    for hidden in (0, 5, 6):
        near = [code for _, code in expected(quarters)["Q001"]]
        changed = [
            value("qpv2024", said["code_zone"], "i", "hidden") if table == "valeurs" and said["code_zone"] in near[:hidden]
            else (table, said) for table, said in rows
        ]  # fmt: skip
        with release(changed) as con:
            (row,) = asked(con, "FROM comparaisons WHERE sorte = 'comparables' AND code_zone = 'Q001'")
        median = statistics.median(float(code[1:]) for code in near[hidden:])
        if hidden < 6:
            assert (row["valeur_comparateur"], row["zones"], row["statut"]) == (median, 10 - hidden, "comparable")
        else:
            assert (row["valeur_comparateur"], row["statut"]) == (None, "trop_peu_de_comparables")
