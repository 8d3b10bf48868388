"""Small tables as the command reads them, and the systems behind."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.attaque.cells import place, table_system
from qpv_data.attaque.system import System
from qpv_data.attaque.table import Rule, build_axis

Tree = Mapping[str, str]


def flat(total: str, *codes: str) -> dict[str, str]:
    return {total: "", **dict.fromkeys(codes, total)}


def leaves(tree: Tree) -> list[str]:
    return [c for c in tree if c not in set(tree.values())]


def filled(axes: Mapping[str, Sequence[Tree]], finest: Mapping[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    """Every cell of the crossed hierarchies from the finest ones."""
    above: list[dict[str, set[str]]] = []
    for trees in axes.values():
        chain: dict[str, set[str]] = {}
        for tree in trees:
            for leaf in leaves(tree):
                code = leaf
                while code:
                    chain.setdefault(leaf, set()).add(code)
                    code = tree[code]
        above.append(chain)
    cells: dict[tuple[str, ...], int] = {}
    for key, value in finest.items():
        for cell in product(*[chain[k] for chain, k in zip(above, key, strict=True)]):
            cells[cell] = cells.get(cell, 0) + value
    return cells


def rows(
    axes: Mapping[str, Sequence[Tree]], cells: Mapping[tuple[str, ...], float], hidden: set[tuple[str, ...]]
) -> pa.Table:
    order = sorted(cells)
    columns = {name: pa.array([c[i] for c in order]) for i, name in enumerate(axes)}
    value = pa.array([None if c in hidden else float(cells[c]) for c in order], pa.float64())
    status = pa.array(["secret" if c in hidden else "diffusee" for c in order])
    return pa.table({**columns, "valeur": value, "statut_diffusion": status})


def system(
    axes: Mapping[str, Sequence[Tree]],
    cells: Mapping[tuple[str, ...], float],
    hidden: set[tuple[str, ...]],
    rule: Rule,
    mean: str | None = None,
) -> System:
    built = [build_axis(name, trees, mean=name == mean) for name, trees in axes.items()]
    return table_system(place(rows(axes, cells, hidden), built, "essai"), built, rule, "essai")


def cell(found: System, **codes: str) -> int:
    """The number of a cell, by its codes."""
    wanted = ", ".join(f"{k}={v}" for k, v in codes.items())
    return next(i for i in range(len(found.low)) if found.name(i) == wanted)


def written(
    folder: Path,
    axes: Mapping[str, Sequence[Tree]],
    cells: Mapping[tuple[str, ...], float],
    hidden: set[tuple[str, ...]],
    rule: str = "{k: 11}",
    extra: str = "",
) -> tuple[Path, Path]:
    """OUT.parquet and axes.yml."""
    lines = ["axes:"]
    for name, trees in axes.items():
        files = []
        for number, tree in enumerate(trees):
            path = folder / f"{name}{number}.csv"
            with path.open("w", newline="", encoding="utf-8") as f:
                csv.writer(f).writerows([("code", "parent"), *tree.items()])
            files.append(path.name)
        lines.append(f"  {name}: {{parents: [{', '.join(files)}]{extra}}}")
    declaration = folder / "axes.yml"
    declaration.write_text("\n".join([*lines, f"regle: {rule}"]) + "\n", "utf-8")
    table = folder / "out.parquet"
    pq.write_table(rows(axes, cells, hidden), table)
    return table, declaration


def enumerated(found: System) -> tuple[np.ndarray, np.ndarray]:
    """True bounds of every cell, by trying every whole table. The unknowns must be few."""
    unknown = np.flatnonzero(~found.known)
    dense = found.equations.toarray()
    base = np.where(found.known, found.low, 0)
    rhs = -(dense @ base)
    inner = dense[:, unknown]
    least, most = np.full(len(unknown), np.iinfo(np.int64).max), np.full(len(unknown), -1)
    low, high = found.low[unknown], found.high[unknown]

    def search(position: int, left: np.ndarray, chosen: list[int]) -> None:
        if position == len(unknown):
            if not left.any():
                np.minimum(least, np.array(chosen, np.int64), out=least)
                np.maximum(most, np.array(chosen, np.int64), out=most)
            return
        column = inner[:, position]
        for value in range(int(low[position]), int(high[position]) + 1):
            rest = left - column * value
            tail = inner[:, position + 1 :]
            can_most = np.maximum(tail * low[position + 1 :], tail * high[position + 1 :]).sum(axis=1)
            can_least = np.minimum(tail * low[position + 1 :], tail * high[position + 1 :]).sum(axis=1)
            if (rest <= can_most).all() and (rest >= can_least).all():
                search(position + 1, rest, [*chosen, value])

    search(0, rhs, [])
    full_low, full_high = found.low.copy(), found.high.copy()
    full_low[unknown], full_high[unknown] = least, most
    return full_low, full_high
