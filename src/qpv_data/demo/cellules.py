"""The exact figures of every cell: which rows count where, sums, distinct units, shares. Plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from qpv_data.demo.lignes import TRIMESTRES, Jeu, Ligne, Valeur
from qpv_data.demo.mesures import LIBRE, MESURES, REGLES, ZERO, Mesure, Regle
from qpv_data.demo.territoire import COMPOSITIONS, NOMS_COMMUNES, PERIMETRES

Zone = tuple[str, str]
ZONES: dict[str, tuple[str, ...]] = {
    **{zonage: tuple(z.code for z in zones) for zonage, zones in PERIMETRES.items()},
    **{zonage: tuple(z.code for z in zones) for zonage, zones in COMPOSITIONS.items()},
    "territoire": ("territoire",),
    "non_localise": (*sorted(NOMS_COMMUNES), "territoire"),
}
_OF_COMMUNE = {
    commune: tuple((zonage, z.code) for zonage, zones in COMPOSITIONS.items() for z in zones if commune in z.communes)
    for commune in NOMS_COMMUNES
}


@dataclass(frozen=True)
class Cellule:
    """Exact figures of a cell. Units are counted distinct (or summed, for a feed of headcounts)."""

    numerateur: Decimal
    denominateur: Decimal | None
    n_unites: int
    n_numerateur: int
    n_complement: int
    part_dominante: Fraction | None


@dataclass(frozen=True)
class _Apport:
    """What one row brings to one indicator."""

    numerateur: Decimal
    denominateur: Decimal | None
    distinct: Valeur
    unite: Valeur
    effectif: int
    contributeur: Valeur


VIDE = Cellule(ZERO, ZERO, 0, 0, 0, None)


def zones_of(ligne: Ligne, zonage_du_jeu: str | None) -> list[Zone]:
    """Every zone in which the row counts. A row rejected counts nowhere."""
    if ligne.rejet is not None:
        return []
    if zonage_du_jeu is not None:
        return [] if ligne.inconnu else [(zonage_du_jeu, str(ligne.zone))]
    lieu = ligne.lieu if ligne.inconnu is None else None
    commune = ligne.commune_declaree or (lieu.commune if lieu else None)
    zones: list[Zone] = []
    if commune is not None:
        zones += [("commune", commune), *_OF_COMMUNE[commune]]
    if lieu is not None:
        held = (("qpv2015", lieu.qpv2015), ("qpv2024", lieu.qpv2024), ("iris", lieu.iris))
        zones += [(zonage, code) for zonage, code in held if code is not None]
    if commune is not None or ligne.inconnu is not None:
        zones.append(("territoire", "territoire"))
    if ligne.inconnu is not None:
        zones.append(("non_localise", commune or "territoire"))
    return zones


def periods_of(jeu: Jeu) -> tuple[str, ...]:
    """The periods of the feed's series: four quarters, or the year."""
    rows = next(livraison.lignes for livraison in jeu.livraisons if livraison.lignes)
    return ("2024",) if rows[0].periode == "2024" else TRIMESTRES


def undelivered(jeu: Jeu) -> frozenset[str]:
    """Periods whose delivery never came."""
    return frozenset(livraison.id for livraison in jeu.livraisons if livraison.lignes is None)


def placed(jeu: Jeu) -> list[tuple[Ligne, list[Zone]]]:
    """The rows that are not rejected, each with the zones in which it counts."""
    lines = (ligne for livraison in jeu.livraisons for ligne in livraison.lignes or () if ligne.rejet is None)
    return [(ligne, zones_of(ligne, jeu.zonage)) for ligne in lines]


def cells(lines: Sequence[tuple[Ligne, list[Zone]]], mesure: Mesure) -> dict[tuple[str, Zone, str], Cellule]:
    """(period, zone, modality) to figures, for the cells in which at least one row counts. `lines`: see `placed`."""
    regle = REGLES.get(mesure.jeu, LIBRE)
    held: defaultdict[tuple[str, Zone, str], list[_Apport]] = defaultdict(list)
    for ligne, zones in lines:
        if mesure.masques and any(column in ligne.masques for column in mesure.masques):
            continue
        if not mesure.filtre(ligne.valeurs):
            continue
        apport = _apport(ligne, mesure, regle)
        modalites = ["ensemble"]
        if mesure.modalite is not None:
            code = mesure.modalite(ligne.valeurs)
            modalites.append(str(code) if code in mesure.modalites else "non_renseigne")
        for zone in zones:
            for modalite in modalites:
                held[ligne.periode, zone, modalite].append(apport)
    return {key: _figures(apports, mesure, regle) for key, apports in held.items()}


def _apport(ligne: Ligne, mesure: Mesure, regle: Regle) -> _Apport:
    v = ligne.valeurs
    effectif = v[regle.effectif] if regle.effectif else 0
    return _Apport(
        mesure.numerateur(v),
        mesure.denominateur(v) if mesure.denominateur else None,
        v[mesure.distinct] if mesure.distinct else None,
        v[regle.unite] if regle.unite else None,
        effectif if isinstance(effectif, int) else 0,
        v[regle.contributeur] if regle.contributeur else None,
    )


def _figures(apports: Sequence[_Apport], mesure: Mesure, regle: Regle) -> Cellule:
    numerateur = sum((a.numerateur for a in apports), ZERO)
    if mesure.distinct:
        numerateur = Decimal(len({a.distinct for a in apports}))
    denominateur = None
    if mesure.denominateur:
        denominateur = sum((a.denominateur or ZERO for a in apports), ZERO)
    if regle.seuil is None:
        return Cellule(numerateur, denominateur, 0, 0, 0, None)
    return Cellule(
        numerateur,
        denominateur,
        _units(apports, regle),
        _units([a for a in apports if a.numerateur != 0], regle),
        _units([a for a in apports if a.denominateur not in (None, a.numerateur)], regle),
        _largest(apports, regle),
    )


def _units(apports: Sequence[_Apport], regle: Regle) -> int:
    if regle.effectif:
        return sum(a.effectif for a in apports)
    return len({a.unite for a in apports})


def _largest(apports: Sequence[_Apport], regle: Regle) -> Fraction | None:
    """The largest contributor's share of the numerator."""
    if regle.contributeur is None:
        return None
    shares: defaultdict[Valeur, Decimal] = defaultdict(Decimal)
    for apport in apports:
        shares[apport.contributeur] += apport.numerateur
    total = sum(shares.values())
    return Fraction(max(shares.values())) / Fraction(total) if total else None


def measures_of(jeu: Jeu) -> list[Mesure]:
    """The feed's indicators, in the clauses' order."""
    return [mesure for mesure in MESURES if mesure.jeu == jeu.id]
