"""Tables of amounts: what one reader, or one lone contributor, can bound, by this test's own linear programmes."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tables_to_protect import Axes, Case, contenu, ecrire, feuilles, lu, marges, tirer

from qpv_data.secret.declaration import read_declaration
from qpv_data.secret.protection import protect_table
from qpv_data.secret.reading import read_cells
from qpv_data.secret.writing import write_protected

K = 3


class Lecteur:
    """What is shown, and what one knows besides; cells are sums of finest ones."""

    def __init__(self, axes: Axes, montre: dict[Case, int | float | None]) -> None:
        held = [contenu(h) for h in axes.values()]
        self.fines = list(itertools.product(*(feuilles(h) for h in axes.values())))
        rank = {f: n for n, f in enumerate(self.fines)}
        self.dedans = {
            case: [rank[f] for f in itertools.product(*(h[c] for h, c in zip(held, case, strict=True)))]
            for case in montre
        }
        self.montre = montre

    def borne(self, cases: Sequence[Case], sens: int, connus: dict[Case, int]) -> float:
        """Greatest (`sens` = 1) or least sum of cells."""
        known = {c: v for c, v in self.montre.items() if v is not None} | connus
        rows, right = np.zeros((len(known), len(self.fines))), np.array(list(known.values()), dtype=float)
        for n, case in enumerate(known):
            rows[n, self.dedans[case]] = 1
        gain = np.zeros(len(self.fines))
        for case in cases:
            gain[self.dedans[case]] += 1
        low = [1.0 if self.montre[f] is None else float(self.montre[f] or 0) for f in self.fines]
        found = linprog(-sens * gain, A_eq=rows, b_eq=right, bounds=[(b, None) for b in low], method="highs")
        return math.inf * sens if found.status == 3 else float(-sens * found.fun * sens * sens)


def montants(graine: int) -> tuple[Axes, dict[Case, int], dict[Case, int]]:
    """A table of amounts, with 1 to 6 units a cell."""
    axes, fines = tirer(graine)
    draw = random.Random(graine + 1)
    units = {c: 0 if not v else draw.choice([1, 1, 2, 3, 4, 6]) for c, v in fines.items()}
    return axes, {c: v * draw.randint(7, 40) for c, v in fines.items()}, units


@settings(deadline=None, max_examples=15)
@given(graine=st.integers(0, 10**6))
def test_neither_a_reader_nor_a_lone_contributor_comes_too_close(tmp_path_factory: pytest.TempPathFactory, graine: int):
    axes, fines, units = montants(graine)
    dossier = tmp_path_factory.mktemp("t")
    columns: dict[str, list[object]] = {name: [c[n] for c in fines] for n, name in enumerate(axes)}
    columns |= {"valeur": list(fines.values()), "n_unites": [units[c] for c in fines]}
    cells, declaration = ecrire(dossier, axes, f"regle: {{k: {K}}}", columns)
    declared = read_declaration(declaration)
    table = read_cells(cells, declared)
    if table.counts:
        return
    write_protected(protect_table(table, declared.rule), dossier / "out.parquet")
    montre = lu(dossier / "out.parquet", axes)
    lecteur = Lecteur(axes, montre)
    valeurs, effectifs = marges(axes, fines), marges(axes, units)
    seuls = [c for c, n in effectifs.items() if n == 1]
    for case, n in effectifs.items():
        if 0 < n < K:
            assert montre[case] is None
            _loin(lecteur, [case], valeurs[case], {})
            for seul in seuls:
                communes = set(lecteur.dedans[case]) & set(lecteur.dedans[seul])
                if not any(fines[lecteur.fines[f]] for f in communes):
                    _loin(lecteur, [case], valeurs[case], {seul: valeurs[seul]})
    for parent, children in _additions(axes):
        caches = [c for c in children if montre[c] is None]
        if montre[parent] is not None and 0 < sum(effectifs[c] for c in caches) < K:
            raise AssertionError(f"{parent} montre une réunion de {len(caches)} cases de moins de {K} unités")


def _loin(lecteur: Lecteur, cases: list[Case], valeur: int, connus: dict[Case, int]) -> None:
    need = max(math.ceil(0.3 * valeur - 1e-9), K - valeur, 1)
    assert lecteur.borne(cases, 1, connus) >= valeur + need - 1e-6, (cases, connus)
    floor = sum(lecteur.montre[lecteur.fines[f]] is None for f in set(lecteur.dedans[cases[0]]))
    down = min(math.ceil(0.3 * valeur - 1e-9), valeur - max(floor, 1))
    assert -lecteur.borne(cases, -1, connus) <= valeur - down + 1e-6 or down <= 0, (cases, connus)


def _additions(axes: Axes) -> list[tuple[Case, list[Case]]]:
    """Every parent with its children, along each axis."""
    found = []
    for n, hierarchies in enumerate(axes.values()):
        others = [sorted({c for h in hs for c in h}) for m, hs in enumerate(axes.values()) if m != n]
        for h in hierarchies:
            for parent in sorted(set(h.values()) - {""}):
                for rest in itertools.product(*others):
                    case = [*rest[:n], parent, *rest[n:]]
                    children = [(*rest[:n], c, *rest[n:]) for c, p in h.items() if p == parent]
                    found.append((tuple(case), children))
    return found
