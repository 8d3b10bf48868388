"""Suppression, controlled rounding and cell keys on one table: what is lost, and what a reader can still prove.

`python benchmarks/alternatives.py [--communes 90 --quartiers 160 --departements 10] [--sondage 30]`
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import highspy
import numpy as np
import pyarrow as pa
from secret_tableau import national

from qpv_data.perturbation.cellkeys import cell_draws, counts_of
from qpv_data.perturbation.noise import Noise
from qpv_data.perturbation.rounding import round_table
from qpv_data.secret.cells import Ints, Table, crossed, finest_shape
from qpv_data.secret.equations import equations
from qpv_data.secret.moves import quiet
from qpv_data.secret.protection import protect_table
from qpv_data.secret.rules import Rule

K, KEY = 11, bytes(range(32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("communes", 90), ("quartiers", 160), ("departements", 10), ("sondage", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    table = national(1, asked.communes, asked.quartiers, asked.departements)
    shown, true = table.published, table.measures.value
    small = shown & (true > 0) & (true < K)
    print(f"{len(table)} cases, dont {int(shown.sum())} publiées et {int(small.sum())} de 1 à {K - 1}")
    protection, seconds = timed(lambda: protect_table(table, Rule(k=K)))
    hidden = protection.hidden
    print(
        f"suppression k = {K} : {100 * hidden.sum() / shown.sum():.1f} % des cases cachées, "
        f"{100 * true[hidden].sum() / true[shown].sum():.1f} % de la valeur publiable ; {seconds:.1f} s"
    )
    for base in (5, 10):
        for name, draw in (("proche", None), ("au hasard", cell_draws(table.axes, KEY))):
            rounding, seconds = timed(lambda base=base, draw=draw: round_table(table, base, draw))
            told(f"arrondi à {base}, {name}", table, rounding.value, seconds)
            print(f"    {'strict' if rounding.strict else f'{int(rounding.beyond.sum())} cases plus loin'}")
            if not asked.sondage:
                continue
            chosen = np.random.default_rng(2).choice(np.flatnonzero(small), min(asked.sondage, int(small.sum())), False)
            narrow(table, rounding.value, base, chosen)
    for noise in (Noise(5, 4.0, 2), Noise(8, 9.0, 4)):
        counts, seconds = timed(lambda: counts_of(table.axes, *records(table), KEY))
        assert (counts.units == true).all()
        value = counts.perturbed(noise)
        told(f"clé, D = {noise.ecart}, V = {noise.variance:g}, js = {noise.petits}", table, value, seconds)
        proven = (value[small] + noise.ecart < K).mean()
        print(f"    {100 * proven:.0f} % des cases de 1 à {K - 1} prouvées sous {K}, chacune par elle seule")
        gap = np.abs(equations(table) @ value)
        print(f"    {100 * (gap > 0).mean():.1f} % des additions ne tombent plus juste, écart moyen {gap.mean():.1f}")


def timed(work: Callable[[], object]) -> tuple[object, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def told(name: str, table: Table, value: Ints, seconds: float) -> None:
    shown, true = table.published, table.measures.value
    change = (value - true)[shown]
    some = true[shown] > 0
    relative = np.abs(change[some]) / true[shown][some]
    relative_median = 100 * np.median(relative)
    print(
        f"{name} : {100 * (change != 0).mean():.1f} % des cases changées,"
        f" écart absolu moyen {np.abs(change).mean():.2f}, relatif médian {relative_median:.2f} %,"
        f" moyen signé {change.mean():+.3f} ; {seconds:.1f} s"
    )


def narrow(table: Table, value: Ints, base: int, cells: Ints) -> None:
    """What a reader proves of small cells: each value is within base - 1 of what is shown, and margins add up."""
    lower, upper = np.maximum(value - base + 1, 0), value + base - 1
    rows = equations(table).tocsc().astype(np.float64)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = rows.shape[1], rows.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.zeros(len(table)), lower.astype(float), upper.astype(float)
    lp.row_lower_ = lp.row_upper_ = np.zeros(rows.shape[0])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    highs = quiet()
    highs.passModel(lp)
    bounds = []
    for cell in cells:
        ends = []
        for sign in (1.0, -1.0):
            highs.changeColCost(int(cell), sign)
            highs.run()
            ends.append(highs.getSolution().col_value[int(cell)])
        highs.changeColCost(int(cell), 0.0)
        bounds.append((np.ceil(ends[0] - 1e-6), np.floor(ends[1] + 1e-6)))
    low, high = np.array(bounds).T
    proven = (high < K).mean()
    print(
        f"    {len(cells)} cases de 1 à {K - 1} tirées : encadrement de largeur médiane {np.median(high - low):.0f} "
        f"(au plus {2 * base - 2}), {100 * (high == low).mean():.0f} % exactes, {100 * proven:.0f} % prouvées sous {K}"
    )


def records(table: Table) -> tuple[Ints, pa.Array]:
    """A record a unit, each in one finest cell."""
    finest = np.flatnonzero(crossed([np.isin(np.arange(len(a)), a.finest) for a in table.axes]))
    cell = np.repeat(np.arange(len(finest)), table.measures.value[finest])
    places = np.column_stack(np.unravel_index(cell, finest_shape(table.axes)))
    return places, pa.array([f"u{n}" for n in range(len(cell))], pa.string())


if __name__ == "__main__":
    main()
