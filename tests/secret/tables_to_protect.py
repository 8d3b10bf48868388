"""Small tables made on the spot, and what a reader can work out of them by trying every table of whole numbers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Parents = dict[str, str]  # code → parent, "" for the root
Axes = dict[str, list[Parents]]
Case = tuple[str, ...]


def feuilles(hierarchies: Sequence[Parents]) -> list[str]:
    inner = {p for h in hierarchies for p in h.values()}
    return sorted({c for h in hierarchies for c in h} - inner)


def contenu(hierarchies: Sequence[Parents]) -> dict[str, frozenset[str]]:
    """The finest codes of every code, found by going up from each of them."""
    found: dict[str, set[str]] = {c: set() for h in hierarchies for c in h}
    for leaf in feuilles(hierarchies):
        todo = {leaf}
        while todo:
            code = todo.pop()
            found[code].add(leaf)
            todo |= {h[code] for h in hierarchies if h.get(code)}
    return {c: frozenset(own) for c, own in found.items()}


def marges(axes: Axes, fines: Mapping[Case, int]) -> dict[Case, int]:
    """Every cell of the crossed hierarchies."""
    held = [contenu(h) for h in axes.values()]
    return {
        case: sum(fines.get(f, 0) for f in itertools.product(*(h[c] for h, c in zip(held, case, strict=True))))
        for case in itertools.product(*(sorted(h) for h in held))
    }


def ecrire(dossier: Path, axes: Axes, regle: str, colonnes: Mapping[str, Sequence[object]]) -> tuple[Path, Path]:
    """CELLS.parquet (or records) and axes.yml, with the hierarchies beside it."""
    lines = ["axes:"]
    for name, hierarchies in axes.items():
        files = []
        for n, parents in enumerate(hierarchies):
            files.append(f"{name}_{n}.csv")
            rows = "".join(f"{c},{p}\n" for c, p in parents.items())
            (dossier / files[-1]).write_text("code,parent\n" + rows, encoding="utf-8")
        lines.append(f"  {name}: {{parents: [{', '.join(files)}]}}")
    (dossier / "axes.yml").write_text("\n".join([*lines, regle]) + "\n", encoding="utf-8")
    pq.write_table(pa.table({c: list(v) for c, v in colonnes.items()}), dossier / "cases.parquet")
    return dossier / "cases.parquet", dossier / "axes.yml"


def comptes(axes: Axes, fines: Mapping[Case, int]) -> dict[str, list[object]]:
    """Columns of a table of counts: as many units as the value."""
    columns: dict[str, list[object]] = {name: [case[n] for case in fines] for n, name in enumerate(axes)}
    columns["valeur"] = list(fines.values())
    columns["n_unites"] = list(fines.values())
    columns["part_max"] = [1 / v if v else None for v in fines.values()]
    return columns


def lu(path: Path, axes: Axes) -> dict[Case, int | float | None]:
    rows = pq.read_table(path).to_pylist()
    found = {tuple(r[a] for a in axes): r["valeur"] for r in rows}
    assert len(found) == len(rows)
    assert all((r["valeur"] is None) == (r["statut_diffusion"] == "secret") for r in rows)
    assert {r["statut_diffusion"] for r in rows} <= {"diffusee", "secret"}
    return found


def intervalles(axes: Axes, montre: Mapping[Case, int | float | None], plafond: int) -> dict[Case, tuple[int, int]]:
    """Least and greatest value of each hidden cell over every table of whole numbers that shows what is shown.

    Zeros are shown, so what is hidden is at least 1. Finest cells are tried up to `plafond`.
    """
    held = [contenu(h) for h in axes.values()]
    fines = list(itertools.product(*(feuilles(h) for h in axes.values())))
    inconnues = [f for f in fines if montre[f] is None]
    if not inconnues:
        return {}
    essais = np.array(list(itertools.product(range(1, plafond + 1), repeat=len(inconnues))), dtype=np.int64)
    rang = {f: n for n, f in enumerate(inconnues)}
    sommes: dict[Case, np.ndarray] = {}
    tient = np.ones(len(essais), dtype=bool)
    for case, valeur in montre.items():
        inside = list(itertools.product(*(h[c] for h, c in zip(held, case, strict=True))))
        own = [rang[f] for f in inside if f in rang]
        connu = sum(int(montre[f]) for f in inside if f not in rang)  # type: ignore[arg-type]
        somme = essais[:, own].sum(axis=1) + connu
        if valeur is None:
            sommes[case] = somme
        else:
            tient &= somme == valeur
    assert tient.any(), "la vraie table n'est pas parmi celles que le lecteur envisage"
    return {case: (int(s[tient].min()), int(s[tient].max())) for case, s in sommes.items()}


def tirer_axe(tirage: random.Random, prefixe: str, fines: int, liees: bool) -> list[Parents]:
    """One or two hierarchies over the same finest codes, with groups in the middle; groups of the two cross."""
    leaves = [f"{prefixe}{n}" for n in range(fines)]
    hierarchies = []
    for rank in range(2 if liees else 1):
        parents = {f"{prefixe}_tout": ""}
        groups = tirage.randint(0, max(fines // 2, 0))
        for g in range(groups):
            parents[f"{prefixe}_h{rank}g{g}"] = f"{prefixe}_tout"
        for n, leaf in enumerate(leaves):
            # Each group has a code at least.
            group = n if n < groups else tirage.randrange(groups + 1)
            parents[leaf] = f"{prefixe}_h{rank}g{group}" if group < groups else f"{prefixe}_tout"
        hierarchies.append(parents)
    return hierarchies


def tirer(graine: int) -> tuple[Axes, dict[Case, int]]:
    """A random table of at most 9 finest cells, small values and some zeros."""
    tirage = random.Random(graine)
    tailles = tirage.choice([(2, 2), (3, 2), (3, 3), (4, 2), (2, 4), (2, 2, 2), (5,), (6,)])
    axes = {
        f"axe{n}": tirer_axe(tirage, f"{'abc'[n]}", taille, liees=tirage.random() < 0.4)
        for n, taille in enumerate(tailles)
    }
    cases = itertools.product(*(feuilles(h) for h in axes.values()))
    return axes, {c: tirage.choice([0, 1, 1, 2, 2, 3, 4, 5, 6]) for c in cases}
