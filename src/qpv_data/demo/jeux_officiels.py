"""Official tables ready at zone level: job seekers with the producer's masks, municipal populations."""

from __future__ import annotations

import random

from qpv_data.demo.ecriture import Csv
from qpv_data.demo.lignes import TRIMESTRES, Jeu, Ligne, Livraison, Monde, recue
from qpv_data.demo.territoire import COMMUNES, POPULATIONS, QPV2024

_FINE = "\u202f"  # the thousands mark of Insee's tables
_MASQUES = {"s": "masque_producteur", "": "masque_producteur", "nd": "non_livree", "ns": "non_significative"}
_SANS_LIGNE = "QN09908I"  # a QPV that the table forgets
_DEMANDEURS = Csv(("CODGEO", "LIBGEO", "ABC", "ABC_F", "ABC_25", "NOTE"), encodage="utf-8-sig", fin_de_ligne="\r\n")
_COLONNES = ("ABC", "ABC_F", "ABC_25")
_MASQUEES = (("s", _COLONNES), ("", ("ABC_F", "ABC_25")), ("nd", _COLONNES), ("ns", ("ABC_25",)))


def demandeurs(monde: Monde) -> Jeu:
    """Job seekers per QPV of 2024, quarterly, in the manner of Insee: BOM, CRLF, masks, a totals row."""
    rng = monde.hasard("demandeurs")
    base = {code: n * rng.randint(11, 23) // 100 for code, n in _residents(monde).items()}
    livraisons = []
    for rang, periode in enumerate(TRIMESTRES):
        lignes = [_effectifs(rng, z.code, z.nom, base[z.code] - 7 * rang, periode) for z in QPV2024]
        lignes = [ligne for ligne in lignes if ligne.zone != _SANS_LIGNE]
        _mask(lignes, rang)
        total = _effectifs(rng, "Ensemble", "Ensemble", sum(base.values()), periode)
        total.rejet = "valeur_hors_domaine"
        intruder = _effectifs(rng, "QN09999N", "Quartier inconnu", 321, periode)
        intruder.inconnu = "code_inconnu"
        chemin = f"statistique.brumeval.example/emploi/demandeurs_qpv_{periode}.csv"
        rows = [*lignes, intruder, total]
        livraisons.append(Livraison(periode, chemin, rows, recue(periode, 60)))
    return Jeu("demo_demandeurs_emploi", livraisons, _DEMANDEURS, zonage="qpv2024")


def _effectifs(rng: random.Random, code: str, nom: str, abc: int, periode: str) -> Ligne:
    femmes, jeunes = abc * rng.randint(42, 56) // 100, abc * rng.randint(9, 17) // 100
    counts = dict(zip(_COLONNES, (abc, femmes, jeunes), strict=True))
    cells = {"CODGEO": code, "LIBGEO": nom, "NOTE": ""} | {k: _spaced(v) for k, v in counts.items()}
    return Ligne({**cells}, {k.lower(): v for k, v in counts.items()}, periode, zone=code)


def _spaced(n: int) -> str:
    return f"{n:,}".replace(",", _FINE)


def _mask(lignes: list[Ligne], rang: int) -> None:
    """One QPV a mask and a quarter, never the same twice."""
    for k, (mask, columns) in enumerate(_MASQUEES):
        ligne = lignes[(3 * k + rang) % len(lignes)]
        for column in columns:
            ligne.cellules[column] = mask
            ligne.valeurs[column.lower()] = None
            ligne.masques[column.lower()] = _MASQUES[mask]
        if mask == "":
            ligne.cellules["NOTE"] = "ND"


def _residents(monde: Monde) -> dict[str, int]:
    """Inhabitants of each QPV of 2024."""
    rng = monde.hasard("populations")
    return {zone.code: rng.randint(1_100, 9_500) for zone in QPV2024}


_POPULATION = Csv(("code", "libelle", "population"))


def populations(monde: Monde) -> list[Jeu]:
    """Municipal populations of 2024's QPVs (one not delivered) and of the communes: the denominators."""
    residents = _residents(monde)
    qpv = [_habitants(z.code, z.nom, residents[z.code]) for z in QPV2024]
    missing = qpv[-1]
    missing.cellules["population"], missing.valeurs["population"] = "nd", None
    missing.masques["population"] = "non_livree"
    communes = [_habitants(z.code, z.nom, POPULATIONS[z.code]) for z in COMMUNES]
    return [
        Jeu(
            f"demo_population_{zonage}",
            [Livraison("unique", f"statistique.brumeval.example/population/{zonage}_2024.csv", lignes,
                       recue("2023", 365))],
            _POPULATION, zonage=zonage,
        )
        for zonage, lignes in (("qpv2024", qpv), ("commune", communes))
    ]  # fmt: skip


def _habitants(code: str, nom: str, n: int) -> Ligne:
    return Ligne({"code": code, "libelle": nom, "population": str(n)}, {"population": n}, "2024", zone=code)
