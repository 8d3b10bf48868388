"""Rows of communes, in quarters: whole or not at all, as the clause says; against areas found one pair at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from factory import Mini, clause_of, codes_clause, geojson, indicator, square
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.clause.check import checked_clauses
from qpv_data.clause.whereabouts import Quartiers
from qpv_data.locate import LocateReport, locate
from qpv_data.problems import InvalidDeclarationError, Problem
from qpv_data.zonages.loading import ZoneGroup, Zones
from qpv_data.zonages.quarters import quarters_of

Q = "qpv2024"
HERE = "hexagone"
QUARTERS = {"zonage": Q, "part_min": 0.99}


def zones_of(
    communes: Mapping[str, Any],
    quarters: Mapping[str, Any],
    *,
    listed: Mapping[str, Sequence[str]] | None = None,
    undrawn: Mapping[str, Sequence[str]] | None = None,
    in_force: frozenset[str] = frozenset({HERE}),
) -> Zones:
    """The zonings of a run. `undrawn`: zoning → codes without contour; `listed`: quarter → communes."""
    drawn = {"commune": communes, Q: quarters}
    known = {z: frozenset({*d, *(undrawn or {}).get(z, ())}) for z, d in drawn.items()}
    groups = {
        z: {2154: ZoneGroup(z, 2154, np.array(sorted(d), object), np.array([d[c] for c in sorted(d)], object))}
        for z, d in drawn.items()
        if d
    }
    return Zones(
        {"commune": {}, Q: {}} | groups,
        {"commune": frozenset({HERE}), Q: in_force},
        known,
        {"commune": "commune", Q: "qpv"},
        membres={Q: {zone: frozenset(towns) for zone, towns in (listed or {}).items()}},
        territoires={z: dict.fromkeys(codes, HERE) for z, codes in known.items()},
    )


def answers(zones: Zones, part_min: float = 0.99) -> dict[str, tuple[str | None, str, str | None]]:
    found = quarters_of(Quartiers(zonage=Q, part_min=part_min), zones)
    return {c: tuple(a) for c, a in found.reponses.items()}


TWO = {"01001": square(0, 0, 1000), "01002": square(1000, 0, 1000)}
cuts = st.lists(st.integers(1, 39), min_size=1, max_size=4, unique=True).map(lambda c: [0, *sorted(c), 40])
boxes = st.lists(st.tuples(*[st.integers(0, 44)] * 4), max_size=4)


@settings(max_examples=120, deadline=None)
@given(xs=cuts, ys=cuts, drawn=boxes, whole=st.lists(st.integers(0, 24), max_size=3), part_min=st.floats(0.501, 1.0))
def test_every_commune_and_quarter_is_as_areas_found_one_by_one_say(
    xs: list[int], ys: list[int], drawn: list[tuple[int, ...]], whole: list[int], part_min: float
) -> None:
    tiles = [shapely.box(100 * a, 100 * b, 100 * c, 100 * d) for a, c in pairwise(xs)
             for b, d in pairwise(ys)]  # fmt: skip
    communes = {f"01{n:03}": tile for n, tile in enumerate(tiles)}
    shapes = [shapely.box(*(100 * v for v in (min(a, c), min(b, d), max(a, c), max(b, d)))) for a, b, c, d in drawn]
    shapes = [s for s in shapes if s.area] + [tiles[n % len(tiles)] for n in whole]
    quarters = {f"QN001{n:02}M": shape for n, shape in enumerate(shapes)}
    zones = zones_of(communes, quarters)
    found = quarters_of(Quartiers(zonage=Q, part_min=part_min), zones)
    common = {(c, q): t.intersection(s).area for c, t in communes.items() for q, s in quarters.items()}
    for commune, tile in communes.items():
        held = [q for q in quarters if common[commune, q] >= part_min * tile.area - 0.01]
        met = any(common[commune, q] > 0.01 for q in quarters)
        state = "dedans" if len(held) == 1 else "inconnu" if met else "dehors"
        if not quarters:
            assert tuple(found.reponses[commune]) == (None, "inconnu", "referentiel_vide")
            continue
        code, why = held[0] if state == "dedans" else None, "commune_partagee" if state == "inconnu" else None
        assert tuple(found.reponses[commune]) == (code, state, why)
    for quarter, shape in quarters.items():
        sliver = max(100.0, 0.005 * shape.area)
        touching = {
            c for c, t in communes.items()
            if common[c, quarter] > sliver or common[c, quarter] >= part_min * t.area - 0.01
        }  # fmt: skip
        assert found.communes.get(quarter, frozenset()) == touching
        assert found.told(quarter) == {c for c in touching if found.reponses[c].code == quarter}
    assert set(found.reponses) == set(communes)


@settings(max_examples=80, deadline=None)
@given(kept=st.sets(st.integers(0, 35), max_size=36), drawn=boxes, listed=st.booleans())
def test_the_communes_of_a_quarter_are_known_when_they_hold_all_its_ground_but_a_sliver(
    kept: set[int], drawn: list[tuple[int, ...]], listed: bool
) -> None:
    """Tiles of 6 x 6, some away; ground is counted one square of 100 m at a time."""
    communes = {f"01{n:03}": shapely.box(*(800 * v for v in (n % 6, n // 6, n % 6 + 1, n // 6 + 1))) for n in kept}
    spans = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in drawn]
    quarters = {f"QN001{n:02}M": span for n, span in enumerate(spans) if span[0] < span[2] and span[1] < span[3]}
    shapes = {code: shapely.box(*(100 * v for v in span)) for code, span in quarters.items()}
    undrawn = {code: ["01999"] for code in list(quarters)[:1] if listed}
    zones = zones_of(communes, shapes, listed=undrawn, undrawn={"commune": ["01999"]})
    found = quarters_of(Quartiers(zonage=Q, part_min=1.0), zones)
    known = set()
    for code, (left, low, right, top) in quarters.items():
        squares = [(x, y) for x in range(left, right) for y in range(low, top)]
        bare = sum(x >= 48 or y >= 48 or x // 8 + 6 * (y // 8) not in kept for x, y in squares)
        if bare * 10_000 <= max(100.0, 0.005 * 10_000 * len(squares)) and code not in undrawn and kept:
            known.add(code)
    assert found.connus == known


@pytest.mark.parametrize(("width", "state"), [(1000, "dedans"), (990, "dedans"), (989, "inconnu"), (1, "inconnu")])
def test_a_commune_is_inside_from_its_least_share_and_unknown_under_it(width: float, state: str) -> None:
    x, y, _, top = TWO["01001"].bounds
    found = answers(zones_of(TWO, {"QN00101M": shapely.box(x, y, x + width, top)}))
    assert found["01001"] == (("QN00101M", state, None) if state == "dedans" else (None, state, "commune_partagee"))
    assert found["01002"] == (None, "dehors", None)


def test_two_quarters_that_hold_a_same_commune_leave_it_unknown() -> None:
    whole = TWO["01001"]
    assert answers(zones_of(TWO, {"QN00101M": whole, "QN00102M": whole}))["01001"] == (
        None,
        "inconnu",
        "commune_partagee",
    )


def test_what_lacks_a_contour_is_unknown_and_says_why() -> None:
    quarters, whole = {"QN00101M": TWO["01001"]}, ("QN00101M", "dedans", None)
    empty, shared = (None, "inconnu", "referentiel_vide"), (None, "inconnu", "commune_partagee")
    elsewhere = (None, "inconnu", "hors_couverture")
    # a commune
    assert answers(zones_of(TWO, quarters, undrawn={"commune": ["01003"]})) == {
        "01001": whole, "01002": (None, "dehors", None), "01003": empty,
    }  # fmt: skip
    # every commune; every quarter
    assert set(answers(zones_of({}, quarters, undrawn={"commune": [*TWO]})).values()) == {empty}
    assert set(answers(zones_of(TWO, {}, undrawn={Q: ["QN00101M"]})).values()) == {empty}
    # a quarter that a list places, and one that nothing places
    listed = zones_of(TWO, quarters, undrawn={Q: ["QN00102M"]}, listed={"QN00102M": ["01002"]})
    assert answers(listed) == {"01001": whole, "01002": shared}
    assert answers(zones_of(TWO, quarters, undrawn={Q: ["QN00102M"]})) == {"01001": whole, "01002": empty}
    # a territory where the zoning is not in force
    assert answers(zones_of(TWO, {"QN00101M": square(9000, 0, 10)}, in_force=frozenset()))["01002"] == elsewhere


def placed(folder: Path, codes: list[str | None], **place: Any) -> tuple[pa.Table, LocateReport]:
    zones = zones_of(
        {**TWO, "01003": square(2000, 0, 1000)}, {"QN00101M": TWO["01001"], "QN00102M": square(1000, 0, 9)}
    )
    clause = clause_of(codes_clause("tableau", "commune", localisation=localisation(**place)))
    table = pa.table({"code": pa.array(codes, pa.string()), "valeur": pa.array([1.0] * len(codes))})
    pq.write_table(table, folder / "conforme.parquet")
    report = locate(clause, folder / "conforme.parquet", zones=zones, located=folder / "lieux.parquet")
    return pq.read_table(folder / "lieux.parquet"), report


def localisation(**more: Any) -> dict[str, Any]:
    return {"mode": "code", "zonage": "commune", "colonne": "code", **more}


ANSWERS = {
    "01001": ("QN00101M", "dedans", None),
    "01002": (None, "inconnu", "commune_partagee"),
    "01003": (None, "dehors", None),
    "99999": (None, "inconnu", "code_inconnu"),
    None: (None, "inconnu", "code_absent"),
}


@settings(max_examples=15, deadline=None)
@given(codes=st.lists(st.sampled_from([*ANSWERS]), max_size=12).map(lambda c: [*c, "01002"]))
def test_rows_are_where_their_commune_is_and_the_totals_close(
    tmp_path_factory: pytest.TempPathFactory, codes: list[str | None]
) -> None:
    table, report = placed(tmp_path_factory.mktemp("lieux"), codes, quartiers=QUARTERS)
    read = zip(*(table[c].to_pylist() for c in (Q, f"{Q}_localisation", "localisation_motif")), strict=True)
    assert list(read) == [ANSWERS[c] for c in codes]
    assert table["localisation"] == table[f"{Q}_localisation"]
    states = Counter(ANSWERS[c][1] for c in codes)
    assert report.zonages[Q] == report.zonages[""] == tuple(states[s] for s in ("dedans", "dehors", "inconnu"))
    assert sum(report.zonages[Q]) == report.lus == len(codes)
    assert table["commune"].to_pylist() == [c if c in ("01001", "01002", "01003") else None for c in codes]


def test_without_the_key_a_commune_says_nothing_of_quarters(tmp_path: Path) -> None:
    table, report = placed(tmp_path, ["01001", "01002"])
    assert Q not in table.column_names
    assert set(report.zonages) == {"", "commune"}
    assert table["localisation"].to_pylist() == ["dedans", "dedans"]


COMMUNES = {f"9900{n}": square(1000 * (n - 1), 0, 1000) for n in range(1, 8)}
X, Y, _, TOP = COMMUNES["99001"].bounds
DRAWN = {
    "QN09901A": COMMUNES["99001"],
    "QN09902B": shapely.box(X + 1000, Y, X + 2500, TOP),
    "QN09903C": square(3300, 300, 200),
    "QN09904D": shapely.box(X + 4000, Y, X + 6000, TOP),
}


ROWS = {code: float(10**n) for n, code in enumerate(COMMUNES)}
ASKED = {"localisation": localisation(quartiers=QUARTERS)}


def whole_quarters(root: Path, rows: Mapping[str, float], **feeds: Mapping[str, Any]) -> Mini:
    """Quarters: A, all of 99001; B, 99002 and half of 99003; C, a part of 99004; D, 99005 and 99006; 99007 has none."""
    mini = Mini(root)
    mini.referentials()
    mini.deliver("commune.geojson", geojson(COMMUNES))
    mini.deliver("qpv2024.geojson", geojson(DRAWN))
    for name, more in feeds.items():
        mini.declare(codes_clause(name, "commune", **more))
        mini.deliver(f"{name}.csv", "code;valeur\n" + "".join(f"{c};{v}\n" for c, v in rows.items()))
    mini.run()
    return mini


def quarter_cells(mini: Mini, feed: str) -> dict[str, tuple[float | None, str]]:
    rows = mini.query(
        "SELECT code_zone, valeur, statut_observation FROM valeurs WHERE indicateur = ? AND zonage = ?", f"{feed}_v", Q
    )
    return {code[-1]: (value, status) for code, value, status in rows}


def test_a_quarter_has_a_value_only_when_all_its_communes_are_whole_in_it_and_the_clause_says_so(
    tmp_path: Path,
) -> None:
    ready_made = {**ASKED, "indicateurs": [indicator("pret_v", "releve", numerateur="valeur")]}
    half = {**ASKED, "couverture": {"communes": ["99001", "99002", "99003", "99005"]}}
    mini = whole_quarters(tmp_path, ROWS, dit=ASKED, tait={}, pret=ready_made, moitie=half)
    a, b, c = (1.0, "normale"), (None, "non_livree"), (None, "sans_objet")
    assert quarter_cells(mini, "dit") == {"A": a, "B": b, "C": c, "D": (110_000.0, "normale")}
    assert quarter_cells(mini, "moitie") == {"A": a, "B": b, "C": c, "D": b}
    assert quarter_cells(mini, "tait") == quarter_cells(mini, "pret") == dict.fromkeys("ABCD", c)
    assert mini.value("pret_v", "99005", "2023") == (10_000.0, "normale", "diffusee")
    assert mini.value("dit_v", "territoire", "2023")[0] == sum(ROWS.values())
    communes = "SELECT count(*), sum(valeur) FROM valeurs WHERE zonage = 'commune' AND indicateur = 'dit_v'"
    assert mini.query(communes) == [(7, sum(ROWS.values()))]
    others = "SELECT DISTINCT statut_observation FROM valeurs WHERE zonage = 'qpv2015'"
    assert mini.query(others) == [("sans_objet",)]


def test_a_commune_without_a_row_takes_its_quarter_away(tmp_path: Path) -> None:
    mini = whole_quarters(tmp_path, {c: v for c, v in ROWS.items() if c not in ("99001", "99006")}, dit=ASKED)
    found = quarter_cells(mini, "dit")
    assert found["A"] == found["D"] == (None, "non_livree")
    assert mini.value("dit_v", "99001", "2023")[1] == "non_livree"


def test_ground_of_no_commune_of_the_run_leaves_a_quarter_undelivered_never_whole_nor_without_object(
    tmp_path: Path,
) -> None:
    """99006 and 99004 are in no list of the run: D is half 99005's, C is nobody's; E has collapsed."""
    mini = Mini(tmp_path)
    mini.referentials()
    communes = {c: shape for c, shape in COMMUNES.items() if c not in ("99004", "99006")}
    mini.deliver("commune.geojson", geojson(communes))
    mini.deliver("qpv2024.geojson", geojson({**DRAWN, "QN09905E": shapely.Polygon([(X, Y), (X + 9, Y), (X, Y)])}))
    elsewhere = {"localisation": localisation(quartiers=QUARTERS), "couverture": {"departements": ["98"]}}
    for name, more in {"dit": ASKED, "ailleurs": elsewhere}.items():
        mini.declare(codes_clause(name, "commune", **more))
        mini.deliver(f"{name}.csv", "code;valeur\n" + "".join(f"{c};1\n" for c in communes))
    mini.run()
    a, b, c = (1.0, "normale"), (None, "non_livree"), (None, "sans_objet")
    assert quarter_cells(mini, "dit") == {"A": a, "B": b, "C": b, "D": b, "E": b}
    assert set(quarter_cells(mini, "ailleurs").values()) == {c}


@pytest.mark.parametrize(
    ("place", "problem", "said"),
    [
        (localisation(zonage="qpv2015", quartiers=QUARTERS), Problem.VALEUR_INVALIDE, "du zonage qpv2015"),
        (localisation(quartiers={**QUARTERS, "zonage": "qpv2030"}), Problem.REFERENCE_INCONNUE, "qpv2030"),
        (localisation(quartiers={**QUARTERS, "zonage": "epci"}), Problem.VALEUR_INVALIDE, "de famille epci"),
        (localisation(quartiers={"zonage": Q}), Problem.CLE_MANQUANTE, "part_min"),
        (localisation(quartiers={**QUARTERS, "part_min": 0.5}), Problem.VALEUR_INVALIDE, "part_min"),
        (localisation(quartiers={**QUARTERS, "part_min": 1.01}), Problem.VALEUR_INVALIDE, "part_min"),
    ],
)
def test_a_clause_that_says_it_badly_is_refused(
    place: dict[str, Any], problem: Problem, said: str, tmp_path: Path
) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.declare(codes_clause("tableau", "commune", localisation=place))
    with pytest.raises(InvalidDeclarationError) as refused:
        checked_clauses(mini.clauses)
    found = [(v.probleme, v.fichier.endswith("tableau.yml")) for v in refused.value.violations]
    assert found == [(problem, True)]
    assert said in refused.value.violations[0].message
