"""False alerts and power of the signals, by simulation: `python benchmarks/signaux.py [--repetitions 200 --monde ...]`.

Worlds where nothing stands out (every quarter is drawn from one law, indicator by indicator), then the same ones with
planted effects. Each goes through the comparisons of the site, from the published values on. Nothing is asserted here:
tests/site/test_signaux_simulation.py holds the rates.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpv_data.site.signals import calibration, multiplicity, statistics
from qpv_data.site.signals.model import Compared, Kind, Measure, Series

Floats = NDArray[np.float64]
PERIODS = 12


@dataclass(frozen=True)
class World:
    """How quarters differ where nothing stands out.

    `spread`: standard deviation between quarters of logits or logarithms; `law`: of these differences (`normale`,
    `t5`, `t3`, `asymetrique`, `melange`); `common`: part of a quarter's difference that all indicators share;
    `memory`: correlation of a quarter's own movement from one period to the next; `hidden`: threshold under which a
    count is hidden; `rare`: divides the levels, so that counts become discrete.
    """

    name: str
    quarters: int
    indicators: int = 24
    law: str = "normale"
    spread: float = 0.25
    common: float = 0.5
    memory: float = 0.7
    moving: float = 0.05
    hidden: int = 11
    rare: float = 1.0
    sums: bool = False
    """Shares are of amounts, not of counts: of units of unequal weights."""


@dataclass(frozen=True)
class Effect:
    """Planted in `zones` of `indicators`: a level, a last change or a break, as a part of the odds or of the rate."""

    kind: Kind
    size: float
    indicators: int = 4
    zones: int = 1


def draw(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Differences of mean 0 and variance 1."""
    if law == "t5":
        return rng.standard_t(5, shape) / np.sqrt(5 / 3)
    if law == "t3":
        return rng.standard_t(3, shape) / np.sqrt(3)
    if law == "asymetrique":
        return (rng.gamma(4.0, 1.0, shape) - 4.0) / 2.0
    if law == "melange":
        return rng.standard_normal(shape) * np.where(rng.random(shape) < 0.1, 2.5, 0.912) / 1.156
    return rng.standard_normal(shape)


def indicator(world: World, k: int, population: Floats, shared: Floats, rng: np.random.Generator,
              effect: Effect | None, zones: NDArray[np.int64]) -> Series:  # fmt: skip
    """One of the world's series: shares, rates and means in turn, half of them flows."""
    n = world.quarters
    measure = (Measure.SHARE, Measure.RATE, Measure.LEVEL)[k % 3]
    flow = k % 2 == 1
    between = np.sqrt(world.common) * shared + np.sqrt(1 - world.common) * draw(world.law, rng, (n,))
    path = np.empty((n, PERIODS))
    path[:, 0] = draw(world.law, rng, (n,))
    for t in range(1, PERIODS):
        step = draw(world.law, rng, (n,))
        path[:, t] = world.memory * path[:, t - 1] + np.sqrt(1 - world.memory**2) * step
    season = 0.05 * np.sin(np.arange(PERIODS) * np.pi / 2) + 0.01 * np.arange(PERIODS)
    latent = world.spread * between[:, None] + world.moving * path + season
    if effect is not None:
        latent[zones, (0 if effect.kind is Kind.LEVEL else PERIODS - 1) :] += np.log1p(effect.size)
    latent = np.clip(latent, -8.0, 8.0)  # the heaviest laws draw rates that no quarter could have
    base = (0.05, 0.15, 0.3, 0.5)[k // 3 % 4] / world.rare
    if measure is Measure.SHARE:
        size = np.round(population * (0.05, 0.2, 0.4)[k % 5 % 3])
        level = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + latent)))
        x, d = rng.binomial(size[:, None].astype(np.int64), level).astype(float), size[:, None] + 0 * level
        hide = np.minimum(x, d - x) < world.hidden
        factor, decimals = 100.0, 1
        if world.sums:
            x, d = 100 * d * rng.beta(level * size[:, None] / 2, (1 - level) * size[:, None] / 2), 100 * d
    elif measure is Measure.RATE:
        d = population[:, None] + 0 * latent
        x = rng.poisson(d * 0.1 * base * np.exp(latent)).astype(float)
        hide = x < world.hidden
        factor, decimals = 1000.0, 1
    else:
        d = np.round(population * 0.08)[:, None] + 0 * latent
        value = 400 * np.exp(latent) * (1 + 0.4 / np.sqrt(d) * rng.standard_normal(latent.shape))
        x, hide, factor, decimals = value * d, d < 11, 1.0, 2
    x, d = np.where(hide, np.nan, x), np.where(hide, np.nan, d)
    counts = measure is Measure.RATE or (measure is Measure.SHARE and not world.sums)
    return Series(
        indicator=f"i{k:03d}", measure=measure, counts=counts, flow=flow,
        quantum=10.0**-decimals, factor=factor, zones=tuple(f"z{i}" for i in range(n)),
        periods=tuple(str(t) for t in range(PERIODS)), values=np.round(factor * x / d, decimals), numerators=x,
        denominators=d, noise=np.zeros_like(x), pair=(PERIODS - 5, PERIODS - 1), run=tuple(range(PERIODS)),
    )  # fmt: skip


def drawn(
    world: World, rng: np.random.Generator, effect: Effect | None = None
) -> tuple[list[Series], set[tuple[str, int]]]:
    """The series of a world, and (indicator, zone) of what is planted in it."""
    population = np.round(np.maximum(1000, 2800 * np.exp(0.6 * rng.standard_normal(world.quarters))))
    shared = draw(world.law, rng, (world.quarters,))
    made, planted = [], set()
    for k in range(world.indicators):
        touched = effect if effect and k < effect.indicators else None
        zones = rng.choice(world.quarters, effect.zones if effect else 0, replace=False)
        made.append(indicator(world, k, population, shared, rng, touched, zones))
        planted |= {(made[-1].indicator, int(z)) for z in zones} if touched else set()
    return made, planted


def compared(series: list[Series]) -> list[Compared]:
    """Every comparison that the site makes of them."""
    found = (compare(s) for s in series for compare in (statistics.levels, statistics.changes, statistics.own))
    return [c for c in found if c is not None]


@dataclass(frozen=True)
class Measured:
    """Over repetitions: comparisons made, worlds with an alert, mean part of false alerts, planted effects found."""

    made: float
    any_false: float
    false_part: float
    found: float
    by_kind: dict[str, float]


def measure(world: World, repetitions: int, seed: int, effect: Effect | None = None) -> Measured:
    """Rates over as many worlds drawn from `seed`."""
    made, false_parts, found, anyf = [], [], [], []
    kinds = dict.fromkeys(Kind, 0)
    for r in range(repetitions):
        series, planted = drawn(world, np.random.default_rng([seed, r]), effect)
        tested = compared(series)
        q = multiplicity.adjusted(np.concatenate(calibration.p_values(tested))) if tested else np.zeros(0)
        made.append(len(q))
        true = false = 0
        hit = set()
        at = 0
        for c in tested:
            for i in np.flatnonzero(q[at : at + len(c.zones)] <= multiplicity.FALSE_ALERTS):
                if (c.series.indicator, int(c.zones[i])) in planted:
                    true += 1
                    hit.add((c.series.indicator, int(c.zones[i])))
                else:
                    false += 1
                    kinds[c.kind] += 1
            at += len(c.zones)
        false_parts.append(false / max(1, true + false))
        anyf.append(false > 0)
        found.append(len(hit) / len(planted) if planted else np.nan)
    return Measured(
        float(np.mean(made)),
        float(np.mean(anyf)),
        float(np.mean(false_parts)),
        float(np.mean(found)),
        {k.value: v / repetitions for k, v in kinds.items()},
    )


LAWS = ("normale", "t5", "asymetrique", "melange", "t3")
EFFECTS = tuple(Effect(Kind.LEVEL, size) for size in (1.0, 5.0)) + tuple(
    Effect(Kind.CHANGE, s) for s in (0.5, 1.0, 2.0)
)
SHARE = {12: 1.0, 16: 1.0, 100: 0.3, 1609: 0.05}
"""Part of the repetitions that worlds of each size are given: they hold more comparisons."""


def main() -> None:
    """Write one line of Markdown a world: comparisons, worlds with a false alert, false part, effects found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repetitions", type=int, default=400)
    options.add_argument("--graine", type=int, default=1)
    options.add_argument("--quartiers", type=int, nargs="*", default=list(SHARE), help="sizes of the worlds")
    asked = options.parse_args()
    for quarters in asked.quartiers:
        times = max(4, round(SHARE.get(quarters, 1.0) * asked.repetitions))
        plain = World("", quarters, indicators=24 if quarters < 1000 else 12)
        worlds = [replace(plain, name=law, law=law) for law in LAWS]
        worlds += [
            replace(plain, name="indicateurs liés (0,9)", common=0.9), replace(plain, name="mémoire 0,95", memory=0.95),
            replace(plain, name="comptes rares", rare=4.0), replace(plain, name="seuil 25", hidden=25),
            replace(plain, name="parts de montants", sums=True),
            replace(plain, name="parts de montants, Student à 3 degrés", sums=True, law="t3"),
            replace(plain, name="écarts larges", spread=0.5, moving=0.1),
        ]  # fmt: skip
        for world in worlds:
            m = measure(world, times, asked.graine)
            print(f"| {quarters} | {world.name} | {times} | {m.made:.0f} | {100 * m.any_false:.1f} |", flush=True)
        for effect in EFFECTS:
            m = measure(plain, max(5, times // 4), asked.graine + 1, effect)
            told = f"{effect.kind.value} × {1 + effect.size:g}"
            print(
                f"| {quarters} | {told} | {max(5, times // 4)} | {100 * m.false_part:.1f} | {100 * m.found:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
