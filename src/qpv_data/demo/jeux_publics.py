"""Feeds of public producers: establishments (one CRS a row), equipment (yearly, zipped)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.demo.ecriture import Csv, archive, table
from qpv_data.demo.lignes import TRIMESTRES, Adresse, Jeu, Ligne, Livraison, Monde, recue
from qpv_data.demo.salissures import Chiffon

_ACTIVITES = ("47.11F", "47.24Z", "46.90Z", "10.71C", "25.62B", "56.10A", "81.21Z", "96.02A", "88.99B", "[ND]")
_EFFECTIFS = (0, 0, 0, 1, 2, 3, 4, 6, 9, 14, 25)
_MOTS = ("Lanterne", "Chimère", "Marécage", "Brouillard", "Farfadet", "Gargouille", "Songe", "Vouivre")
_LIEUX = {
    "coordonnees_absentes": 6, "axes_inverses": 3, "coordonnees_nulles": 2,
    "coordonnees_illisibles": 2, "hors_territoire": 1,
}  # fmt: skip
_SIRENE = Csv(
    ("siret", "siren", "denomination", "etat", "activite", "effectif", "x", "y", "epsg",
     "qualite_xy", "plg_code_commune"),
)  # fmt: skip


@dataclass
class _Etablissement:
    siren: str
    nic: str
    nom: str
    activite: str
    effectif: int
    lieu: Adresse
    epsg: int
    ferme_a: int


def etablissements(monde: Monde) -> Jeu:
    """SIRENE-like, quarterly stock."""
    rng = monde.hasard("etablissements")
    stock = _stock(monde, rng)
    livraisons = []
    for rang, periode in enumerate(TRIMESTRES):
        lignes = [_sirene(rng, e, rang, periode) for e in stock]
        _dirty_sirene(monde, periode, lignes)
        chemin = f"donnees.valmorte.example/etablissements/etablissements-{periode}.csv"
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, 20)))
    return Jeu("demo_etablissements", livraisons, _SIRENE)


def _stock(monde: Monde, rng: random.Random) -> list[_Etablissement]:
    """About 480 × scale. In three QPVs one employer outweighs all the others: the dominance rule has work."""
    stock = []
    for n in range(300 * monde.echelle):
        siren = f"0{990000 + n:08d}"
        for k in range(rng.choice((1, 1, 1, 2, 3))):
            activite, effectif = rng.choice(_ACTIVITES), rng.choice(_EFFECTIFS)
            lieu = monde.tirer(rng, 1)[0]
            epsg = rng.choices((2154, 4326, 3946), (90, 5, 5))[0]
            nom = f"{rng.choice(_MOTS)} & Fils" if k else f'"{rng.choice(_MOTS)}" ; services'
            stock.append(_Etablissement(siren, f"{k + 1:05d}", nom, activite, effectif, lieu, epsg,
                                        rng.choice((9, 9, 9, 9, 1, 2, 3))))  # fmt: skip
    for code in ("QP099003", "QP099006", "QP099008"):
        employers = [e for e in stock if e.lieu.qpv2015 == code and e.ferme_a == 9]
        for e in employers[:1]:
            e.effectif = 4_000 * monde.echelle
    return stock


def _sirene(rng: random.Random, e: _Etablissement, rang: int, periode: str) -> Ligne:
    etat = "F" if rang >= e.ferme_a else "A"
    effectif = e.effectif + (rang if e.effectif else 0)
    x, y = e.lieu.coordonnees[e.epsg]
    siren = e.siren.lstrip("0") if rng.random() < 0.05 else e.siren  # a spreadsheet went by
    cells: dict[str, str | None] = {
        "siret": e.siren + e.nic, "siren": siren, "denomination": e.nom, "etat": etat,
        "activite": e.activite, "effectif": str(effectif), "x": x, "y": y, "epsg": str(e.epsg),
        "qualite_xy": rng.choice(("11", "11", "11", "12", "21", "22")),
        "plg_code_commune": e.lieu.commune or "",
    }  # fmt: skip
    return Ligne(
        cells, {"siren": e.siren, "etat": etat, "activite": e.activite, "effectif": effectif}, periode,
        e.lieu, e.lieu.commune,
    )  # fmt: skip


def _dirty_sirene(monde: Monde, periode: str, lignes: list[Ligne]) -> None:
    rng = monde.hasard("etablissements", periode)
    chiffon = Chiffon(rng, lignes, monde.echelle)
    chiffon.sans_commune(12, "plg_code_commune", ("", "", "99999"))
    chiffon.lieux("x", "y", 2154, _LIEUX)
    chiffon.inconnus(3, "epsg_absent", {"epsg": ("",)})
    chiffon.inconnus(1, "epsg_inconnu", {"epsg": ("99999",)})
    chiffon.inconnus(25, "qualite_insuffisante", {"qualite_xy": ("33",)})
    chiffon.octets(2, "denomination")
    chiffon.champs(2)
    chiffon.cellule(2, "etat", "Z", "valeur_hors_domaine")
    chiffon.cellule(1, "effectif", "12,5", "valeur_illisible")
    chiffon.cellule(1, "siret", "", "valeur_obligatoire_absente")
    chiffon.doublons(4)


_DOMAINES = {
    "A203": "services", "B207": "commerces", "C107": "enseignement",
    "D265": "sante", "E107": "transports", "F121": "sports",
}  # fmt: skip
_BPE = Csv(
    ("AN", "IDEQUIP", "NOMRS", "DEPCOM", "TYPEQU", "DOM", "SDOM", "LAMBERT_X", "LAMBERT_Y", "EPSG",
     "QUALITE_GEOLOC"),
)  # fmt: skip


def equipements(monde: Monde) -> Jeu:
    """BPE-like, one delivery for the year 2024."""
    rng = monde.hasard("equipements")
    lignes = [_equipement(rng, n, lieu) for n, lieu in enumerate(monde.tirer(rng, 620 * monde.echelle))]
    chiffon = Chiffon(rng, lignes, monde.echelle)
    chiffon.sans_commune(10, "DEPCOM", ("",))
    chiffon.lieux("LAMBERT_X", "LAMBERT_Y", 2154, _LIEUX)
    chiffon.inconnus(18, "qualite_insuffisante", {"QUALITE_GEOLOC": ("33",)})
    chiffon.octets(1, "NOMRS")
    chiffon.champs(2)
    chiffon.cellule(2, "DOM", "Z", "valeur_hors_domaine")
    chiffon.cellule(1, "IDEQUIP", "", "valeur_obligatoire_absente")
    chiffon.doublons(5)
    chemin = "statistique.brumeval.example/bpe/BPE24.zip"
    return Jeu("demo_equipements", [Livraison("unique", chemin, lignes, recue("2024", 180))], _bpe_zip)


def _equipement(rng: random.Random, n: int, lieu: Adresse) -> Ligne:
    typequ, domaine = rng.choice(tuple(_DOMAINES.items()))
    x, y = lieu.coordonnees[2154]
    cells: dict[str, str | None] = {
        "AN": "2024", "IDEQUIP": f"{n + 1:05d}" if rng.random() > 0.1 else str(n + 1),
        "NOMRS": f"Le {rng.choice(_MOTS)}", "DEPCOM": lieu.commune or "", "TYPEQU": typequ, "DOM": typequ[0],
        "SDOM": typequ[:2], "LAMBERT_X": x, "LAMBERT_Y": y, "EPSG": "2154",
        "QUALITE_GEOLOC": rng.choice(("11", "12", "21", "22")),
    }  # fmt: skip
    return Ligne(cells, {"domaine": domaine}, "2024", lieu, lieu.commune)


def _bpe_zip(lignes: Sequence[Ligne]) -> bytes:
    legend = table(("COD_VAR", "LIB_VAR"), [("DOM", "Domaine"), ("TYPEQU", "Type d’équipement")])
    return archive({"BPE24.csv": _BPE(lignes), "BPE24_varmod.csv": legend})
