"""What the published columns measure: two indicators that count the same thing are one quantity to an attacker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from qpv_data.attaque.precision import Rounded, numerator_bounds, reconstructed, rounded
from qpv_data.attaque.published import Exact, Release, Row, exact

_RATIOS = ("part", "moyenne", "taux")


@dataclass(frozen=True, order=True)
class Measure:
    """A quantity over records: `kind` `somme` adds up, `distinct` does not. `expression` `1` counts records.

    `limit`: by which rule a neighbourhood counts records outside it, so that it is no part of its commune.
    """

    jeu: str
    filtre: str
    kind: str
    expression: str
    limit: str = ""
    apart: str = ""  # an indicator that disagrees with the others on what it measures


@dataclass(frozen=True)
class Place:
    """Where a quantity is taken. `axis` is empty for the whole."""

    axis: str
    modality: str
    zoning: str
    zone: str
    period: str


@dataclass(frozen=True)
class Fact:
    """One figure of one release: `value` is None when hidden (`hidden`) or absent (`blind`).

    `bounds`, for `reason`: what a published ratio says of a numerator that no row publishes.
    `own`: hidden by a row whose value it is, and not one side of a ratio. `surely`: and it is no zero, which a row
    of this release would publish. `until`: the last release that repeats it.
    """

    measure: Measure
    place: Place
    value: Exact | None
    hidden: bool
    blind: bool
    own: bool
    surely: bool
    indicator: str
    release: int
    bounds: tuple[Exact, Exact] | None = None
    reason: str = ""
    until: int = -1


@dataclass(frozen=True)
class Kind:
    """How a measure is protected and read. `count`: its values are numbers, each of one unit at least. `signed`: its
    amounts may be negative. `cumul`: each period holds those before it in the year."""

    k: int
    count: bool
    label: str
    flow: bool
    signed: bool
    cumul: bool = False


def protected(row: Mapping[str, Any]) -> bool:
    """Indicators of a producer's own masks, or of no unit, are not for this rule: they are public."""
    regime = row["regime_secret"]
    return bool(regime == "seuil") and row["seuil"] is not None


def divisors(row: Mapping[str, Any]) -> list[str]:
    """The indicators of other feeds that a rate divides by: a zoning takes the first that has values there."""
    return [] if row["par"] is None else str(row["par"]).split(", ")


def limit_of(row: Mapping[str, Any]) -> str:
    """The rule by which an indicator counts records beyond the contour of a neighbourhood; empty for none."""
    rules = [f"{name} {row[name]:g}" for name in ("largeur_limite_m", "rayon_m") if row.get(name) is not None]
    return " ".join(rules)


def measured(measure: Measure, row: Mapping[str, Any], family: str | None) -> Measure:
    """What the measure is in a zone of a family: the rule of limits is about neighbourhoods alone."""
    limit = limit_of(row) if family == "qpv" else ""
    return measure if measure.limit == limit else replace(measure, limit=limit)  # asked of every figure


def providers(row: Mapping[str, Any]) -> list[tuple[Measure, str]]:
    """The measures that an indicator publishes, with the column of `valeurs` that holds each."""
    jeu, filtre, nature = str(row["jeu"]), str(row["filtre"] or ""), row["nature"]
    top = row["numerateur"]
    if nature == "compte":
        kind = Measure(jeu, filtre, "somme", "1") if top is None else Measure(jeu, filtre, "distinct", str(top))
        return [(kind, "numerateur")]
    if nature == "somme":
        return [(Measure(jeu, filtre, "somme", str(top)), "numerateur")]
    if nature not in _RATIOS:
        return []
    kind_of_top = "distinct" if row.get("distincts") else "somme"
    found = [(Measure(jeu, filtre, kind_of_top, str(top or "1")), "numerateur")]
    if row["par"] is None:
        found.append((Measure(jeu, filtre, "somme", str(row["denominateur"] or "1")), "denominateur"))
    return found


def is_count(measure: Measure, row: Mapping[str, Any], values: Iterable[Exact]) -> bool:
    """Records, distinct units, sums of units: whole, of the unit that the rule protects. A whole part of a whole is
    taken for one, which is the cautious side."""
    if any(v.denominator != 1 or v < 0 for v in values):
        return False
    if (
        (measure.kind == "distinct" and row["nature"] == "compte")
        or measure.expression == "1"
        or row["nature"] == "part"
    ):
        return True
    unit, protected_unit = str(row["unite"] or "").lower(), str(row["unite_secret"] or "").lower()
    return bool(protected_unit) and row["nature"] == "somme" and unit.startswith(protected_unit)


def k_of(measure: Measure, rows: Sequence[Mapping[str, Any]]) -> int:
    """The strictest of the indicators that publish a measure. Of a distinct number of something else than the unit, 1:
    few of them may be of many units, and their exact number alone is a finding. Unsaid, it is of the unit."""
    if measure.kind == "distinct" and any(row.get("compte_unites") is False for row in rows):
        return 1
    return max(int(row["seuil"]) for row in rows)


def facts(releases: Sequence[Release]) -> list[Fact]:
    """Every figure of every protected indicator, hidden ones included."""
    found: list[Fact] = []
    for number, release in enumerate(releases):
        known = {i: providers(row) for i, row in release.catalogue.items() if protected(row)}
        for row in release.rows:
            for measure, column in known.get(row.indicator, ()):
                described = release.catalogue[row.indicator]
                nature, family = described["nature"], release.zoning.family.get(row.zoning)
                given = row.numerator if column == "numerateur" else row.denominator
                axis = release.axes.get((row.indicator, row.modality)) or ""
                place = Place(axis, row.modality if axis else "", row.zoning, row.zone, row.period)
                hidden = given is None and row.diffusion == "secret"
                blind = given is None and not hidden
                if blind and row.observation == "sans_objet":
                    continue
                value = None if given is None else exact(given)
                own = hidden and nature in ("compte", "somme")
                # A sum over few units is hidden even when it is nothing; a number of records is then at least 1.
                surely = hidden and nature == "compte" and release.zeros_published
                until = release.until.get(row.period, number)
                at = measured(measure, described, family)
                fact = Fact(at, place, value, hidden, blind, own, surely, row.indicator, number, until=until)
                if blind and column == "numerateur" and row.value is not None:
                    fact = _from_ratio(fact, release, row)
                found.append(fact)
    return _agreeing(found)


def _from_ratio(fact: Fact, release: Release, row: Row) -> Fact:
    """(r − ε) N ≤ x ≤ (r + ε) N, when the ratio and N are published, and not x."""
    described = release.catalogue[row.indicator]
    whole = _denominator(release, row)
    if row.value is None or whole == 0:
        return fact
    ratio = rounded(row.value, int(described["decimales"] or 0))
    factor = Fraction(exact(float(described["facteur"] or 1)))
    if whole is None:
        return _from_digits(fact, ratio, factor, _largest(release, described))
    low, high = numerator_bounds(ratio, factor, Fraction(exact(whole)))
    reason = f"{row.indicator} publié, arrondi compris, fois son dénominateur"
    return replace(fact, bounds=(max(low, Fraction(0)), high), reason=reason)


def _from_digits(fact: Fact, ratio: Rounded, factor: Fraction, largest: int) -> Fact:
    """The digits of a ratio designate p/q when one fraction alone has a denominator up to `largest` there: the
    numerator is then a multiple of p, and p itself when 2 q is too large."""
    found = reconstructed(Rounded(ratio.value / factor, ratio.half / abs(factor)), largest) if largest > 0 else []
    if len(found) != 1 or found[0] <= 0:
        return fact
    p, q = found[0].numerator, found[0].denominator
    return replace(fact, bounds=(p, p * (largest // q)), reason=f"les décimales de {fact.indicator} désignent {p}/{q}")


def _largest(release: Release, described: Mapping[str, Any]) -> int:
    """The largest published figure of what a ratio divides by: no zone has more."""
    wanted = [m for m, c in providers(described) if c == "denominateur"]
    same = {i for i, r in release.catalogue.items() if wanted and (wanted[0], "numerateur") in providers(r)}
    names = set(divisors(described)) or same
    return int(max((release.largest.get(name, 0) for name in names), default=0))


def _denominator(release: Release, row: Row) -> float | None:
    """Published beside the ratio, by the indicator that it divides by, or by one that counts the same thing."""
    if row.denominator is not None:
        return row.denominator
    described = release.catalogue[row.indicator]
    if described["par"] is None:
        wanted, limit = next(m for m, c in providers(described) if c == "denominateur"), limit_of(described)
        catalogue = release.catalogue.items()
        names = [i for i, r in catalogue if (wanted, "numerateur") in providers(r) and limit_of(r) == limit]
        same = [release.figure(name, row, row.period) for name in names]
        return next((v for v in same if v is not None), None)
    for name in divisors(described):
        periods = [p for p in release.periods(name) if p[:4] <= row.period[:4]]
        at = [release.figure(name, row, p) for p in (row.period, *sorted(periods, reverse=True))]
        if (found := next((v for v in at if v is not None), None)) is not None:
            return found
    return None


def _agreeing(found: list[Fact]) -> list[Fact]:
    """Set apart an indicator whose figures differ from those of another for the same quantity."""
    seen: dict[tuple[Measure, Place, int], Fact] = {}
    apart: set[tuple[Measure, str]] = set()
    for fact in found:
        if fact.value is None:
            continue
        first = seen.setdefault((fact.measure, fact.place, fact.release), fact)
        if first.value != fact.value and first.indicator != fact.indicator:
            apart.add((fact.measure, fact.indicator))
    if not apart:
        return found
    return [
        replace(f, measure=replace(f.measure, apart=f.indicator)) if (f.measure, f.indicator) in apart else f
        for f in found
    ]
