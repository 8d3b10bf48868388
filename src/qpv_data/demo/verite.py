"""The truth kept aside: every published number, every count of rows, every record's place.

Computed from what each row is known to be, with exact arithmetic, without DuckDB nor shapely and without
reading the files back: it shares no code with the pipeline that it judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa

from qpv_data.demo.cellules import (
    VIDE,
    ZONES,
    Cellule,
    Zone,
    cells,
    measures_of,
    periods_of,
    placed,
    undelivered,
    zones_of,
)
from qpv_data.demo.ecriture import json_text, parquet
from qpv_data.demo.lignes import Jeu, Livraison
from qpv_data.demo.mesures import LIBRE, REGLES, Mesure, Regle

_TEXT, _REAL, _INT = pa.string(), pa.float64(), pa.int64()
VALEURS = pa.schema([
    ("indicateur", _TEXT), ("modalite", _TEXT), ("zonage", _TEXT), ("code_zone", _TEXT), ("periode", _TEXT),
    ("numerateur", _REAL), ("denominateur", _REAL), ("valeur_exacte", _TEXT), ("valeur", _REAL),
    ("n_unites", _INT), ("n_unites_numerateur", _INT), ("n_unites_complement", _INT), ("part_dominante", _REAL),
    ("statut_observation", _TEXT), ("statut_diffusion", _TEXT),
])  # fmt: skip
LIEUX = pa.schema([(name, _INT if name == "ligne" else _TEXT) for name in (
    "jeu", "livraison", "ligne", "periode", "rejet", "inconnu", "commune", "iris", "qpv2015", "qpv2024",
)])  # fmt: skip
_DENSE_RATIOS = ("part", "moyenne", "taux")
Statuts = Mapping[tuple[str, str, str, str], str]  # (feed, period, zone, column) → mask


def write_truth(root: Path, jeux: Sequence[Jeu]) -> None:
    """Write `valeurs.parquet`, `localisation.parquet` and `bilan.json` under `root`."""
    root.mkdir(parents=True, exist_ok=True)
    _write(root / "valeurs.parquet", list(_values(jeux)), VALEURS)
    _write(root / "localisation.parquet", list(_places(jeux)), LIEUX)
    report = {jeu.id: {d.id: _balance(d, jeu) for d in jeu.livraisons} for jeu in jeux}
    (root / "bilan.json").write_bytes(json_text(report, indent=1))


def _write(path: Path, rows: Sequence[Mapping[str, Any]], schema: Any) -> None:
    path.write_bytes(parquet({name: [row[name] for row in rows] for name in schema.names}, schema))


def _balance(livraison: Livraison, jeu: Jeu) -> dict[str, Any]:
    """Received = accepted + rejected; unknown places are among the accepted."""
    if livraison.lignes is None:
        return {"absente": True}
    rejected = Counter(ligne.rejet for ligne in livraison.lignes if ligne.rejet)
    unknown = Counter(ligne.inconnu for ligne in livraison.lignes if ligne.rejet is None and ligne.inconnu)
    return {
        "recues": len(livraison.lignes),
        "conformes": len(livraison.lignes) - rejected.total(),
        "rejetees": dict(sorted(rejected.items())),
        "inconnues": dict(sorted(unknown.items())),
        "recue_le": livraison.recue_le.isoformat(),
        "rejets": [[n, x.rejet] for n, x in enumerate(livraison.lignes, start=jeu.premiere) if x.rejet],
    }


def _places(jeux: Sequence[Jeu]) -> Iterator[dict[str, Any]]:
    """One row a received row, in the files' order; null: outside every zone, or unknown."""
    for jeu in jeux:
        for livraison in jeu.livraisons:
            for n, ligne in enumerate(livraison.lignes or (), start=jeu.premiere):
                held = dict(zones_of(ligne, jeu.zonage))
                yield {
                    "jeu": jeu.id, "livraison": livraison.id, "ligne": n, "rejet": ligne.rejet,
                    "periode": None if ligne.rejet else ligne.periode,
                    "inconnu": None if ligne.rejet else ligne.inconnu,
                    **{z: held.get(z) for z in ("commune", "iris", "qpv2015", "qpv2024")},
                }  # fmt: skip


def _values(jeux: Sequence[Jeu]) -> Iterator[dict[str, Any]]:
    """One row a cell of the dense table, denominators first. `non_localise`: counts only."""
    known: dict[tuple[str, str, Zone], dict[str, Any]] = {}
    ordered = sorted(jeux, key=lambda jeu: "population" not in jeu.id)
    for jeu in ordered:
        said = _Said(_masks(jeu), _present(jeu), undelivered(jeu))
        periods, places = periods_of(jeu), placed(jeu)
        for mesure in measures_of(jeu):
            figures = cells(places, mesure)
            for zonage, codes in ZONES.items():
                if zonage == "non_localise" and mesure.nature != "compte":
                    continue
                for code in codes:
                    for periode in periods:
                        for modalite in mesure.toutes_modalites:
                            key = (periode, (zonage, code), modalite)
                            cell = figures.get(key, VIDE)
                            status = _observation(jeu, mesure, periode, (zonage, code), said, known)
                            row = _row(mesure, key, cell, status, known)
                            if modalite == "ensemble":
                                known[mesure.id, periode, (zonage, code)] = row
                            yield row


@dataclass(frozen=True)
class _Said:
    """What a feed's rows say at once: masks, the zones that have rows in each period, the periods that never came."""

    masks: Mapping[tuple[str, str, str], str]
    present: Mapping[str, Set[str | None]]
    undelivered: Set[str]


def _present(jeu: Jeu) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for livraison in jeu.livraisons:
        for ligne in livraison.lignes or ():
            found.setdefault(ligne.periode, set()).add(ligne.zone)
    return found


def _masks(jeu: Jeu) -> dict[tuple[str, str, str], str]:
    return {
        (ligne.periode, str(ligne.zone), column): status
        for livraison in jeu.livraisons for ligne in livraison.lignes or ()
        for column, status in ligne.masques.items()
    }  # fmt: skip


def _observation(
    jeu: Jeu, mesure: Mesure, periode: str, zone: Zone, said: _Said,
    known: Mapping[tuple[str, str, Zone], dict[str, Any]],
) -> str:  # fmt: skip
    """`normale`, or why there is no value: it does not apply, was not delivered, or is masked."""
    if jeu.zonage is not None:
        if zone[0] != jeu.zonage:
            return "sans_objet"
        if zone[1] not in said.present.get(periode, ()):
            return "non_livree"
    by = known.get((mesure.par, periode[:4], zone)) if mesure.par else None
    if by is not None and by["statut_observation"] == "sans_objet":
        return "sans_objet"
    if periode in said.undelivered:
        return "non_livree"
    for column in mesure.masques:
        if (periode, zone[1], column) in said.masks:
            return said.masks[periode, zone[1], column]
    return str(by["statut_observation"]) if by is not None else "normale"


def _row(
    mesure: Mesure, key: tuple[str, Zone, str], cell: Cellule, status: str,
    known: Mapping[tuple[str, str, Zone], dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    periode, zone, modalite = key
    regle = REGLES.get(mesure.jeu, LIBRE)
    row: dict[str, Any] = dict.fromkeys(VALEURS.names)
    row |= {"indicateur": mesure.id, "modalite": modalite, "zonage": zone[0], "code_zone": zone[1], "periode": periode}
    masked = status == "masque_producteur"
    row |= {"statut_observation": "normale" if masked else status}
    row |= {"statut_diffusion": "masque_producteur" if masked else "diffusee"}
    if status != "normale":
        return row
    exact = Fraction(cell.numerateur)
    row["numerateur"] = float(cell.numerateur)
    if mesure.nature in _DENSE_RATIOS:
        below = Fraction(cell.denominateur or 0)
        if mesure.par is not None:
            below = Fraction(known[mesure.par, periode[:4], zone]["numerateur"])
        row["denominateur"] = float(below)
        if below == 0:
            return row | {"statut_observation": "sans_objet"}
        exact = exact * mesure.facteur / below
    row["valeur_exacte"] = str(Decimal(exact.numerator) / Decimal(exact.denominator))
    row["valeur"] = float(rounded(exact, mesure.decimales))
    if regle.seuil is not None:
        row |= {
            "n_unites": cell.n_unites, "n_unites_numerateur": cell.n_numerateur,
            "n_unites_complement": cell.n_complement if mesure.nature == "part" else None,
            "part_dominante": None if cell.part_dominante is None else float(cell.part_dominante),
        }  # fmt: skip
        if hidden(mesure, regle, cell):
            row["statut_diffusion"] = "secret"
    return row


def hidden(mesure: Mesure, regle: Regle, cell: Cellule) -> bool:
    """The primary rules: too few units on any side, one contributor above the limit, everyone or no one."""
    counts = [cell.n_unites]
    if mesure.nature in _DENSE_RATIOS:
        counts.append(cell.n_numerateur)
    if mesure.nature == "part":
        counts.append(cell.n_complement)
        if cell.n_unites and cell.numerateur in (0, cell.denominateur):
            return True
    if regle.dominance is not None and cell.part_dominante is not None and cell.part_dominante > regle.dominance:
        return True
    return any(0 < n < (regle.seuil or 0) for n in counts)


def rounded(exact: Fraction, decimales: int) -> Decimal:
    """Half away from zero, on the exact value."""
    scaled = exact * 10**decimales
    whole = Decimal((2 * abs(scaled.numerator) + scaled.denominator) // (2 * scaled.denominator))
    return (whole if exact >= 0 else -whole).scaleb(-decimales).quantize(Decimal(1).scaleb(-decimales), ROUND_HALF_UP)
