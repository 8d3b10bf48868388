"""Who delivers what, for which purposes, and what protects the inhabitants: the contract, as readers see it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from qpv_data.clause.sections import said
from qpv_data.periods import parse_period
from qpv_data.site.french import day
from qpv_data.site.reading import Row
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site

CATEGORIES = {
    "public": "Administrations publiques", "delegataire": "Services publics délégués", "bailleur": "Bailleurs",
    "prive_interet_general": "Acteurs privés, données d'intérêt général", "association": "Associations",
}  # fmt: skip
STATES = {
    "recue": "reçue", "en_retard": "reçue en retard", "refusee": "refusée", "manquante": "manquante",
    "attendue": "attendue", "anterieure": "antérieure à la clause",
}  # fmt: skip
REGIMES = {
    "seuil": "Un nombre qui compterait trop peu d'unités est caché",
    "producteur": "Le producteur masque lui-même avant de transmettre",
    "sans_objet": "Rien à protéger",
}
UNITS = {"personne": "personnes", "menage": "ménages", "entreprise": "entreprises", "logement": "logements"}


def write(site: Site, shared: Shared) -> None:
    """`partenariat.html`."""
    clauses = shared.release.rows("SELECT * FROM clauses ORDER BY producteur, titre")
    site.page(
        "partenariat.html", "partenariat.html.j2", titre="Partenariat",
        groupes=groups(clauses, shared.release.publication["publiee_le"]),
        suivi=follow_up(shared.release.rows("SELECT * FROM conformite"), clauses), certificat=shared.certificat,
        titres={c["clause"]: c["titre"] for c in clauses}, regimes=REGIMES, unites=UNITS,
    )  # fmt: skip


def groups(clauses: Iterable[Row], published: date) -> list[tuple[str, list[dict[str, Any]]]]:
    """Feeds (not perimeters) by kind of partner, each with its purposes and its time, said on the day of release."""
    found: dict[str, list[dict[str, Any]]] = {}
    for c in clauses:
        if c["nature"] == "jeu":
            purposes = json.loads(c["finalites"])
            words = list(purposes.values()) if isinstance(purposes, dict) else [str(p) for p in purposes]
            found.setdefault(c["producteur_categorie"], []).append(
                {**c, "mots_finalites": words, "duree": term(c, published)}
            )
    return [
        (CATEGORIES.get(k, k), found[k]) for k in [*CATEGORIES, *sorted(set(found) - set(CATEGORIES))] if k in found
    ]


def term(clause: Row, published: date) -> dict[str, Any]:
    """What a clause says of its time, in words; `finie`: it was over on the day of release.

    A release of a schema before 1.2 does not say it.
    """
    if clause.get("debut") is None:
        return {"mots": "–", "finie": False, **dict.fromkeys(("statut", "signee_le", "contrat", "renouvellement"))}
    begun, end = clause["debut"], clause["fin"]
    words = f"du {day(begun)} au {day(end)}" if end else f"depuis le {day(begun)}, sans terme"
    return {
        "statut": said(clause["statut"]),
        "signee_le": clause["signee_le"],
        "mots": words,
        "finie": end is not None and end < published,
        "contrat": clause["contrat"],
        "renouvellement": clause["renouvellement"] if end else None,
    }


def follow_up(promises: Iterable[Row], clauses: Iterable[Row]) -> dict[str, Any]:
    """Feeds down, periods across, what came of each promise in words."""
    feeds = {c["clause"]: c for c in clauses if c["nature"] == "jeu"}
    cells: dict[tuple[str, str], Row] = {}
    for p in promises:
        if p["clause"] in feeds and p["periode"]:
            cells[(p["clause"], p["periode"])] = p
    periods = sorted({p for _, p in cells}, key=lambda p: (parse_period(p).fin, p))[-8:]
    rows = []
    for name in sorted({f for f, _ in cells}, key=lambda f: (feeds[f]["producteur"], feeds[f]["titre"])):
        rows.append((feeds[name], [_state(cells.get((name, p))) for p in periods]))
    return {"periodes": periods, "lignes": rows}


def _state(promise: Row | None) -> dict[str, str] | None:
    if promise is None:
        return None
    words = STATES.get(promise["etat"], promise["etat"].replace("_", " "))
    late = f"{promise['retard_jours']} j" if promise["retard_jours"] else ""
    kind = {"en_retard": "retard", "refusee": "manque", "manquante": "manque"}.get(promise["etat"], "")
    return {"mots": words + (", périmée" if promise["perimee"] else ""), "retard": late, "genre": kind}
