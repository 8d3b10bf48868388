"""The perturbation table: which noise a count gets, how often. Of greatest entropy under its constraints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
_EDGE = 1e-9


@dataclass(frozen=True)
class Noise:
    """What is declared of the noise: never more than `ecart` (D), of mean 0, of `variance` (V) where the bounds let it
    be; no count of 1 to `petits` (js) is ever shown. A zero stays a zero, and nothing becomes negative."""

    ecart: int
    variance: float
    petits: int

    def faults(self) -> list[str]:
        """What makes such a noise impossible."""
        found = []
        if not 0 < self.variance <= self.ecart**2:
            found.append(f"variance {self.variance:g} hors de ]0, {self.ecart**2}], le carré de l'écart maximal")
        if self.petits >= self.ecart:
            found.append(
                f"petits {self.petits} : un effectif de 1 doit pouvoir dépasser {self.petits} (écart {self.ecart})"
            )
        return found

    @property
    def regular_from(self) -> int:
        """The count from which every noise of -D to D is possible: rows are the same beyond."""
        return self.petits + self.ecart + 1

    def support(self, count: int) -> NDArray[np.int64]:
        """The possible noises of a count of 1 or more."""
        noises = np.arange(-self.ecart, self.ecart + 1)
        shown = count + noises
        return np.asarray(noises[(shown == 0) | (shown > self.petits)])

    @cached_property
    def rows(self) -> tuple[tuple[NDArray[np.int64], Floats], ...]:
        """Noises and their probabilities for counts 1, 2, … `regular_from`."""
        return tuple(
            (noises, entropic(noises, self.variance))
            for noises in (self.support(count) for count in range(1, self.regular_from + 1))
        )

    def draw(self, count: NDArray[np.int64], uniform: Floats) -> NDArray[np.int64]:
        """The noise of each count, read off the table at `uniform` (in [0, 1)); 0 for a count of 0."""
        found = np.zeros(len(count), dtype=np.int64)
        row = np.minimum(count, self.regular_from)
        for n, (noises, probability) in enumerate(self.rows, 1):
            own = row == n
            rank = np.searchsorted(np.cumsum(probability)[:-1], uniform[own], side="right")
            found[own] = noises[rank]
        return found


def entropic(noises: NDArray[np.int64], variance: float) -> Floats:
    """The distribution of mean 0 and this variance (the nearest that exists) that says least of anything else.

    It is p(v) ∝ exp(a v + b v²); at the least and the greatest variance, the only distribution that there is.
    """
    below, above = noises[noises <= 0], noises[noises >= 0]
    least, greatest = (below.max(), above.min()), (below.min(), above.max())
    if variance <= -least[0] * least[1] + _EDGE:
        return _two(noises, *least)
    if variance >= -greatest[0] * greatest[1] - _EDGE:
        return _two(noises, *greatest)
    scale = float(np.abs(noises).max())
    v = noises / scale
    features, wanted = np.stack([v, v * v]), np.array([0.0, variance / scale**2])

    def dual(x: Floats) -> tuple[float, Floats]:
        exponents = x @ features
        top = exponents.max()
        weights = np.exp(exponents - top)
        p = weights / weights.sum()
        return float(top + np.log(weights.sum()) - x @ wanted), features @ p - wanted

    x = minimize(dual, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-12, "maxiter": 2_000}).x
    for _ in range(50):  # Newton's steps end what BFGS has begun
        exponents = x @ features
        p = np.exp(exponents - exponents.max())
        p /= p.sum()
        gap = features @ p - wanted
        if np.abs(gap).max() < 1e-14:
            break
        spread = (features * p) @ features.T - np.outer(features @ p, features @ p)
        x = x - np.linalg.solve(spread + 1e-15 * np.eye(2), gap)
    assert np.abs(gap).max() < 1e-9, "la table de perturbation n'a pas la moyenne ou la variance demandées"
    return np.asarray(p)


def _two(noises: NDArray[np.int64], low: int, high: int) -> Floats:
    """Mean 0 on two noises around 0, or 0 itself."""
    p = np.zeros(len(noises))
    if high == low:
        p[noises == 0] = 1.0
    else:
        p[noises == low], p[noises == high] = high / (high - low), -low / (high - low)
    return p
