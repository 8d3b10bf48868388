"""A passage in a few lines: how many links and zones of each nature, and what closes."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from qpv_data.passage.model import Motif, Nature
from qpv_data.passage.weights import Weights
from qpv_data.zonages.model import OVERLAP_MIN_M2


def counted(table: pa.Table) -> list[dict[str, Any]]:
    """One row a nature that is met, in the order of the list: rows, distinct old and new zones, and the share of the
    old zones' area that its links carry (None for zones without a link)."""
    rows = table.to_pylist()
    whole = math.fsum({r["code_depart"]: r["aire_depart_m2"] or 0.0 for r in rows}.values())
    found = []
    for nature in Nature:
        own = [r for r in rows if r["nature"] == nature]
        shared = [r["aire_commune_m2"] for r in own if r["aire_commune_m2"] is not None]
        if own:
            found.append(
                {
                    "nature": nature.value,
                    "lignes": len(own),
                    "zones_depart": len({r["code_depart"] for r in own} - {None}),
                    "zones_arrivee": len({r["code_arrivee"] for r in own} - {None}),
                    "part_aire_depart": math.fsum(shared) / whole if shared and whole else None,
                }
            )
    return found


def summary(table: pa.Table, weights: Weights | None) -> str:
    """The same for a person, in French."""
    rows = table.to_pylist()
    old, new = ({r[f"code_{side}"] for r in rows} - {None} for side in ("depart", "arrivee"))
    first = rows[0]
    lines = [
        f"{first['zonage_depart']} → {first['zonage_arrivee']} : {len(old)} zones de départ, {len(new)} d'arrivée,"
        f" tolérance {first['tolerance_m']:g} m",
        "",
        f"{'nature':<14}{'lignes':>8}{'départ':>8}{'arrivée':>9}{'aire':>9}",
    ]
    for row in counted(table):
        share = "" if row["part_aire_depart"] is None else f"{100 * row['part_aire_depart']:.1f} %"
        lines.append(
            f"{row['nature']:<14}{row['lignes']:>8}{row['zones_depart']:>8}{row['zones_arrivee']:>9}{share:>9}"
        )
    lines += ["", *_overlaps(rows), *_nowhere(rows), *(_points(weights) if weights is not None else ())]
    return "\n".join(lines).rstrip()


def _overlaps(rows: list[dict[str, Any]]) -> list[str]:
    told = []
    for side, own, other in (("depart", "de départ", "d'arrivée"), ("arrivee", "d'arrivée", "de départ")):
        doubled = {
            r[f"code_{side}"] for r in rows if (r[f"double_{side}"] or 0) * (r[f"aire_{side}_m2"] or 0) > OVERLAP_MIN_M2
        }
        if doubled:
            told.append(f"{len(doubled)} zones {own} où des zones {other} se recouvrent : voir double_{side}")
    return told


def _nowhere(rows: list[dict[str, Any]]) -> list[str]:
    """Zones that left no trace of where they were: the other generation's may be their twins."""
    told = []
    for side, own, fate in (("depart", "de départ", Nature.NOUVEAU), ("arrivee", "d'arrivée", Nature.DISPARU)):
        code, area = f"code_{side}", f"aire_{side}_m2"
        lost = [r[code] for r in rows if r["motif"] == Motif.CONTOUR_ABSENT and r[code] and r[area] is None]
        if lost:
            told.append(f"{len(lost)} zones {own} sans contour ni lieu ({', '.join(lost[:5])}) : {fate} est à vérifier")
    return told


def _points(weights: Weights) -> list[str]:
    unknown = {reason: n for reason, n in weights.inconnus.items() if n}
    why = f" ({', '.join(f'{n} {reason}' for reason, n in unknown.items())})" if unknown else ""
    old, new, both = (math.fsum(w) for w in (weights.poids["depart"], weights.poids["arrivee"], weights.commun))
    return [
        f"points : {weights.lus} lus, dont {sum(unknown.values())} de lieu inconnu{why}",
        f"poids : {old:g} dans les zones de départ, {new:g} dans celles d'arrivée, {both:g} dans les liens",
    ]
