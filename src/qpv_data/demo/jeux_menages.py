"""Feeds about households: a landlord's dwellings (with tenants' names), a mutual fund's households by point."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa

from qpv_data.demo.ecriture import Csv, parquet
from qpv_data.demo.lignes import TRIMESTRES, Adresse, Jeu, Ligne, Livraison, Monde, Valeur, recue
from qpv_data.demo.salissures import OCTET, Chiffon

_LOGEMENTS = Csv(
    ("ref_logement", "ref_menage", "locataire", "adresse", "code_insee", "longitude", "latitude", "type",
     "loyer_eur", "impaye_eur"),
)  # fmt: skip
_TYPES = {"T1": "petit", "T2": "petit", "T3": "moyen", "T4": "grand", "T5+": "grand"}
_PATRONYMES = ("Croquembouche", "Tartempion", "Trucmuche", "Malaterre-Fictif", "Personne", "Duchmol-Témoin")


def logements(monde: Monde) -> Jeu:
    """Occupied social dwellings, quarterly stock. The second quarter comes two months late."""
    rng = monde.hasard("logements")
    tours = monde.tirer(rng, 130 * monde.echelle)
    tours.sort(key=lambda a: a.qpv2015 is None and a.qpv2024 is None)  # a landlord of the QPVs, mostly
    tours = tours[: 90 * monde.echelle]
    parc = [(n, rng.choice(tours), rng.choice(tuple(_TYPES))) for n in range(720 * monde.echelle)]
    livraisons = []
    for periode in TRIMESTRES:
        lignes = [_logement(rng, n, tour, taille, periode) for n, tour, taille in parc if rng.random() < 0.97]
        chiffon = Chiffon(monde.hasard("logements", periode), lignes, monde.echelle)
        chiffon.sans_commune(10, "code_insee", ("",))
        chiffon.lieux("longitude", "latitude", 4326, {
            "coordonnees_absentes": 9, "axes_inverses": 3, "coordonnees_nulles": 3, "coordonnees_illisibles": 1,
        })  # fmt: skip
        chiffon.octets(2, "type", f"T3 r{OCTET}nov{OCTET}")
        chiffon.champs(2)
        chiffon.cellule(2, "loyer_eur", "412,50", "valeur_illisible")
        chiffon.cellule(1, "loyer_eur", "-10.00", "valeur_hors_domaine")
        chiffon.cellule(1, "ref_menage", "", "valeur_obligatoire_absente")
        chiffon.doublons(4)
        chemin = f"habitat-des-brumes.example/clause/{periode}/logements.csv"
        jours = 75 if periode == "2024-T2" else 14
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, jours)))
    return Jeu("demo_logements", livraisons, _LOGEMENTS)


def _logement(rng: random.Random, n: int, tour: Adresse, taille: str, periode: str) -> Ligne:
    loyer = Decimal(rng.randint(21_000, 62_000)) / 100
    impaye = Decimal(rng.randint(100, 180_000)) / 100 if rng.random() < 0.3 else Decimal(0)
    menage = f"M{n + 1:06d}{'B' if rng.random() < 0.02 else 'A'}"  # now and then the tenants change
    lon, lat = tour.coordonnees[4326]
    cells: dict[str, str | None] = {
        "ref_logement": f"L{n + 1:06d}", "ref_menage": menage,
        "locataire": f"{rng.choice(_PATRONYMES)} {rng.choice('ABCDEFGH')}.", "adresse": tour.voie,
        "code_insee": tour.commune or "", "longitude": lon, "latitude": lat, "type": taille,
        "loyer_eur": f"{loyer:.2f}", "impaye_eur": f"{impaye:.2f}",
    }  # fmt: skip
    values: dict[str, Valeur] = {"menage": menage, "taille": _TYPES[taille], "loyer": loyer, "impaye": impaye}
    return Ligne(cells, values, periode, tour, tour.commune)


_MUTUELLE = pa.schema(
    [("id_point", pa.string()), ("code_commune", pa.string()), ("x_l93", pa.float64()), ("y_l93", pa.float64()),
     ("formule", pa.string()), ("nb_foyers", pa.int64()), ("reste_a_charge_eur", pa.decimal128(12, 2))]
)  # fmt: skip


def mutuelle(monde: Monde) -> Jeu:
    """Households covered, already summed by point: Parquet, quarterly. The third quarter never came."""
    rng = monde.hasard("mutuelle")
    points = monde.tirer(rng, 320 * monde.echelle)
    livraisons = []
    for periode in TRIMESTRES:
        lignes = [_point(rng, n, lieu, periode) for n, lieu in enumerate(points)]
        chiffon = Chiffon(monde.hasard("mutuelle", periode), lignes, monde.echelle)
        chiffon.sans_commune(6, "code_commune", (None,))
        chiffon.lieux("x_l93", "y_l93", 2154, {"axes_inverses": 3, "coordonnees_nulles": 3, "hors_territoire": 1})
        chiffon.inconnus(5, "coordonnees_absentes", {"x_l93": (None,), "y_l93": (None,)})
        chiffon.cellule(2, "nb_foyers", "0", "valeur_hors_domaine")
        chiffon.cellule(1, "nb_foyers", None, "valeur_obligatoire_absente")
        chiffon.cellule(1, "formule", "Platine", "valeur_hors_domaine")
        chiffon.doublons(3)
        absent = periode == "2024-T3"
        chemin = f"mutuelle-des-ombres.example/qpv/foyers_{periode}.parquet"
        livraisons.append(Livraison(periode, chemin, None if absent else lignes, recue(periode, 25)))
    return Jeu("demo_mutuelle", livraisons, _mutuelle_file, premiere=1)


def _point(rng: random.Random, n: int, lieu: Adresse, periode: str) -> Ligne:
    foyers, formule = rng.randint(1, 9), rng.choice(("Solidaire", "Confort", "Confort"))
    reste = Decimal(rng.randint(500, 30_000) * foyers) / 100
    x, y = lieu.coordonnees[2154]
    cells = {
        "id_point": f"PT{n + 1:05d}", "code_commune": lieu.commune, "x_l93": x, "y_l93": y, "formule": formule,
        "nb_foyers": str(foyers), "reste_a_charge_eur": f"{reste:.2f}",
    }  # fmt: skip
    values: dict[str, Valeur] = {"foyers": foyers, "reste": reste, "formule": formule.lower()}
    return Ligne({**cells}, values, periode, lieu, lieu.commune)


def _mutuelle_file(lignes: Sequence[Ligne]) -> bytes:
    convert = {"x_l93": float, "y_l93": float, "nb_foyers": int, "reste_a_charge_eur": Decimal}
    columns = {
        name: [None if (c := ligne.cellules[name]) is None else convert.get(name, str)(c) for ligne in lignes]
        for name in _MUTUELLE.names
    }
    return parquet(columns, _MUTUELLE)
