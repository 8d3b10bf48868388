"""Axes of a table: codes, the hierarchies that add them up, and the finest codes that they all share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Report = Callable[[str, str], None]  # message, remedy
Parents = Mapping[str, str | None]  # code → parent, None for the root


@dataclass(frozen=True)
class Axis:
    """One axis. Nodes are numbered in the order of their codes.

    `finest`: numbers of the nodes that no hierarchy divides. `holds`: nodes × finest, 1 where the node holds it.
    `equations`: (parent, children), each true of any additive measure. `published`: False on nodes that can be worked
    out but are in no release; the reader is not told that their zeros are zeros.
    """

    name: str
    codes: tuple[str, ...]
    finest: NDArray[np.int64]
    holds: sp.csr_matrix
    equations: tuple[tuple[int, tuple[int, ...]], ...]
    published: NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def unpublished(self, codes: Iterable[str]) -> Axis:
        """The same axis, where `codes` are not published."""
        left_out = frozenset(codes)
        return replace(self, published=np.array([c not in left_out for c in self.codes]))


def build_axis(name: str, hierarchies: Sequence[Parents], report: Report) -> Axis | None:
    """Join hierarchies that share codes. None when `report` was told of a fault.

    A code has the same finest codes in every hierarchy that divides it; a code that one hierarchy divides may be the
    finest of another. Each hierarchy is known to have one root and no cycle: see `faults_of`.
    """
    divided: dict[str, list[tuple[str, ...]]] = {}
    for parents in hierarchies:
        children: dict[str, list[str]] = {}
        for code, parent in parents.items():
            if parent is not None:
                children.setdefault(parent, []).append(code)
        for parent, own in children.items():
            if (ordered := tuple(sorted(own))) not in divided.setdefault(parent, []):
                divided[parent].append(ordered)
    codes = tuple(sorted({c for parents in hierarchies for c in parents}))
    order = _bottom_up(codes, divided)
    if order is None:
        report(f"axe {name} : deux hiérarchies se contredisent, chacune met l'une des codes de l'autre au-dessous", "")
        return None
    held: dict[str, frozenset[str]] = {}
    sound = True
    for code in order:
        sides = {frozenset().union(*(held[c] for c in own)) for own in divided.get(code, [])}
        if len(sides) > 1:
            gap = sorted(frozenset().union(*sides) - frozenset.intersection(*sides))
            shown = ", ".join(gap[:5])
            report(
                f"axe {name} : {code} ne contient pas les mêmes codes d'une hiérarchie à l'autre ({shown})",
                "donner deux codes à deux ensembles, ou compléter la hiérarchie",
            )
            sound = False
        held[code] = next(iter(sides)) if sides else frozenset((code,))
    return _numbered(name, codes, divided, held) if sound else None


def _numbered(
    name: str, codes: tuple[str, ...], divided: Mapping[str, list[tuple[str, ...]]], held: Mapping[str, frozenset[str]]
) -> Axis:
    number = {c: i for i, c in enumerate(codes)}
    finest = [c for c in codes if c not in divided]
    column = {c: j for j, c in enumerate(finest)}
    pairs = [(number[c], column[f]) for c in codes for f in sorted(held[c])]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    holds = sp.csr_matrix((np.ones(len(pairs), np.int64), (rows, columns)), shape=(len(codes), len(finest)))
    equations = tuple(
        (number[parent], tuple(number[c] for c in own)) for parent in sorted(divided) for own in divided[parent]
    )
    everything = np.ones(len(codes), dtype=np.bool_)
    return Axis(name, codes, np.array([number[c] for c in finest], dtype=np.int64), holds, equations, everything)


def faults_of(parents: Parents) -> list[tuple[str, str]]:
    """Every fault of one hierarchy, as (message, remedy): not one root, cycles."""
    faults = []
    roots = sorted(c for c, parent in parents.items() if parent is None)
    if len(roots) != 1:
        found = ", ".join(roots[:5]) if roots else "aucune"
        faults.append((f"{len(roots)} racines au lieu d'une : {found}", "réunir les codes sous une seule racine"))
    settled: set[str] = {c for c, parent in parents.items() if parent is None}
    for start in sorted(parents):
        path: list[str] = []
        seen: set[str] = set()
        code: str | None = start
        while code is not None and code not in settled and code not in seen:
            path.append(code)
            seen.add(code)
            code = parents[code]
        if code is not None and code in seen:
            loop = path[path.index(code) :]
            faults.append((f"cycle : {' → '.join([*loop[:6], code])}", "un code n'est pas au-dessus de lui-même"))
        settled.update(path)
    return faults


def _bottom_up(codes: Sequence[str], divided: Mapping[str, list[tuple[str, ...]]]) -> list[str] | None:
    """Codes, each after all those it holds; None when hierarchies make a cycle together."""
    below = {c: {child for own in divided.get(c, []) for child in own} for c in codes}
    above: dict[str, list[str]] = {c: [] for c in codes}
    for code, own in below.items():
        for child in sorted(own):
            above[child].append(code)
    waiting = {c: len(own) for c, own in below.items()}
    ready = [c for c in codes if not waiting[c]]
    order: list[str] = []
    while ready:
        code = ready.pop()
        order.append(code)
        for parent in above[code]:
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)
    return order if len(order) == len(codes) else None
