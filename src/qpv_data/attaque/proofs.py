"""Why a value is known: the combination of published cells that gives it, checked over the rationals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import sparse

from qpv_data.attaque.bounds import Analysis, Method
from qpv_data.attaque.system import Ints, System

_NEAR = 4  # equations this far from the cell are tried before giving up on a short combination


@dataclass(frozen=True)
class Term:
    """coefficient × the value of a published cell, in units."""

    coefficient: Fraction
    cell: str
    value: Fraction


@dataclass(frozen=True)
class Proof:
    """Σ terms (+ Σ of cells that are only bounded) gives `value`. `bounded`: (coefficient, cell, the bound used)."""

    terms: tuple[Term, ...]
    bounded: tuple[Term, ...]
    value: Fraction
    relation: str  # « = », « ≤ » or « ≥ »

    def text(self) -> str:
        """« 56 600 − 47 600 − 8 002 = 998 », published cells first."""
        said = "".join(_signed(t, first=i == 0) for i, t in enumerate(self.terms)) or "0"
        if self.bounded:
            total = sum((t.coefficient * t.value for t in self.bounded), Fraction(0))
            count = len(self.bounded)
            what = "une autre cellule, bornée" if count == 1 else f"{count} autres cellules, bornées"
            said += f" {'−' if total < 0 else '+'} {number(abs(total))} ({what})"
        return f"{said} {self.relation} {number(self.value)}"

    def cells(self) -> list[str]:
        """The published cells, in the order of the text."""
        return [t.cell for t in self.terms]


def number(value: Fraction) -> str:
    """French figures: a space each three digits, a comma for decimals."""
    if value.denominator == 1:
        return f"{value.numerator:,}".replace(",", " ").replace("-", "−")
    text = f"{float(value):,.6f}".rstrip("0")
    return text.replace(",", " ").replace(".", ",").replace("-", "−")


def _signed(term: Term, first: bool) -> str:
    size = abs(term.coefficient)
    factor = "" if size == 1 else f"{number(size)} × "
    sign = ("−" if term.coefficient < 0 else "") if first else (" − " if term.coefficient < 0 else " + ")
    value = f"({number(term.value)})" if term.value < 0 else number(term.value)
    return f"{sign}{factor}{value}"


class Prover:
    """Proofs for one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.system: System = analysis.system
        self.found = analysis.determined
        self.matrix = self.found.unknowns.matrix
        self.columns = self.matrix.tocsc()
        self.place = {int(c): j for j, c in enumerate(self.found.unknowns.cells)}

    def proof(self, cell: int) -> Proof | None:
        """Of an exact recovery by rank, or of the bound that breaks the rule. None when no short one is found."""
        if cell not in self.place:
            return None
        column = self.place[cell]
        if self.found.known[column]:
            rows = self._combination(column)
            return None if rows is None else self._written(rows, cell, "=")
        return self._bound(cell, column)

    def _combination(self, column: int) -> dict[int, Fraction] | None:
        """Equation → coefficient, such that the sum has this unknown alone."""
        rows: dict[int, Fraction] = {}
        pending = {column: Fraction(1)}
        return rows if self._reduce(pending, rows) else None

    def _reduce(self, pending: dict[int, Fraction], rows: dict[int, Fraction]) -> bool:
        """Cancel the recovered unknowns of `pending` by equations, latest first; false if one cannot be."""
        order, by_row = self.found.order, self.found.by_row
        while left := [j for j in pending if self.found.known[j]]:
            column = max(left, key=lambda j: (int(order[j]), j))
            factor = pending[column]
            if by_row[column] >= 0:
                row = int(by_row[column])
                self._take(row, factor / self._coefficient(row, column), pending, rows)
                continue
            short = self._elimination(column)
            if short is None:
                return False
            for row, weight in short.items():
                self._take(row, factor * weight, pending, rows)
            if column in pending:
                return False
        return True

    def _take(self, row: int, weight: Fraction, pending: dict[int, Fraction], rows: dict[int, Fraction]) -> None:
        rows[row] = rows.get(row, Fraction(0)) + weight
        start, end = self.matrix.indptr[row : row + 2]
        for j, a in zip(self.matrix.indices[start:end].tolist(), self.matrix.data[start:end].tolist(), strict=True):
            left = pending.get(j, Fraction(0)) - weight * a
            if left:
                pending[j] = left
            else:
                pending.pop(j, None)

    def _coefficient(self, row: int, column: int) -> Fraction:
        start, end = self.matrix.indptr[row : row + 2]
        at = np.flatnonzero(self.matrix.indices[start:end] == column)[0]
        return Fraction(int(self.matrix.data[start + at]))

    def _elimination(self, column: int) -> dict[int, Fraction] | None:
        """The shortest combination of nearby equations that leaves this unknown and peeled ones."""
        peeled = self.found.by_row >= 0
        rows: Ints = np.unique(self._rows_of(np.array([column])))
        size = 0
        while len(rows) > size:
            size = len(rows)
            solved = self._smallest(rows, column, ~peeled)
            if solved is not None:
                return solved
            touched = np.unique(self.matrix[rows].indices)
            rows = np.unique(self._rows_of(touched[~peeled[touched]]))
        return None

    def _rows_of(self, columns: Ints) -> Ints:
        return np.asarray(self.columns[:, columns].indices, np.int64)

    def _smallest(self, rows: Ints, column: int, kept: np.ndarray) -> dict[int, Fraction] | None:
        part = self.matrix[rows]
        touched = np.unique(part.indices)
        touched = touched[kept[touched]]
        a = part[:, touched].T.tocsr()
        goal = (touched == column).astype(float)
        both = sparse.hstack([a, -a]).tocsr()
        from scipy.optimize import linprog  # only here: a proof is seldom asked for, and it costs as much as pandas

        answer = linprog(np.ones(both.shape[1]), A_eq=both, b_eq=goal, bounds=(0, None), method="highs")
        if answer.status != 0:
            return None
        y = answer.x[: len(rows)] - answer.x[len(rows) :]
        weights = {int(r): Fraction(v).limit_denominator(5040) for r, v in zip(rows, y, strict=True) if abs(v) > 1e-9}
        left: dict[int, Fraction] = {column: Fraction(1)}
        for row, weight in weights.items():
            self._take(row, weight, left, {})
        return weights if all(not kept[j] for j in left) else None

    def _bound(self, cell: int, column: int) -> Proof | None:
        """The equation, or the combination of a program's dual, that holds the cell under its bound."""
        k = int(self.system.threshold[cell])
        upper = self.analysis.high[cell] < k or self.analysis.low[cell] == self.system.low[cell]
        sign = 1 if upper else -1
        dual = self.analysis.duals.get((cell, sign))
        rows: dict[int, Fraction] = {}
        if dual is not None:
            rows = {r: Fraction(v).limit_denominator(840) for r, v in dual.items()}
        else:
            by_row = (self.analysis.propagated.high_row if upper else self.analysis.propagated.low_row)[column]
            if by_row < 0:
                return None
            rows = {int(by_row): Fraction(sign) / self._coefficient(int(by_row), column)}
        pending = {column: Fraction(sign)}
        for row, weight in list(rows.items()):
            self._take(row, weight, pending, {})
        self._reduce(pending, rows)
        return self._written(rows, cell, "≤" if upper else "≥", sign, pending)

    def _written(
        self,
        rows: Mapping[int, Fraction],
        cell: int,
        relation: str,
        sign: int = 1,
        pending: Mapping[int, Fraction] | None = None,
    ) -> Proof:
        system, u, scale = self.system, self.found.unknowns, self.system.scale
        coefficients: dict[int, Fraction] = {}
        for row, weight in rows.items():
            number_ = int(u.rows[row])
            start, end = system.equations.indptr[number_ : number_ + 2]
            entries = system.equations
            for c, a in zip(entries.indices[start:end].tolist(), entries.data[start:end].tolist(), strict=True):
                if c not in self.place:
                    coefficients[c] = coefficients.get(c, Fraction(0)) - sign * weight * a
        kept = [(c, v) for c, v in coefficients.items() if v]
        terms = [Term(v, system.name(c), Fraction(int(system.low[c]), scale)) for c, v in kept]
        bounded = []
        for j, left in (pending or {}).items():
            other = int(u.cells[j])
            end_ = self.analysis.high[other] if left > 0 else self.analysis.low[other]
            bounded.append(Term(sign * left, system.name(other), Fraction(int(end_), scale)))
        terms.sort(key=lambda t: (t.coefficient < 0, -abs(t.coefficient * t.value), t.cell))
        terms = [t for t in terms if t.value] or terms[:1]
        total = sum((t.coefficient * t.value for t in (*terms, *bounded)), Fraction(0))
        if relation == "=":
            assert total == Fraction(int(self.analysis.low[cell]), scale), "the proof gives the value that was found"
        return Proof(tuple(terms), tuple(bounded), total, relation)


def methods_said(method: int) -> str:
    """The method of a bound, in words."""
    return {
        Method.RANG: "équations seules",
        Method.BORNES: "bornes propagées",
        Method.PROGRAMME: "programme linéaire",
        Method.ENTIERS: "nombres entiers",
    }[list(Method)[method]]
