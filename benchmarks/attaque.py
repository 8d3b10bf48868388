"""Attack of a national-size table that has primary suppression only: `python benchmarks/attaque.py [--k 5]`.

900 communes over 100 departments, 1,609 neighbourhoods of which about 172 straddle, 20 categories and 4 subtotals:
65,250 published cells, margins included. What no row publishes (the rest of each commune, the pieces of a straddling
neighbourhood) is derivable. Data are drawn on the spot; nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np
from attaque_publications import measure as ledger
from numpy.typing import NDArray

from qpv_data.attaque.bounds import Method, analyse
from qpv_data.attaque.cells import Cells, table_system
from qpv_data.attaque.table import Axis, Rule, build_axis

COMMUNES, DEPARTMENTS, QPVS, CATEGORIES = 900, 100, 1609, 20
GROUPS = (4, 7, 5, 4)  # categories of each subtotal


@dataclass(frozen=True)
class Country:
    """Atoms (a neighbourhood's piece in a commune, or the rest of a commune) and their populations."""

    atoms: list[str]
    commune: list[str]
    qpv: list[str]
    population: NDArray[np.float64]
    department: dict[str, str]


def country(generator: np.random.Generator) -> Country:
    """Draw communes, neighbourhoods and populations."""
    department = {f"C{c:03d}": f"D{d:02d}" for c, d in enumerate(generator.integers(0, DEPARTMENTS, COMMUNES))}
    communes = list(department)
    weights = np.minimum(generator.zipf(1.6, COMMUNES), 40).astype(float)
    extra = generator.choice(COMMUNES, QPVS - COMMUNES, p=weights / weights.sum())
    homes = [*range(COMMUNES), *extra.tolist()]
    mates: dict[str, list[str]] = {}
    for code, above in department.items():
        mates.setdefault(above, []).append(code)
    atoms, of_commune, of_qpv, population = [], [], [], []
    for number, home in enumerate(homes):
        people = 1000 + generator.lognormal(7.3, 0.8)
        pieces = [(communes[home], 1.0)]
        others = [c for c in mates[department[communes[home]]] if c != communes[home]]
        if others and generator.random() < 0.12:
            share = generator.uniform(0.02, 0.5)
            pieces = [(communes[home], 1 - share), (others[int(generator.integers(len(others)))], share)]
        for commune, share in pieces:
            atoms.append(f"Q{number:04d}-{commune}" if len(pieces) > 1 else f"Q{number:04d}")
            of_commune.append(commune)
            of_qpv.append(f"Q{number:04d}")
            population.append(people * share)
    rest = np.clip(generator.lognormal(9.6, 0.9, COMMUNES), 3000, 400_000)
    atoms += [f"R-{c}" for c in communes]
    of_commune += communes
    of_qpv += [""] * COMMUNES
    return Country(atoms, of_commune, of_qpv, np.array([*population, *rest]), department)


def counts(land: Country, generator: np.random.Generator) -> NDArray[np.int64]:
    """Atoms × categories."""
    shares = np.maximum(generator.dirichlet(np.full(CATEGORIES, 0.8)), 0.003)
    shares /= shares.sum()
    mix = generator.dirichlet(60 * shares, len(land.atoms))
    outside = np.array([0.55 if not q else 1.0 for q in land.qpv])
    level = land.population * 0.13 * generator.uniform(0.6, 1.4, len(land.atoms)) * outside
    return generator.poisson(level[:, None] * mix)


def axes(land: Country) -> tuple[Axis, Axis]:
    """Zones: communes by department, and neighbourhoods, sharing the atoms. Categories by subtotal."""
    towns = {"FR": "", **dict.fromkeys(sorted(set(land.department.values())), "FR"), **land.department}
    towns |= dict(zip(land.atoms, land.commune, strict=True))
    quarters = {"FR": "", "HORS": "FR"} | {q: "FR" for q in land.qpv if q}
    quarters |= {a: q or "HORS" for a, q in zip(land.atoms, land.qpv, strict=True) if a != q}
    named = {f"c{i:02d}": f"s{g}" for i, g in enumerate(np.repeat(np.arange(len(GROUPS)), GROUPS))}
    categories = {"T": "", **{f"s{g}": "T" for g in range(len(GROUPS))}, **named}
    return build_axis("zone", [towns, quarters]), build_axis("categorie", [categories])


def published(land: Country, table: NDArray[np.int64], k: int) -> tuple[Cells, tuple[Axis, Axis], NDArray[np.int64]]:
    """France, departments, communes and neighbourhoods × categories, the cells of 1 to k−1 units hidden. Also truth."""
    zone, category = axes(land)
    groups = np.repeat(np.arange(len(GROUPS)), GROUPS)
    truth = np.zeros((len(zone.codes), len(category.codes)), np.int64)
    leaf_columns = [category.position[f"c{i:02d}"] for i in range(CATEGORIES)]
    for atom, commune, qpv, row in zip(land.atoms, land.commune, land.qpv, table, strict=True):
        above = {atom, commune, land.department[commune], "FR", qpv or "HORS"}
        for code in above:
            truth[zone.position[code], leaf_columns] += row
    for g in range(len(GROUPS)):
        members = [leaf_columns[i] for i in np.flatnonzero(groups == g)]
        truth[:, category.position[f"s{g}"]] = truth[:, members].sum(axis=1)
    truth[:, category.position["T"]] = truth[:, leaf_columns].sum(axis=1)
    out = np.array([c == "FR" or c[0] in "DC" or (c[0] == "Q" and "-" not in c) for c in zone.codes])
    index = np.flatnonzero(np.repeat(out, len(category.codes)))
    value = truth.ravel()[index].astype(float)
    hidden = (value > 0) & (value < k)
    value[hidden] = np.nan
    return Cells(index.astype(np.int64), value, hidden, np.empty(0)), (zone, category), truth.ravel()


def measure(k: int, seed: int) -> tuple[float, float]:
    """Print what the attack of one table finds. Gives its seconds: elapsed, and of processor."""
    generator = np.random.default_rng(seed)
    land = country(generator)
    cells, both, truth = published(land, counts(land, generator), k)
    start, used = time.perf_counter(), time.process_time()
    system = table_system(cells, both, Rule(k), "bench")
    built = time.perf_counter()
    found = analyse(system)
    done, spent = time.perf_counter(), time.process_time() - used
    unknown = np.flatnonzero(system.targets)
    sensitive = unknown[(truth[unknown] > 0) & (truth[unknown] < k)]
    exact = found.low[sensitive] == found.high[sensitive]
    assert (found.low <= truth).all(), "a bound excludes the truth"
    assert (truth <= found.high).all(), "a bound excludes the truth"
    by_rank = found.method[sensitive[exact]] == list(Method).index(Method.RANG)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"k = {k} : {len(cells.index):,} cellules publiées, {system.equations.shape[0]:,} équations")
    print(f"  sensibles, dérivables comprises        {len(sensitive):>8,}")
    print(f"  exactement retrouvées                  {exact.sum():>8,}  ({exact.mean():.0%})")
    print(f"    par les équations seules             {by_rank.sum():>8,}  ({by_rank.sum() / len(sensitive):.0%})")
    print(f"  prouvées sous k                        {found.broken[sensitive].sum():>8,}")
    print(f"  cellules en défaut, en tout            {found.broken.sum():>8,}  (non prouvées : {found.unproven.sum()})")
    print(f"  programmes linéaires résolus           {found.programs:>8,}")
    print(
        f"  lecture {built - start:.1f} s, attaque {done - built:.1f} s ; {spent:.1f} s de processeur en tout,"
        f" pointe {peak:,.0f} Mo"
    )
    return done - start, spent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 11])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--tableaux", type=int, default=1, help="how many tables, one after another: 32 are 2.1 M cells"
    )
    parser.add_argument("--publications", type=int, default=0, help="a ledger of so many releases, and nothing else")
    given = parser.parse_args()
    if given.publications:
        ledger(given.publications, given.seed)
        raise SystemExit
    for k in given.k:
        seconds = [measure(k, given.seed + n) for n in range(given.tableaux)]
        if given.tableaux > 1:
            elapsed, spent = (sum(column) for column in zip(*seconds, strict=True))
            print(f"k = {k} : {65_250 * len(seconds):,} cellules, {elapsed:.0f} s, {spent:.0f} s de processeur")
