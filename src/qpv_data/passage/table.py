"""The table of a passage: a row a link, a row a zone without any, and totals that close."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from qpv_data.passage.model import PASSAGES, TOLERANCE_M, Generation, Motif, Nature
from qpv_data.passage.natures import Named, alone, groups, named
from qpv_data.passage.overlay import Link, links, remainder
from qpv_data.passage.weights import Points, Weights, weigh
from qpv_data.problems import FeedError, Problem

_SIDES = ("depart", "arrivee")
_CLOSED = 1e-6  # overlays round vertices: a zone's shares add up to 1 within this
_Rest = Mapping[int, tuple[float, float]]


def passage_table(
    old: Generation, new: Generation, tolerance: float = TOLERANCE_M, points: Points | None = None
) -> tuple[pa.Table, Weights | None]:
    """The passage from `old` to `new`, in schema PASSAGES, sorted by old code then new code, new zones last.

    `tolerance` in metres: see `overlay.links`. `points` are read once, and weighed by `covers`: a point on a boundary
    is inside, and in each of the zones that overlap there. The second answer counts them; None without points.
    For each old zone: sum of `part_depart` + `reste_depart` − `double_depart` = 1, and the same for new zones.
    Raises FeedError: a tolerance that is not a positive number, and what `weigh` raises.
    """
    if not (math.isfinite(tolerance) and tolerance > 0):
        message = f"tolérance de {tolerance} m"
        raise FeedError(new.zonage, Problem.VALEUR_INVALIDE, message, "donner des mètres, plus de 0")
    found = links(old, new, tolerance)
    rests = (
        _shares_left(old, new, [(k.depart, k.arrivee, k.aire, k.aire_perdue) for k in found]),
        _shares_left(new, old, [(k.arrivee, k.depart, k.aire, k.aire_gagnee) for k in found]),
    )
    weights = None if points is None else weigh(old, new, found, points)
    rows = list(_linked(old, new, found, rests, weights)) + list(_alone(old, new, found, tolerance, weights))
    rows.sort(key=lambda r: (r["code_depart"] is None, r["code_depart"] or "", r["code_arrivee"] or ""))
    _number_groups(rows)
    constants = {"zonage_depart": old.zonage, "zonage_arrivee": new.zonage, "tolerance_m": tolerance}
    blank = dict.fromkeys(PASSAGES.names)
    return pa.Table.from_pylist([{**blank, **row, **constants} for row in rows], schema=PASSAGES), weights


def _shares_left(own: Generation, other: Generation, shared: Iterable[tuple[int, int, float, float]]) -> _Rest:
    """Rank → (share of the zone in none of its linked zones, share that they count more than once).

    `shared`: (rank, other's rank, area in both, area of the zone outside the other). What is left is measured apart
    from what is shared, so that the total proves something.
    """
    linked: dict[int, list[tuple[int, float, float]]] = {}
    for mine, theirs, inside, outside in shared:
        linked.setdefault(mine, []).append((theirs, inside, outside))
    left: dict[int, tuple[float, float]] = {}
    for rank, pieces in linked.items():
        zone = own.contours[rank]
        rest, twice = pieces[0][2], 0.0
        if len(pieces) > 1:
            rest, twice = remainder(zone.geometrie, [other.contours[theirs].geometrie for theirs, _, _ in pieces])
        gap = math.fsum([*(inside for _, inside, _ in pieces), rest, -twice, -zone.aire])
        assert abs(gap) < _CLOSED * max(zone.aire, 1.0), (zone.code, gap)
        left[rank] = (rest / zone.aire, twice / zone.aire)
    return left


def _linked(
    old: Generation, new: Generation, found: list[Link], rests: tuple[_Rest, _Rest], weights: Weights | None
) -> Iterable[dict[str, Any]]:
    for n, (name, group) in enumerate(zip(named(found), groups(found), strict=True)):
        link = name.lien
        zones = (old.contours[link.depart], new.contours[link.arrivee])
        row: dict[str, Any] = {"territoire": zones[0].territoire, "groupe": group, **_measures(name)}
        for side, zone, rank, rest in zip(_SIDES, zones, (link.depart, link.arrivee), rests, strict=True):
            row |= {
                f"code_{side}": zone.code,
                f"aire_{side}_m2": zone.aire,
                f"part_{side}": link.aire / zone.aire,
                f"reste_{side}": rest[rank][0],
                f"double_{side}": rest[rank][1],
            }
        row["iou"] = link.aire / (zones[0].aire + zones[1].aire - link.aire)
        if weights is not None:
            row["poids_commun"] = weights.commun[n]
            for side, rank in zip(_SIDES, (link.depart, link.arrivee), strict=True):
                row |= weights.of_zone(side, rank)
                row[f"part_poids_{side}"] = _share(weights.commun[n], row[f"poids_{side}"])
        yield row


def _measures(name: Named) -> dict[str, Any]:
    return {
        "nature": name.nature.value,
        "motif": None,
        "liens_depart": name.liens_depart,
        "liens_arrivee": name.liens_arrivee,
        "aire_commune_m2": name.lien.aire,
        "largeur_perdue_m": name.lien.perdue,
        "largeur_gagnee_m": name.lien.gagnee,
    }


def _alone(
    old: Generation, new: Generation, found: list[Link], tolerance: float, weights: Weights | None
) -> Iterable[dict[str, Any]]:
    fates: tuple[Mapping[int, tuple[Nature, Motif | None]], ...] = (
        alone(old, new, {k.depart for k in found}, Nature.DISPARU, tolerance),
        alone(new, old, {k.arrivee for k in found}, Nature.NOUVEAU, tolerance),
    )
    for side, generation, fate in zip(_SIDES, (old, new), fates, strict=True):
        for rank, (nature, motif) in fate.items():
            zone = generation.contours[rank]
            yield {
                "code_depart": None,
                "code_arrivee": None,
                f"code_{side}": zone.code,
                "territoire": zone.territoire,
                "nature": nature.value,
                "motif": motif,
                f"liens_{side}": 0,
                f"aire_{side}_m2": zone.aire if zone.geometrie is not None else None,
                f"reste_{side}": 1.0 if zone.aire > 0 else None,
                f"double_{side}": 0.0 if zone.aire > 0 else None,
                **(weights.of_zone(side, rank) if weights is not None and zone.aire > 0 else {}),
            }


def _number_groups(rows: list[dict[str, Any]]) -> None:
    """Number groups from 1 in the order of the rows; a zone without any link is a group of its own."""
    numbers: dict[object, int] = {}
    for n, row in enumerate(rows):
        key = row.get("groupe", ("alone", n))
        row["groupe"] = numbers.setdefault(key, len(numbers) + 1)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
