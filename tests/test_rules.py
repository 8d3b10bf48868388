"""The primary rules, against a plain reading of them, on cells drawn at random."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factory import clause_of, indicator, points_clause
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.judging import denominator_period
from qpv_data.protect import Protected, protect

_D, _I, _T = pa.decimal128(38, 9), pa.int64(), pa.string()
CELLS = pa.schema(
    [
        ("zonage", _T), ("code_zone", _T), ("periode", _T), ("modalite", _T), ("statut_observation", _T),
        ("ligne_absente", pa.bool_()), ("masque", _T), ("n_lignes", _I), ("somme_numerateur", _D),
        ("somme_denominateur", _D), ("n_distincts", _I), ("n_unites", _I), ("n_numerateur", _I),
        ("n_denominateur", _I), ("n_complement", _I), ("part_dominante", pa.float64()),
    ]
)  # fmt: skip
counts = st.integers(0, 14)
amounts = st.decimals(-(10**6), 10**6, places=3, allow_nan=False)


def cell(**more: Any) -> dict[str, Any]:
    return {
        "zonage": "qpv2024", "code_zone": "QN09901A", "periode": "2024-T1", "modalite": "ensemble",
        "statut_observation": "normale", "ligne_absente": False, "masque": None, "n_lignes": 1,
        "somme_numerateur": Decimal(0), "somme_denominateur": Decimal(0), "n_distincts": 0, "n_unites": 0,
        "n_numerateur": 0, "n_denominateur": 0, "n_complement": 0, "part_dominante": None, **more,
    }  # fmt: skip


def protected(
    folder: Path, cells: list[dict[str, Any]], secret: dict[str, Any], **declared: Any
) -> list[dict[str, Any]]:
    """What protect lets out of `cells`, one zone a cell, in their order."""
    named = [{**c, "code_zone": f"Z{n:04d}"} for n, c in enumerate(cells)]
    clause = clause_of(points_clause("points", secret=secret, indicateurs=[declared]))
    target = folder / "aggregated" / "points" / f"{declared['id']}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(named, schema=CELLS), target)
    made = protect(
        [(clause, clause.indicateurs[0])],
        folder / "aggregated",
        folder / "zonages",
        folder / "out",
        folder / "t",
        complementary=False,
    )
    rows: list[dict[str, Any]] = pq.read_table(made.cellules[declared["id"]]).to_pylist()
    return rows


def away_from_zero(exact: Fraction, decimals: int) -> float:
    scaled = abs(exact) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return float(Fraction(whole if exact >= 0 else -whole, 10**decimals))


SEUIL = {
    "regime": "seuil",
    "famille": "donnees_ouvertes",
    "unite_famille": "enregistrement",
    "unite": "menage",
    "seuil": 5,
    "dominance": 0.85,
    "colonne_unite": "menage",
}
LIBRE = {"regime": "sans_objet", "justification": "objets"}
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
drawn = st.lists(
    st.builds(
        cell, somme_numerateur=amounts, somme_denominateur=amounts, n_unites=counts, n_numerateur=counts,
        n_denominateur=counts, n_complement=counts,
        part_dominante=st.one_of(st.none(), st.sampled_from([0.2, 0.85, 0.8500001, 1.0])),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@slow
@given(cells=drawn, nature=st.sampled_from(["compte", "somme", "moyenne", "part", "taux"]))
def test_a_cell_is_hidden_exactly_when_a_rule_says_so(tmp_path: Path, cells: list[dict[str, Any]], nature: str) -> None:
    more: dict[str, Any] = {} if nature == "compte" else {"numerateur": "montant"}
    if nature == "taux":
        more["denominateur"] = "montant"
    rows = protected(tmp_path, cells, SEUIL, **indicator("i", nature, **more))
    for given_cell, row in zip(cells, rows, strict=True):
        small = [given_cell["n_unites"], given_cell["n_numerateur"]]
        numerator, denominator = given_cell["somme_numerateur"], given_cell["somme_denominateur"]
        ratio = nature in ("moyenne", "part", "taux")
        if ratio:
            small.append(given_cell["n_denominateur"])
        if nature == "part":
            small.append(given_cell["n_complement"])
        everyone = nature == "part" and given_cell["n_unites"] > 0 and numerator in (0, denominator)
        dominated = (given_cell["part_dominante"] or 0) > 0.85
        empty = ratio and denominator == 0
        # A figure behind which nobody is counted: the unit is missing, and nothing says that enough are there.
        nobody = given_cell["n_numerateur"] == 0 and numerator != 0
        nobody |= ratio and given_cell["n_denominateur"] == 0 and denominator != 0
        hidden = any(0 < n < 5 for n in small) or everyone or dominated or nobody
        expected = "secret" if hidden and not empty else "diffusee"
        assert row["statut_diffusion"] == expected, (given_cell, row)
        if expected == "secret":
            assert (row["valeur"], row["numerateur"], row["denominateur"]) == (None, None, None)


@slow
@given(
    cells=drawn,
    nature=st.sampled_from(["somme", "moyenne", "taux"]),
    decimals=st.integers(0, 6),
    factor=st.sampled_from([1, 100, 1000, 0.001, 100.5]),
)
def test_a_shown_value_is_the_exact_one_rounded_half_away_from_zero(
    tmp_path: Path, cells: list[dict[str, Any]], nature: str, decimals: int, factor: float
) -> None:
    more = {"denominateur": "montant"} if nature == "taux" else {}
    declared = indicator("i", nature, numerateur="montant", facteur=factor, **more)
    rows = protected(tmp_path, cells, LIBRE, **{**declared, "decimales": decimals})
    for given_cell, row in zip(cells, rows, strict=True):
        exact = Fraction(given_cell["somme_numerateur"])
        if nature != "somme":
            below = Fraction(given_cell["somme_denominateur"])
            if below == 0:
                assert (row["valeur"], row["statut_observation"]) == (None, "sans_objet")
                continue
            exact = exact * Fraction(str(factor)) / below
        assert row["valeur"] == away_from_zero(exact, decimals), (given_cell, row)


def test_no_count_of_units_leaves(tmp_path: Path) -> None:
    row = protected(tmp_path, [cell(n_unites=12, n_numerateur=12)], SEUIL, **indicator("i"))[0]
    assert set(row) == {
        "zonage", "code_zone", "periode", "modalite", "statut_observation", "statut_diffusion", "valeur",
        "numerateur", "denominateur",
    }  # fmt: skip


def test_an_indicator_may_be_stricter_than_its_clause(tmp_path: Path) -> None:
    cells = [cell(n_unites=8, n_numerateur=8), cell(n_unites=11, n_numerateur=11)]
    rows = protected(tmp_path, cells, SEUIL, **indicator("i", seuil=11))
    assert [r["statut_diffusion"] for r in rows] == ["secret", "diffusee"]


def test_a_zero_is_shown_and_a_mask_is_never_a_zero(tmp_path: Path) -> None:
    cells = [cell(), cell(masque="masque_producteur"), cell(masque="non_livree"), cell(statut_observation="sans_objet")]
    rows = protected(tmp_path, cells, SEUIL, **indicator("i"))
    seen = [(r["valeur"], r["statut_observation"], r["statut_diffusion"]) for r in rows]
    assert seen == [
        (0.0, "normale", "diffusee"),
        (None, "normale", "masque_producteur"),
        (None, "non_livree", "diffusee"),
        (None, "sans_objet", "diffusee"),
    ]


def test_a_headcount_of_many_with_a_sum_of_few_is_hidden(tmp_path: Path) -> None:
    """Fifty households in the row, two of them concerned: the figure itself is the small count."""
    secret = {
        "regime": "seuil",
        "famille": "donnees_ouvertes",
        "unite_famille": "enregistrement",
        "unite": "menage",
        "seuil": 5,
        "effectif": "montant",
    }
    cells = [cell(n_unites=50, n_numerateur=50, somme_numerateur=Decimal(2))]
    rows = protected(tmp_path, cells, secret, **indicator("i", "somme", numerateur="montant"))
    assert rows[0]["statut_diffusion"] == "secret"


def test_what_publish_accepts_is_made_by_protect_alone() -> None:
    with pytest.raises(TypeError):
        Protected({}, {}, {}, "primaire", object())


@pytest.mark.parametrize(("hidden", "status"), [(True, "secret"), (False, "diffusee")])
def test_a_rate_never_shows_a_denominator_that_is_hidden(tmp_path: Path, hidden: bool, status: str) -> None:
    declared = [indicator("pop", "somme", numerateur="montant"), indicator("taux", "taux", par="pop", facteur=1000)]
    clause = clause_of(points_clause("points", secret=SEUIL, indicateurs=declared))
    units = 3 if hidden else 30
    for name, value in (("pop", units), ("taux", 40)):
        target = tmp_path / "aggregated" / "points" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        row = cell(n_unites=value, n_numerateur=value, somme_numerateur=Decimal(value))
        pq.write_table(pa.Table.from_pylist([row], schema=CELLS), target)
    made = protect(
        [(clause, i) for i in clause.indicateurs],
        tmp_path / "aggregated",
        tmp_path / "zonages",
        tmp_path / "o",
        tmp_path / "t",
        complementary=False,
    )
    rate = pq.read_table(made.cellules["taux"]).to_pylist()[0]
    assert rate["statut_diffusion"] == status
    assert (rate["denominateur"] is None) == hidden
    assert rate["valeur"] == (None if hidden else 1333.33)


def test_a_rate_takes_the_shortest_denominator_period_that_holds_it_else_the_last_before() -> None:
    assert denominator_period("2024-T3", ["2024", "2023", "2024-S2"]) == "2024-S2"
    assert denominator_period("2024-T3", ["2022", "2020"]) == "2022"
    assert denominator_period("2024-T3", ["2025"]) is None


def test_each_rule_hides_alone(tmp_path: Path) -> None:
    safe = {"n_unites": 20, "n_numerateur": 10, "n_denominateur": 20, "n_complement": 10}
    part = indicator("i", "part", numerateur="montant")
    amounts_of_part = {"somme_numerateur": Decimal(10), "somme_denominateur": Decimal(20)}
    cells = [cell(**safe, **amounts_of_part)]
    cells += [cell(**{**safe, key: n}, **amounts_of_part) for key, n in itertools.product(safe, (1, 4, 5))]
    rows = protected(tmp_path, cells, SEUIL, **part)
    hidden = [r["statut_diffusion"] == "secret" for r in rows]
    assert hidden == [False, *([True, True, False] * len(safe))]
