"""Tables to protect: one of national size (quarters, communes, departments, France), and dense ones of any shape."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import Table, disjoint_table

QPV, COMMUNES, DEPARTEMENTS, MODALITES, GROUPES = 1_609, 900, 100, 20, 4


def national(
    seed: int = 1,
    communes: int = COMMUNES,
    qpv: int = QPV,
    departements: int = DEPARTEMENTS,
    quarters: bool = False,
) -> Table:
    """Counts per zone × category. Unpublished: what is left of a commune, and the parts of quarters that straddle.

    `quarters`: the categories are the four quarters of a year, and counts are more or less rare from a seed to another.
    """
    draw = np.random.default_rng(seed)
    home = draw.integers(0, departements, communes)
    weight = np.minimum(draw.zipf(1.6, communes), 40).astype(float)
    main = np.concatenate([np.arange(communes), draw.choice(communes, qpv - communes, p=weight / weight.sum())])
    people = 1_000 + draw.lognormal(7.3, 0.8, qpv)
    rest = np.clip(draw.lognormal(9.6, 0.9, communes), 3_000, 400_000)
    groups: dict[str, str | None] = {"ensemble": None} | {f"g{g}": "ensemble" for g in range(GROUPES)}
    categories: dict[str, str | None] = groups | {f"m{m:02d}": f"g{m % GROUPES}" for m in range(MODALITES)}
    shares, frequency = np.maximum(draw.dirichlet(np.full(MODALITES, 0.8)), 0.003), 0.13
    if quarters:
        categories = {"2024": None} | {f"2024-T{q}": "2024" for q in range(1, 5)}
        shares, frequency = np.ones(4), float(draw.choice([0.005, 0.02, 0.05, 0.13]))
    shares /= shares.sum()

    parents: dict[str, str | None] = {"FR": None}
    parents |= {f"D{d:03d}": "FR" for d in sorted(set(home))}
    parents |= {f"C{c:04d}": f"D{home[c]:03d}" for c in range(communes)}
    straddling: dict[str, str | None] = {}
    atoms: list[tuple[str, float, bool]] = []
    for c in range(communes):
        parents[f"C{c:04d}_reste"] = f"C{c:04d}"
        atoms.append((f"C{c:04d}_reste", rest[c], False))
    hidden = [name for name, _, _ in atoms]
    for q in range(qpv):
        near = np.flatnonzero((home == home[main[q]]) & (np.arange(communes) != main[q]))
        if draw.random() < 0.12 and len(near):
            second, part = int(draw.choice(near)), draw.uniform(0.02, 0.5)
            straddling[f"Q{q:04d}"] = None
            for piece, commune, share in (("a", main[q], 1 - part), ("b", second, part)):
                name = f"Q{q:04d}_{piece}"
                parents[name], straddling[name] = f"C{commune:04d}", f"Q{q:04d}"
                atoms.append((name, people[q] * share, True))
                hidden.append(name)
        else:
            parents[f"Q{q:04d}"] = f"C{main[q]:04d}"
            atoms.append((f"Q{q:04d}", people[q], True))
    zone = _built("zone", parents, straddling).unpublished(hidden)
    category = _built("periode" if quarters else "modalite", categories)
    order = {name: n for n, (name, _, _) in enumerate(atoms)}
    counts = np.empty((len(zone.finest), len(shares)), dtype=np.int64)
    for row, node in enumerate(zone.finest):
        _, population, inside = atoms[order[zone.codes[node]]]
        mean = population * frequency * draw.uniform(0.6, 1.4) * draw.dirichlet(60 * shares) * (1 if inside else 0.55)
        counts[row] = draw.poisson(mean)
    flat = counts.ravel()
    return disjoint_table((zone, category), flat, flat, (flat > 0).astype(np.int64), 0)


def dense(seed: int, sizes: tuple[int, ...], mean: float = 20.0) -> Table:
    """Counts of flat axes, each with its total: Poisson, codes and cells being more or less frequent (lognormal)."""
    draw = np.random.default_rng(seed)
    axes = tuple(
        _built(f"axe{n}", {"total": None} | {f"c{c:03d}": "total" for c in range(size)}) for n, size in enumerate(sizes)
    )
    means = np.full(1, mean)
    for size in sizes:
        means = np.multiply.outer(means, draw.lognormal(0, 0.6, size))
    counts = draw.poisson(means.ravel() * draw.lognormal(0, 0.5, means.size)).astype(np.int64)
    return disjoint_table(axes, counts, counts, (counts > 0).astype(np.int64), 0)


def _built(name: str, *hierarchies: dict[str, str | None]) -> Axis:
    def refuse(message: str, remedy: str) -> None:
        raise ValueError(f"{message} → {remedy}")

    axis = build_axis(name, [h for h in hierarchies if h], refuse)
    assert axis is not None
    return axis
