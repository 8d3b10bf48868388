"""Families of equations that figures refute, alone or together: dropped, said, and always the same ones."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publications import everywhere, indicator, release

from qpv_data.attaque.builder import Builder, Trust
from qpv_data.attaque.families import attack_believed
from qpv_data.attaque.findings import Report
from qpv_data.attaque.rank import determined
from qpv_data.attaque.releases import attack_releases
from qpv_data.attaque.system import ContradictionError


def test_what_needs_a_person_is_apart_from_what_is_only_said(tmp_path: Path) -> None:
    """Zones that do not cover their communes are common; an EPCI that is not its communes is a mistake somewhere."""
    zones = [("commune", c, c, "declare") for c in ("99001", "99002", "99003", "99004")]
    zones += [("iris", f"I{c}", f"9900{c}", "declare") for c in (1, 2, 3, 4)]
    zones += [("epci", "E1", c, "composition") for c in ("99001", "99002")]
    figures = everywhere("i", commune_99001=50, commune_99002=40, commune_99003=60, commune_99004=70, epci_E1=99)
    figures |= everywhere("i", iris_I1=50, iris_I2=40, iris_I3=40, iris_I4=70)
    done = attack_releases([release(tmp_path / "r", figures, zones=zones)])
    assert [n.rsplit(" : ", 1)[1] for n in done.notes] == ["epci = communes", "commune = iris entiers"]
    assert [n.rsplit(" : ", 1)[1] for n in done.to_review] == ["epci = communes"]
    assert done.document()["a_revoir"] == done.to_review


def test_two_indicators_of_one_definition_that_differ_are_for_a_person(tmp_path: Path) -> None:
    figures = everywhere("i", commune_99001=50) | everywhere("autre", commune_99001=51)
    done = attack_releases([release(tmp_path / "r", figures, [indicator("i"), indicator("autre")])])
    assert len(done.to_review) == 1
    assert "d'autres valeurs" in done.to_review[0]


def test_families_that_no_table_satisfies_together_leave_the_most_trusted(tmp_path: Path) -> None:
    """90 inhabitants in two communes, of which QN1 and QN2, that lie there, have 91."""
    hidden = {"territoire_territoire": 90, "commune_99001": None, "commune_99002": None}
    figures = everywhere("i", **hidden, qpv2024_QN1=50, qpv2024_QN2=41)
    done = attack_releases([release(tmp_path / "r", figures)])
    assert len(done.to_review) == 1
    assert done.to_review[0].endswith("i : qpv2024 à cheval"), "of equal trust, the first by name stays"


def built(order: tuple[int, ...]) -> Builder:
    """a + b is 90 for one family and 80 for another, of one trust; c and d are apart."""
    builder = Builder()
    known = {"x": 90, "y": 80, "z": 30}
    cells = {n: builder.cell(n, n, count=True, k=5) for n in "abcdxyz"}
    for name, value in known.items():
        builder.know(cells[name], value)
    builder.hidden[cells["a"]] = builder.hidden[cells["c"]] = True
    rows = [("x", "ab", Trust.GROUND), ("y", "ab", Trust.GROUND), ("z", "cd", Trust.TIME)]
    for number in order:
        whole, parts, trust = rows[number]
        builder.row(f"famille {whole}", [cells[whole]], [cells[p] for p in parts], trust)
    return builder


def test_the_order_of_equations_does_not_choose_which_family_is_dropped() -> None:
    said = set()
    for order in permutations(range(3)):
        report, dropped = attack_believed(built(order), 5)
        assert dropped == {"famille y"}
        said.add((tuple(report.notes), tuple(report.to_review), tuple(f.line() for f in report.findings)))
    assert len(said) == 1


def test_what_no_family_explains_is_refused() -> None:
    builder = Builder()
    a, whole = (builder.cell(n, n, count=True, k=5) for n in "ax")
    builder.know(whole, 3)
    builder.low[a] = 7
    builder.hidden[a] = True
    builder.row("f", [whole], [a])
    report, dropped = attack_believed(builder, 5)
    assert dropped == {"f"}
    assert report.to_review
    builder.high[a] = 6
    with pytest.raises(ContradictionError):
        attack_believed(builder, 5)


@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=4, max_size=4), min_size=1, max_size=6),
    st.lists(st.integers(0, 6), min_size=4, max_size=4),
    st.integers(0, 5),
    st.integers(0, 2),
)
def test_equations_that_contradict_each_other_are_never_taken_for_a_recovery(
    rows: list[list[int]], truth: list[int], at: int, error: int
) -> None:
    """Elimination itself says it, whatever the bounds: numpy's rank is the judge."""
    builder = Builder()
    cells = [builder.cell(n, str(n), count=False, k=5, signed=True) for n in range(4)]
    matrix, rhs = np.array(rows), []
    for number, row in enumerate(rows):
        value = int(np.dot(row, truth)) + (error if number == at % len(rows) else 0)
        rhs.append(value)
        whole = builder.cell(("total", number), f"total {number}", count=False, k=5, signed=True)
        builder.know(whole, value)
        plus, minus = (
            [c for c, v in zip(cells, row, strict=True) if v > 0],
            [c for c, v in zip(cells, row, strict=True) if v < 0],
        )
        builder.row(f"f{number}", [whole, *minus], plus)
    consistent = np.linalg.matrix_rank(matrix) == np.linalg.matrix_rank(np.column_stack([matrix, rhs]))
    try:
        found = determined(builder.system(set()))
    except ContradictionError:
        assert not consistent
        return
    assert consistent
    solution = np.linalg.lstsq(matrix.astype(float), np.array(rhs, float), rcond=None)[0]
    u = found.unknowns
    recovered = {c: found.value[j] for j, c in enumerate(u.cells.tolist()) if found.known[j]}
    assert all(abs(value - solution[c]) < 1e-6 for c, value in recovered.items()), "a fraction is no recovery"
    _, size, vectors = np.linalg.svd(matrix.astype(float))
    null = vectors[(size > 1e-9).sum() :]
    fixed = {c for c in range(4) if np.abs(null[:, c]).max(initial=0.0) < 1e-9}
    assert set(recovered) == {c for c in fixed if abs(solution[c] - round(solution[c])) < 1e-6}


def test_joined_reports_keep_each_note_once_and_where_it_was() -> None:
    first, second = Report(), Report()
    for report in (first, second):
        report.note("à revoir", review=True)
        report.note("dit", review=False)
    first.add(second)
    assert (first.notes, first.to_review) == (["à revoir", "dit"], ["à revoir"])
