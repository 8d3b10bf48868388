"""Whole runs: what is published of the uncertainty, of the rule of both sides, and what never is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factory import IN_B, IN_COMMUNE_1, IN_COMMUNE_2, Mini, indicator, number_column, point, points_clause, text_column
from scipy.special import ndtr

from qpv_data.clause.check import checked_clauses
from qpv_data.problems import InvalidDeclarationError

ERRORS = {"11": 20.0, "12": 120.0}
QUALITY = {"colonne": "classe", "inconnu": ["33"], "erreurs_m": ERRORS, "confiance": 0.95}
PLACE = {"mode": "point", "x": "x", "y": "y", "crs": "EPSG:2154", "commune": "insee", "qualite": QUALITY}
INDICATORS = [indicator("n"), indicator("total", "somme", numerateur="montant"), indicator("foyers", distinct="menage")]
HEADER = ("id", "x", "y", "insee", "menage", "montant", "classe")
A = (300.0, 500.0)  # QPV A is the square of these sides
QUARTER = "2024-T4"

Rows = list[dict[str, object]]


def run(root: Path, rows: Rows, **more: Any) -> Mini:
    """A run of one feed, delivered once for the last quarter."""
    mini = Mini(root)
    mini.referentials()
    declared = points_clause(localisation=PLACE, indicateurs=more.pop("indicateurs", INDICATORS), **more)
    declared["colonnes"] = [*declared["colonnes"], text_column("classe"), number_column("erreur")]
    declared["periode"] = {"origine": "livraison", "frequence": "T", "debut": QUARTER, "fin": QUARTER}
    mini.declare(declared)
    lines = [";".join([*HEADER, "erreur"])]
    lines += [";".join(str(r.get(h, "") if r.get(h) is not None else "") for h in HEADER) + ";" for r in rows]
    mini.deliver(f"points-{QUARTER}.csv", "\n".join(lines) + "\n")
    mini.run()
    return mini


def bounds_of(mini: Mini, indicateur: str, code: str, modalite: str = "ensemble") -> tuple[float, float, float] | None:
    """(low, value, high) of a quarter of 2024, or None when no bound is published."""
    found = mini.query(
        "SELECT borne_basse, v.valeur, borne_haute FROM incertitudes i JOIN valeurs v"
        " USING (publication, indicateur, modalite, zonage, code_zone, periode)"
        " WHERE indicateur = ? AND code_zone = ? AND modalite = ? AND zonage = 'qpv2024'",
        indicateur, code, modalite,
    )  # fmt: skip
    assert len(found) <= 1
    return found[0] if found else None


def certain(classe: str = "11") -> list[dict[str, object]]:
    return [point(f"s{n}", (400.0, 400.0 + n), classe=classe) for n in range(5)]


def test_a_count_near_the_boundary_has_bounds_and_one_far_from_it_has_none_but_itself(tmp_path: Path) -> None:
    rows = [
        *certain(),
        point("i", (499, 400), classe="11"),
        point("o", (502, 410), classe="11"),
        point("b", IN_B, classe="11"),
    ]
    mini = run(tmp_path, rows)
    assert bounds_of(mini, "n", "QN09901A") == (5, 6, 7)
    assert bounds_of(mini, "n", "QN09902B") == (1, 1, 1)
    assert bounds_of(mini, "n", "QN09903C") == (0, 0, 0)
    rows_of = mini.query("SELECT DISTINCT zonage, indicateur, type, niveau, methode FROM incertitudes ORDER BY ALL")
    assert rows_of == [
        (z, i, "position", 0.9, "exacte") for z in ("qpv2015", "qpv2024") for i in ("n", "total")
    ]  # neither the communes, nor a count of distinct units


def test_the_records_of_one_geocode_are_in_or_out_together(tmp_path: Path) -> None:
    tower = [point(f"t{n}", (499.5, 400), classe="11", montant=n) for n in range(40)]
    mini = run(tmp_path, certain() + tower)
    assert bounds_of(mini, "n", "QN09901A") == (5, 45, 45)
    assert bounds_of(mini, "total", "QN09901A") == (5, 785, 785)


def test_the_probabilities_located_are_those_of_the_normal_law(tmp_path: Path) -> None:
    mini = run(tmp_path, [point("p", (490, 400), classe="12"), point("q", (100, 100), classe="33")])
    found = mini_located(mini)
    sigma = 120 / np.sqrt(-2 * np.log(0.05))
    edges = [float(ndtr((A[1] - v) / sigma) - ndtr((A[0] - v) / sigma)) for v in (490, 400)]
    assert found["erreur_ecart_type_m"] == [pytest.approx(sigma), None]
    (zone,) = found["qpv2024__p"][0]
    assert zone["code_zone"] == "QN09901A"
    assert zone["p"] == pytest.approx(edges[0] * edges[1], abs=1e-4), "within a centimetre of the drawn contour"
    assert found["qpv2024__p"][1] is None
    assert found["qpv2024__distance_limite_m"] == [pytest.approx(10, abs=0.02), None]


def mini_located(mini: Mini) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    content: dict[str, list[Any]] = pq.read_table(mini.out / "located" / "points" / f"{QUARTER}.parquet").to_pydict()
    return content


def test_a_random_point_of_the_commune_is_never_counted_nor_in_a_bound(tmp_path: Path) -> None:
    mini = run(tmp_path, [*certain(), *(point(f"r{n}", (400, 400), insee="99001", classe="33") for n in range(9))])
    assert bounds_of(mini, "n", "QN09901A") == (5, 5, 5)
    lost = mini.query(
        "SELECT valeur FROM valeurs WHERE zonage = 'non_localise' AND code_zone = '99001' AND indicateur = 'n'"
    )
    assert lost == [(9,)]


def test_a_class_that_the_clause_does_not_name_is_unknown_and_never_exact(tmp_path: Path) -> None:
    mini = run(tmp_path, [*certain(), point("x", (499, 400), insee="99001", classe="21"), point("y", (400, 400))])
    assert bounds_of(mini, "n", "QN09901A") == (5, 5, 5)
    assert mini_located(mini)["localisation_motif"] == [None] * 5 + ["qualite_non_declaree"] * 2


def test_modalities_have_bounds_of_their_own(tmp_path: Path) -> None:
    axis = {"axe": "menage", "expression": "menage", "valeurs": {"x": "X", "y": "Y"}}
    rows = [point(f"i{n}", (499, 350 + n), classe="11", menage="xy"[n % 2]) for n in range(8)] + certain()
    mini = run(tmp_path, rows, indicateurs=[indicator("n", modalites=axis)])
    low, value, high = bounds_of(mini, "n", "QN09901A", "x") or (0, 0, 0)
    assert (value, high) == (4, 4)
    assert 0 < low < 4
    whole = bounds_of(mini, "n", "QN09901A")
    assert whole is not None
    assert whole[0] > 5 + 2 * low - 4, "the bounds of parts do not add up: errors cancel out"
    assert bounds_of(mini, "n", "QN09901A", "non_renseigne") == (5, 5, 5)


SECRET = {
    "regime": "seuil",
    "famille": "donnees_ouvertes",
    "unite_famille": "enregistrement",
    "unite": "menage",
    "seuil": 3,
    "colonne_unite": "menage",
}


def ring(number: int, inside: bool = True, start: int = 0) -> Rows:
    """Records a metre inside or outside the east side of A, a household and a geocode each."""
    return [
        point(f"r{inside}{n + start}", (499.0 if inside else 501.0, 320.0 + 8 * n), classe="11") for n in range(number)
    ]


def far(spot: tuple[float, float] = IN_COMMUNE_1) -> Rows:
    """Enough households far from any quarter for the rest of a commune to be under no threshold."""
    return [point(f"f{spot[0]}{n}", (spot[0], spot[1] + n), classe="11") for n in range(5)]


@pytest.mark.parametrize(
    ("rows", "published"),
    [
        (certain() + ring(4) + ring(4, inside=False), True),
        (certain() + ring(4), True),
        (certain() + ring(2), False),
        (certain() + ring(4) + ring(2, inside=False), False),
        (certain()[:2] + ring(4), False),
        (ring(4) + ring(4, inside=False), True),
        (certain(), True),
    ],
    ids=["enough everywhere", "nobody outside", "few inside", "few outside", "few for sure", "nobody for sure", "certain"],
)  # fmt: skip
def test_under_a_threshold_each_side_of_a_bound_is_held_to_it(tmp_path: Path, rows: Rows, published: bool) -> None:
    mini = run(tmp_path, rows + far(), secret=SECRET)
    assert mini.value("n", "QN09901A", QUARTER)[2] == "diffusee"
    assert (bounds_of(mini, "n", "QN09901A") is not None) == published


@pytest.mark.parametrize("persons", [1, 0])
def test_no_side_of_a_bound_has_too_few_of_another_unit(tmp_path: Path, persons: int) -> None:
    other = {"unite": "personne", "unite_famille": "enregistrement", "seuil": 3, "effectif": "montant"}
    rows = certain() + ring(9) + [{**r, "montant": persons} for r in ring(9, inside=False)]
    mini = run(tmp_path, rows + far(), secret={**SECRET, "autres_unites": [other]}, indicateurs=[indicator("n")])
    assert mini.value("n", "QN09901A", QUARTER)[2] == "diffusee"
    assert (bounds_of(mini, "n", "QN09901A") is not None) == bool(persons)


def test_under_a_rule_of_dominance_no_side_is_one_contributor_s(tmp_path: Path) -> None:
    secret = {**SECRET, "dominance": 0.8}
    rows = certain() + [{**r, "montant": 50 if n == 0 else 1} for n, r in enumerate(ring(4, inside=False))]
    mini = run(tmp_path, rows, secret=secret)
    assert bounds_of(mini, "total", "QN09901A") is None
    assert bounds_of(mini, "n", "QN09901A") is not None


def test_bounds_under_a_threshold_come_from_moments_alone(tmp_path: Path) -> None:
    mini = run(tmp_path, certain() + ring(9) + ring(9, inside=False), secret=SECRET)
    assert mini.query("SELECT DISTINCT methode FROM incertitudes WHERE code_zone = 'QN09901A'") == [("majoree",)]
    low, value, high = bounds_of(mini, "n", "QN09901A") or (0, 0, 0)
    assert 5 <= low < value == 14 < high <= 23


def test_a_hidden_cell_has_no_bound_and_neither_has_the_total_of_its_zone(tmp_path: Path) -> None:
    axis = {
        "axe": "montant",
        "expression": "CASE WHEN montant > 2 THEN 'c' WHEN montant > 1 THEN 'b' ELSE 'a' END",
        "valeurs": {"a": "A", "b": "B", "c": "C"},
    }
    # Two `b` and two `c` hide each other: their total can be shown.
    rows = [*certain(), *(point(f"b{n}", (IN_B[0], IN_B[1] + n), classe="11") for n in range(5))]
    rows += [point(f"few{n}", (400, 380 + n), classe="11", montant=2 + n % 2) for n in range(4)]
    mini = run(tmp_path, rows, secret=SECRET, indicateurs=[indicator("n", modalites=axis)])
    assert mini.value("n", "QN09901A", QUARTER, "b")[2] == "secret"
    assert mini.value("n", "QN09901A", QUARTER)[2] == "diffusee"
    rows_of = mini.query("SELECT code_zone, modalite FROM incertitudes WHERE zonage = 'qpv2024'")
    found = {(str(code), str(modality)) for code, modality in rows_of}
    # The only `b` of the whole territory are hidden in every zone that holds them: no `b` has bounds, wherever it is.
    assert not {modality for _, modality in found} & {"b", "c"}
    assert ("QN09901A", "ensemble") not in found
    assert {("QN09901A", "non_renseigne"), ("QN09902B", "non_renseigne"), ("QN09902B", "ensemble")} <= found


def world(root: Path, hidden: float) -> bytes:
    """Two zones of which C is hidden, and near enough to B for its records to reach it; `hidden` is where they are."""
    mini = Mini(root)
    from factory import geojson, square

    mini.referentials()
    mini.deliver("qpv2024.geojson", geojson({"QN09901A": square(300, 300, 200), "QN09902B": square(900, 300, 200),
                                            "QN09903C": square(1105, 300, 200)}))  # fmt: skip
    declared = points_clause(localisation=PLACE, indicateurs=[indicator("n")], secret=SECRET)
    declared["colonnes"] = [*declared["colonnes"], text_column("classe")]
    declared["periode"] = {"origine": "livraison", "frequence": "T", "debut": QUARTER, "fin": QUARTER}
    mini.declare(declared)
    rows = certain() + ring(4) + [point(f"b{n}", (950, 350 + n), classe="11") for n in range(5)]
    rows += [point(f"c{n}", (1106 + hidden, 350 + n), classe="11") for n in range(2)] + far() + far(IN_COMMUNE_2)
    lines = [";".join(HEADER)] + [";".join(str(r.get(h, "")) for h in HEADER) for r in rows]
    mini.deliver(f"points-{QUARTER}.csv", "\n".join(lines) + "\n")
    mini.run()
    assert mini.value("n", "QN09903C", QUARTER)[2] == "secret"
    assert bounds_of(mini, "n", "QN09901A") is not None
    assert bounds_of(mini, "n", "QN09902B") is None
    return (mini.out / "releases" / f"{QUARTER}-r1" / "ouvert" / "incertitudes.parquet").read_bytes()


def test_the_records_of_a_hidden_zone_change_no_byte_of_the_bounds(tmp_path: Path) -> None:
    assert world(tmp_path / "un", 0.0) == world(tmp_path / "deux", 150.0)


def test_every_published_bound_belongs_to_a_shown_value_and_holds_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = [
        point(n, (float(x), float(y)), classe=str(c), montant=int(m), menage=int(h))
        for n, (x, y, c, m, h) in enumerate(
            zip(rng.uniform(250, 1150, 300), rng.uniform(250, 550, 300), rng.choice([11, 12, 33], 300),
                rng.integers(0, 9, 300), rng.integers(0, 60, 300), strict=True))
    ]  # fmt: skip
    mini = run(tmp_path, rows, secret=SECRET)
    wrong = mini.query(
        "SELECT * FROM incertitudes LEFT JOIN valeurs v USING (publication, indicateur, modalite, zonage, code_zone, periode)"
        " WHERE v.valeur IS NULL OR v.statut_diffusion <> 'diffusee' OR NOT v.valeur BETWEEN borne_basse AND borne_haute"
    )
    assert wrong == []
    assert mini.query("SELECT count(*) > 0 FROM incertitudes WHERE borne_basse < borne_haute") == [(True,)]


def both_sides(**more: Any) -> list[dict[str, Any]]:
    return [indicator("n"), indicator("cfe", regle_limite="deux_cotes", largeur_limite_m=12.0, **more)]


def test_both_sides_of_a_boundary_street_are_inside_for_the_indicator_that_says_so(tmp_path: Path) -> None:
    rows = [*certain(), point("en_face", (511.9, 400), classe="11"), point("au_dela", (512.1, 400), classe="11"),
                        point("coin", (508, 508), classe="11"), point("loin", IN_COMMUNE_1, classe="11")]  # fmt: skip
    mini = run(tmp_path, rows, indicateurs=both_sides())
    assert mini.value("n", "QN09901A", QUARTER)[0] == 5
    assert mini.value("cfe", "QN09901A", QUARTER)[0] == 7
    assert mini.value("cfe", "99001", QUARTER)[0] == mini.value("n", "99001", QUARTER)[0] == 9, "communes are strict"
    assert bounds_of(mini, "cfe", "QN09901A") is None
    assert mini.query("SELECT indicateur, regle_limite, largeur_limite_m FROM indicateurs ORDER BY 1") == [
        ("cfe", "deux_cotes", 12), ("n", "strict", None),
    ]  # fmt: skip


def test_between_two_zones_a_record_of_both_sides_counts_once_in_the_nearest(tmp_path: Path) -> None:
    from factory import geojson, square

    mini = Mini(tmp_path)
    mini.referentials()
    mini.deliver("qpv2024.geojson", geojson({"QN09902B": square(300, 300, 100), "QN09901A": square(410, 300, 100)}))
    rows = [point("west", (404, 350)), point("east", (407, 350)), point("corner", (405.5, 290))]
    mini.points(dict.fromkeys(("2024-T1", "2024-T2", "2024-T3", "2024-T4"), rows), indicateurs=both_sides())
    mini.run()
    counts = {code: mini.value("cfe", code, QUARTER)[0] for code in ("QN09901A", "QN09902B")}
    assert counts == {"QN09901A": 2, "QN09902B": 1}
    assert mini.value("n", "QN09901A", QUARTER)[0] == mini.value("n", "QN09902B", QUARTER)[0] == 0


def test_a_feed_that_declares_nothing_has_no_bound_and_the_same_columns_as_ever(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points({q: [point("a", (499, 400))] for q in ("2024-T1", "2024-T2", "2024-T3", "2024-T4")})
    mini.run()
    assert mini.query("SELECT count(*) FROM incertitudes") == [(0,)]
    assert not [n for n in mini_located(mini) if n.endswith(("__p", "__deux_cotes", "_limite_m"))]


def test_both_sides_of_codes_and_an_error_that_is_no_number_are_refused(tmp_path: Path) -> None:
    from factory import codes_clause

    mini = Mini(tmp_path)
    mini.referentials()
    both = indicator("v", "somme", numerateur="valeur", regle_limite="deux_cotes", largeur_limite_m=5)
    mini.declare(codes_clause("codes", "qpv2024", indicateurs=[both]))
    place = {**PLACE, "qualite": {"colonne": "insee", "inconnu": ["33"], "colonne_erreur_m": "menage", "erreur_max_m": 9,
                                 "confiance": 0.9}}  # fmt: skip
    mini.declare(points_clause(localisation=place))
    with pytest.raises(InvalidDeclarationError) as caught:
        checked_clauses(mini.clauses)
    told = str(caught.value)
    assert "demande des points" in told
    assert "une erreur en mètres est un nombre" in told
    assert len(caught.value.violations) == 2
