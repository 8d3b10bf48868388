"""Apply a passage to values: estimates on the new generation, flagged as such, and nothing lost on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import pyarrow as pa

from qpv_data.passage.model import Nature
from qpv_data.problems import FeedError, Problem

Ponderation = Literal["surface", "points"]
Valeurs = Mapping[str, float | None]
CONVERSION = pa.schema(
    [
        ("zonage", pa.string()), ("code_zone", pa.string()), ("valeur", pa.float64()),
        ("statut_observation", pa.string()), ("part_partielle", pa.float64()), ("part_couverte", pa.float64()),
        ("sources", pa.int32()), ("sources_absentes", pa.int32()),
    ]
)  # fmt: skip
RATIO = CONVERSION.insert(3, pa.field("numerateur", pa.float64())).insert(4, pa.field("denominateur", pa.float64()))


@dataclass(frozen=True)
class Conversion:
    """`table`: one row a new zone, sorted by code, in schema CONVERSION.

    `depart`: total of the values given. `transmis`: what reached the new zones, `retenu`: what would have, but a zone
    with an absent source has no value; `hors`: what lies in no new zone; `double`: what overlapping new zones count
    more than once. depart + double = transmis + retenu + hors.
    """

    table: pa.Table
    depart: float
    transmis: float
    retenu: float
    hors: float
    double: float


class _Part(NamedTuple):
    """The share of an old zone's value that goes through a link; None when it cannot be known."""

    depart: str
    share: float | None
    whole: bool
    same: bool


def convert(passage: pa.Table, values: Valeurs, weights: Ponderation, *, extensive: bool) -> Conversion:
    """Estimate a count or a sum on the new zones from its values on the old ones.

    In: the table of one passage; values by old code, None (or no key) where the value is not known: it is never 0.
    `weights`: share a zone's value by `surface`, or by `points` when the passage was weighed. An old zone that lies
    in the new one within the tolerance gives its whole value; any other, its share.
    Out: `statut_observation` is `normale` where the perimeter is the same (the value is the old one), `estimee`
    elsewhere, `non_livree` when a source is absent or there is none. `part_partielle`: share of the value that comes
    from zones that are cut; `part_couverte`: share of the new zone that the old ones describe: what is outside them
    is not in the estimate.
    Raises FeedError: a value that is not extensive (a median, a mean, a ratio: give numerators and denominators to
    `convert_ratio`; a median has none), several passages, codes that it does not know, infinite values, no weights.
    """
    zonage, known = _checked(passage, values, weights)
    if not extensive:
        message = "une médiane, une moyenne ou un ratio ne se partage pas entre zones"
        remedy = "convertir numérateur et dénominateur (convert_ratio) ; une médiane ne se convertit pas"
        raise FeedError(zonage, Problem.VALEUR_INVALIDE, message, remedy)
    rows = passage.to_pylist()
    into = _parts(rows, weights)
    covered = _covered(rows, weights)
    table = [_estimate(zonage, code, into[code], known, covered[code]) for code in sorted(into)]
    return _closed(pa.Table.from_pylist(table, schema=CONVERSION), into, known, _outside(rows, into, known, weights))


def convert_ratio(
    passage: pa.Table, numerators: Valeurs, denominators: Valeurs, weights: Ponderation, facteur: float = 1.0
) -> pa.Table:
    """Estimate `facteur` × numerator / denominator on the new zones: each is converted apart, in schema RATIO.

    A ratio whose denominator is 0 is `sans_objet`. `part_partielle` and `part_couverte` are the worse of the two.
    """
    tops = convert(passage, numerators, weights, extensive=True).table.to_pylist()
    bottoms = convert(passage, denominators, weights, extensive=True).table.to_pylist()
    ranks = ("normale", "estimee", "non_livree")
    rows = []
    for top, bottom in zip(tops, bottoms, strict=True):
        status = max(top["statut_observation"], bottom["statut_observation"], key=ranks.index)
        n, d = top["valeur"], bottom["valeur"]
        if status != "non_livree" and d == 0:
            status = "sans_objet"
        shares = {"part_partielle": max, "part_couverte": min}
        rows.append(
            {
                **top,
                **{name: _worse(top[name], bottom[name], worse) for name, worse in shares.items()},
                "valeur": facteur * n / d if status in ranks[:2] else None,
                "numerateur": n,
                "denominateur": d,
                "statut_observation": status,
                "sources_absentes": max(top["sources_absentes"], bottom["sources_absentes"]),
            }
        )
    return pa.Table.from_pylist(rows, schema=RATIO)


def _worse(a: float | None, b: float | None, worse: Any) -> float | None:
    known = [v for v in (a, b) if v is not None]
    return worse(known) if known else None


def _checked(passage: pa.Table, values: Valeurs, weights: Ponderation) -> tuple[str, dict[str, float]]:
    """The new zoning, and the values that are known."""
    pairs = sorted(set(zip(*(passage[c].to_pylist() for c in ("zonage_depart", "zonage_arrivee")), strict=True)))
    if len(pairs) != 1:
        message = f"{len(pairs)} passages dans la table : {', '.join(f'{a} → {b}' for a, b in pairs) or 'aucun'}"
        raise FeedError("passages", Problem.VALEUR_INVALIDE, message, "n'en garder qu'un, par zonage_depart et arrivee")
    name = pairs[0][1]
    codes = set(passage["code_depart"].to_pylist())
    if strangers := sorted(set(values) - codes):
        shown = ", ".join(strangers[:10]) + (", …" if len(strangers) > 10 else "")
        message = f"{len(strangers)} codes que le zonage {pairs[0][0]} n'a pas : {shown}"
        raise FeedError(name, Problem.REFERENCE_INCONNUE, message, "donner les codes de la génération de départ")
    known = {code: float(v) for code, v in values.items() if v is not None and not math.isnan(v)}
    if infinite := sorted(code for code, v in known.items() if math.isinf(v)):
        raise FeedError(name, Problem.VALEUR_INVALIDE, f"valeurs infinies : {', '.join(infinite)}", "les corriger")
    if weights not in get_args(Ponderation):
        remedy = f"choisir parmi : {', '.join(get_args(Ponderation))}"
        raise FeedError(name, Problem.VALEUR_INVALIDE, f"pondération {weights!r} inconnue", remedy)
    if weights == "points" and passage["poids_commun"].null_count == passage.num_rows:
        remedy = "refaire le passage avec une couche de points, ou pondérer par la surface"
        raise FeedError(name, Problem.VALEUR_INVALIDE, "le passage n'a pas de poids", remedy)
    return name, known


def _parts(rows: Iterable[Mapping[str, Any]], weights: Ponderation) -> dict[str, list[_Part]]:
    """New code → the parts that reach it."""
    column = "part_depart" if weights == "surface" else "part_poids_depart"
    into: dict[str, list[_Part]] = {}
    for row in rows:
        if row["code_arrivee"] is None:
            continue
        parts = into.setdefault(row["code_arrivee"], [])
        if row["code_depart"] is not None:
            whole = row["largeur_perdue_m"] == 0
            same = row["nature"] == Nature.INCHANGE
            parts.append(_Part(row["code_depart"], 1.0 if whole else row[column], whole, same))
    return into


def _covered(rows: Iterable[Mapping[str, Any]], weights: Ponderation) -> dict[str, float | None]:
    """New code → share of the zone that old ones describe: all of it when what is left is within the tolerance."""
    column = "reste_arrivee" if weights == "surface" else "reste_poids_arrivee"
    covered: dict[str, float | None] = {}
    for row in rows:
        code = row["code_arrivee"]
        if code is not None and covered.get(code) != 1.0:
            rest = 0.0 if row["largeur_gagnee_m"] == 0 else row[column]
            covered[code] = None if rest is None else 1.0 - rest
    return covered


def _estimate(
    zonage: str, code: str, parts: list[_Part], known: Mapping[str, float], covered: float | None
) -> dict[str, Any]:
    absent = sum(p.share is None or p.depart not in known for p in parts)
    told = bool(parts) and not absent
    through = [(known[p.depart] * p.share, p.whole) for p in parts if p.share is not None and p.depart in known]
    value = math.fsum(v for v, _ in through) if told else None
    cut = math.fsum(v for v, whole in through if not whole)
    same = told and all(p.same for p in parts)
    return {
        "zonage": zonage,
        "code_zone": code,
        "valeur": value,
        "statut_observation": "normale" if same else "estimee" if told else "non_livree",
        "part_partielle": cut / value if value else (0.0 if told else None),
        "part_couverte": covered,
        "sources": len(parts),
        "sources_absentes": absent,
    }


def _outside(
    rows: Iterable[Mapping[str, Any]],
    into: Mapping[str, list[_Part]],
    known: Mapping[str, float],
    weights: Ponderation,
) -> tuple[float, float]:
    """The values that lie in no new zone, and those that are counted more than once."""
    column = "reste_depart" if weights == "surface" else "reste_poids_depart"
    shares: dict[str, list[float | None]] = {}
    whole: set[str] = set()
    for part in (p for parts in into.values() for p in parts):
        shares.setdefault(part.depart, []).append(part.share)
        if part.whole:
            whole.add(part.depart)
    left = {row["code_depart"]: row[column] for row in rows if row["code_depart"] is not None}
    outside: list[float] = []
    twice: list[float] = []
    for code, value in known.items():
        gone = shares.get(code, [])
        if None in gone or not gone:  # no share can be told, or there is nowhere to go: all of it stays out
            outside.append(value * (1.0 - math.fsum(s for s in gone if s is not None)))
            continue
        rest = 0.0 if code in whole else left[code]
        outside.append(value * rest)
        twice.append(value * (math.fsum(s for s in gone if s is not None) + rest - 1.0))
    return math.fsum(outside), math.fsum(twice)


def _closed(
    table: pa.Table, into: Mapping[str, list[_Part]], known: Mapping[str, float], outside: tuple[float, float]
) -> Conversion:
    estimates = dict(zip(table["code_zone"].to_pylist(), table["valeur"].to_pylist(), strict=True))
    sent: list[float] = []
    held: list[float] = []
    for code, parts in into.items():
        reached = [known[p.depart] * p.share for p in parts if p.share is not None and p.depart in known]
        (held if estimates[code] is None else sent).extend(reached)
    total, (lost, twice) = math.fsum(known.values()), outside
    result = Conversion(table, total, math.fsum(sent), math.fsum(held), lost, twice)
    gap = math.fsum([result.depart, result.double, -result.transmis, -result.retenu, -result.hors])
    assert abs(gap) <= 1e-9 * max(1.0, math.fsum(abs(v) for v in known.values())), gap
    return result
