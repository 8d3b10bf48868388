"""Feeds under private clauses: a sports club's members (nested JSON), a temp agency's missions (dated rows)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qpv_data.demo.ecriture import Csv, json_text
from qpv_data.demo.lignes import TRIMESTRES, Adresse, Jeu, Ligne, Livraison, Monde, recue
from qpv_data.demo.salissures import OCTET, Chiffon

_SANS_FEMMES = "QP099004"
_SECTIONS = ("football", "boxe", "gymnastique")


def licencies(monde: Monde) -> Jeu:
    """Licences of a club, one or two a member, quarterly; `position` is nested."""
    rng = monde.hasard("licencies")
    # No woman at all in one QPV: a share of 0 % tells of everyone there, and has to be hidden.
    membres = [
        (n, lieu, "H" if lieu.qpv2015 == _SANS_FEMMES else rng.choice("FFHHH"))
        for n, lieu in enumerate(monde.tirer(rng, 270 * monde.echelle))
    ]
    livraisons = []
    for periode in TRIMESTRES:
        lignes = []
        for n, lieu, sexe in membres:
            for rang, section in enumerate(rng.sample(_SECTIONS, rng.choice((0, 1, 1, 1, 1, 2)))):
                lignes.append(_licence(n, rang, lieu, sexe, section, periode))
        chiffon = Chiffon(monde.hasard("licencies", periode), lignes, monde.echelle)
        chiffon.lieux("position.lon", "position.lat", 4326, {
            "coordonnees_absentes": 6, "axes_inverses": 3, "coordonnees_nulles": 2, "coordonnees_illisibles": 1,
        })  # fmt: skip
        chiffon.cellule(2, "section", "sieste", "valeur_hors_domaine")
        chiffon.cellule(1, "adherent.ref", None, "valeur_obligatoire_absente")
        chiffon.doublons(4)
        chemin = f"club-des-farfadets.example/licences/{periode}.json"
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, 30)))
    return Jeu("demo_licencies", livraisons, _club_file, premiere=1)


def _licence(n: int, rang: int, lieu: Adresse, sexe: str, section: str, periode: str) -> Ligne:
    lon, lat = lieu.coordonnees[4326]
    cells: dict[str, str | None] = {
        "licence": f"FAR-{n + 1:05d}-{rang + 1}", "adherent.ref": f"AD{n + 1:05d}",
        "adherent.nom": f"Farfadet {n + 1}", "adherent.sexe": sexe, "section": section,
        "position.lat": lat, "position.lon": lon,
    }  # fmt: skip
    values = {"adherent": f"AD{n + 1:05d}", "sexe": sexe, "section": section}
    return Ligne(cells, {**values}, periode, lieu)


def _club_file(lignes: Sequence[Ligne]) -> bytes:
    items: list[dict[str, Any]] = []
    for ligne in lignes:
        c = ligne.cellules
        item: dict[str, Any] = {
            "licence": c["licence"], "section": c["section"],
            "adherent": {"ref": c["adherent.ref"], "nom": c["adherent.nom"], "sexe": c["adherent.sexe"]},
        }  # fmt: skip
        if ligne.inconnu == "coordonnees_absentes":
            item["position"] = None
        else:
            item["position"] = {k: _number(c[f"position.{k}"]) for k in ("lat", "lon")}
        items.append(item)
    return json_text({"club": "Les Farfadets de Valmorte", "licences": items}, indent=1)


def _number(text: str | None) -> float | str | None:
    try:
        return float(text or "")
    except ValueError:
        return text


_SECTEURS = ("logistique", "btp", "services")
_INTERIM = Csv(
    ("ref_mission", "ref_interimaire", "nom", "secteur", "date_debut", "jours", "heures", "lon", "lat"),
    separateur="|",
)


def interim(monde: Monde) -> Jeu:
    """Missions of the year in one file, placed at the worker's home; the quarter is that of their first day."""
    rng = monde.hasard("interim")
    interimaires = list(enumerate(monde.tirer(rng, 380 * monde.echelle)))
    lignes = [_mission(rng, n, *rng.choice(interimaires)) for n in range(1_600 * monde.echelle)]
    chiffon = Chiffon(rng, lignes, monde.echelle)
    chiffon.lieux("lon", "lat", 4326, {
        "coordonnees_absentes": 25, "axes_inverses": 8, "coordonnees_nulles": 9, "coordonnees_illisibles": 3,
        "hors_territoire": 2,
    })  # fmt: skip
    chiffon.octets(3, "secteur", f"B{OCTET}TIMENT")
    chiffon.champs(4)
    chiffon.cellule(4, "date_debut", "30/02/2024", "valeur_illisible")
    chiffon.cellule(3, "date_debut", "2023-12-28", "hors_periode")
    chiffon.cellule(2, "date_debut", "2025-01-06", "hors_periode")
    chiffon.cellule(3, "heures", "-7.50", "valeur_hors_domaine")
    chiffon.cellule(2, "ref_interimaire", "", "valeur_obligatoire_absente")
    chiffon.doublons(8)
    chemin = "interim-vouivre.example/contrat-de-ville/missions-2024.csv"
    return Jeu("demo_interim", [Livraison("unique", chemin, lignes, recue("2024", 40))], _INTERIM)


def _mission(rng: random.Random, n: int, qui: int, lieu: Adresse) -> Ligne:
    jour = date(2024, 1, 1) + timedelta(days=rng.randint(0, 365))
    jours, secteur = rng.randint(1, 60), rng.choice((*_SECTEURS, ""))
    heures = Decimal(jours * rng.randint(300, 800)) / 100
    lon, lat = lieu.coordonnees[4326]
    cells: dict[str, str | None] = {
        "ref_mission": f"MI{n + 1:06d}", "ref_interimaire": f"IN{qui + 1:05d}", "nom": f"Vouivre {qui + 1}",
        "secteur": secteur.upper(), "jours": str(jours), "heures": f"{heures:.2f}", "lon": lon, "lat": lat,
        "date_debut": f"{jour:%d/%m/%Y}" if rng.random() < 0.3 else jour.isoformat(),
    }  # fmt: skip
    values = {"interimaire": f"IN{qui + 1:05d}", "secteur": secteur or None, "jours": jours, "heures": heures}
    return Ligne(cells, {**values}, TRIMESTRES[(jour.month - 1) // 3], lieu)
