"""What an attacker knows, as a linear system: cells, bounds and equations between cells.

Values are integers: `scale` units make 1, so that sums are exact. No floating point decides a recovery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qpv_data.attaque.refusal import RefusedInputError

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

INFINITE = 1 << 58
_LARGEST = float(1 << 61)


@dataclass(frozen=True)
class System:
    """Cells and the equations `equations @ x = 0` between them.

    `low`, `high`: int64, inclusive, in 1/scale, ±INFINITE when nothing is known; equal when the value is public.
    `hidden`: the release says that it hides this cell. `derivable`: a population that no row publishes and that the
    rule covers all the same. `integer`: whole units. `threshold`: k in 1/scale, 0 for what is not a count of units.
    """

    equations: sparse.csr_matrix
    low: Ints
    high: Ints
    hidden: Bools
    derivable: Bools
    integer: Bools
    threshold: Ints
    scale: int
    name: Callable[[int], str]

    def __post_init__(self) -> None:
        sizes = {len(a) for a in (self.low, self.high, self.hidden, self.derivable, self.integer, self.threshold)}
        assert sizes == {self.equations.shape[1]}, "one entry a cell"
        if crossed := np.flatnonzero(self.low > self.high).tolist():
            raise contradiction(self, crossed)

    @property
    def known(self) -> Bools:
        """Cells whose value is public."""
        return np.asarray(self.low == self.high)

    @property
    def targets(self) -> Bools:
        """Cells to which the rule applies: no row publishes their value, which bounds may give all the same."""
        return np.asarray(self.hidden | self.derivable)

    def bounded(self, low: Ints, high: Ints) -> System:
        """The same system with other bounds."""
        return replace(self, low=low, high=high)


@dataclass(frozen=True)
class Unknowns:
    """The equations among unknown cells: `matrix @ x[cells] = rhs`; `rows` are their numbers in the system."""

    cells: Ints
    rows: Ints
    matrix: sparse.csr_matrix
    rhs: Ints


def unknowns(system: System) -> Unknowns:
    """Move what is public to the right-hand side. Raises when published cells alone contradict each other."""
    known = system.known
    cells = np.flatnonzero(~known).astype(np.int64)
    public = np.where(known, system.low, 0)
    assert float(np.abs(public).max(initial=0)) * max(1, _row_length(system.equations)) < _LARGEST, "sums overflow"
    rhs = -(system.equations @ public)
    matrix = system.equations[:, cells].tocsr()
    matrix.eliminate_zeros()
    filled = np.diff(matrix.indptr) > 0
    if wrong := np.flatnonzero(~filled & (rhs != 0)).tolist():
        raise unequal(system, wrong)
    rows = np.flatnonzero(filled).astype(np.int64)
    return Unknowns(cells, rows, matrix[rows], rhs[rows])


def _row_length(matrix: sparse.csr_matrix) -> int:
    weights = abs(matrix).sum(axis=1)
    return int(weights.max()) if matrix.shape[0] else 0


class ContradictionError(RefusedInputError):
    """Nothing satisfies all that is published, as these `cells` show."""

    def __init__(self, message: str, remedy: str, cells: list[int]) -> None:
        super().__init__("attaque", "totaux_inegaux", message, remedy)
        self.cells = cells


def unequal(system: System, rows: list[int]) -> ContradictionError:
    """Totals that do not add up: the cells of the first equations, by name and never by value."""
    said = "; ".join(" / ".join(system.name(c) for c in _cells_of(system, row)[:6]) for row in rows[:3])
    return ContradictionError(
        f"{len(rows)} équation(s) que les valeurs publiées ne vérifient pas : {said}",
        "déclarer l'arrondi ou le non renseigné, ou corriger les hiérarchies",
        [c for row in rows for c in _cells_of(system, row)],
    )


def contradiction(system: System, cells: list[int]) -> ContradictionError:
    """Nothing satisfies all that is published."""
    return ContradictionError(
        f"aucun tableau ne vérifie ce qui est publié ; cellules en cause : {', '.join(map(system.name, cells[:6]))}",
        "vérifier la politique des zéros, les arrondis déclarés et les hiérarchies",
        cells,
    )


def _cells_of(system: System, row: int) -> list[int]:
    start, end = system.equations.indptr[row : row + 2]
    return [int(c) for c in system.equations.indices[start:end]]
