"""The published tables, built from the clauses, the receptions and the protected cells. Names are French."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import (
    Clause,
    ClauseJeu,
    Indicateur,
    LocalisationAdresse,
    LocalisationCode,
    SansObjet,
    Secret,
)
from qpv_data.clause.secrecy import dominance_of, other_units
from qpv_data.judging import denominator_period, threshold
from qpv_data.periods import Period, parse_period
from qpv_data.receive import Reception
from qpv_data.runs import clause_digest, series_periods
from qpv_data.sources.http import redact

_T, _D, _N, _I, _B = pa.string(), pa.date32(), pa.float64(), pa.int64(), pa.bool_()
VALEURS = pa.schema(
    [
        ("diffuseur", _T), ("publication", _T), ("indicateur", _T), ("modalite", _T), ("zonage", _T), ("code_zone", _T),
        ("periode", _T), ("frequence", _T), ("periode_debut", _D), ("periode_fin", _D), ("valeur", _N),
        ("numerateur", _N), ("denominateur", _N), ("statut_observation", _T), ("statut_diffusion", _T), ("qualite", _T),
        ("visible_de", pa.timestamp("us")), ("visible_a", pa.timestamp("us")),
    ]
)  # fmt: skip
INDICATEURS = pa.schema(
    [
        ("indicateur", _T), ("jeu", _T), ("titre", _T), ("definition", _T), ("theme", _T), ("unite", _T),
        ("nature", _T), ("nature_temporelle", _T), ("decimales", _I), ("frequence", _T), ("numerateur", _T),
        ("denominateur", _T), ("filtre", _T), ("facteur", _N), ("par", _T), ("famille_secret", _T),
        ("unite_secret", _T), ("seuil", _I), ("dominance", _N), ("regime_secret", _T), ("diffusion", _T),
        ("regle_limite", _T), ("largeur_limite_m", _N), ("rayon_m", _N), ("additif", _B), ("reserve", _T),
        ("clause_version", _T), ("compte_unites", _B),
    ]
)  # fmt: skip
MODALITES = pa.schema([("indicateur", _T), ("modalite", _T), ("axe", _T), ("libelle", _T)])
CLAUSES = pa.schema(
    [
        ("clause", _T), ("version", _T), ("nature", _T), ("titre", _T), ("theme", _T), ("principe", _T),
        ("producteur", _T), ("producteur_categorie", _T), ("finalites", _T), ("diffusion", _T), ("licence", _T),
        ("periodicite", _T), ("donnees_personnelles", _B), ("url", _T), ("a_confirmer", _B), ("empreinte", _T),
        ("statut", _T), ("contrat", _T), ("signee_le", _D), ("debut", _D), ("fin", _D), ("renouvellement", _T),
    ]
)  # fmt: skip
LIVRAISONS = pa.schema(
    [
        ("livraison", _T), ("jeu", _T), ("periode", _T), ("statut", _T), ("probleme", _T), ("recue_le", _D),
        ("echeance", _D), ("url", _T), ("sha256", _T), ("taille", _I), ("clause_version", _T),
        ("disponible_le", _D),
    ]
)  # fmt: skip
CHANGEMENTS = pa.schema(
    [
        ("publication", _T), ("publication_precedente", _T), ("indicateur", _T), ("modalite", _T), ("zonage", _T),
        ("code_zone", _T), ("periode", _T), ("nature", _T), ("valeur_avant", _N), ("valeur", _N), ("statut_avant", _T),
        ("statut", _T), ("cause", _T),
    ]
)  # fmt: skip
VALEURS_LIVRAISONS = pa.schema(
    [(name, _T) for name in ("publication", "indicateur", "zonage", "periode", "jeu", "livraison", "role")]
)
RUPTURES = pa.schema([("indicateur", _T), ("periode", _T), ("motif", _T)])
PUBLICATIONS = pa.schema(
    [
        ("publication", _T), ("diffuseur", _T), ("periode", _T), ("publiee_le", _D), ("protection", _T),
        ("diffusion", _T), ("finalite", _T), ("version_logiciel", _T), ("jeux_absents", _T), ("jeux_perimes", _T),
    ]
)  # fmt: skip


def table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows to a table of exactly this schema; a key that the schema lacks is a fault of ours."""
    listed = list(rows)
    for row in listed[:1]:
        assert set(row) == set(schema.names), set(row) ^ set(schema.names)
    return pa.Table.from_pylist(listed, schema=schema)


def indicateurs(clauses: ClauseSet) -> pa.Table:
    """The dictionary: one row an indicator."""
    return table((indicator_row(c, i) for c, i in sorted(clauses.indicateurs(), key=lambda p: p[1].id)), INDICATEURS)


def indicator_row(clause: ClauseJeu, i: Indicateur) -> dict[str, Any]:
    """One row of the dictionary. An indicator that counts another unit of its clause is said under that one's rule."""
    secret = next((s for s in (clause.secret, *other_units(clause.secret)) if counts(i, s)), clause.secret)
    return {
        "indicateur": i.id,
        "jeu": clause.id,
        "titre": i.titre,
        "definition": i.definition,
        "theme": clause.theme,
        "unite": i.unite,
        "nature": i.nature,
        "nature_temporelle": i.nature_temporelle,
        "decimales": i.decimales,
        "frequence": clause.periode.frequence.value,
        "numerateur": i.distinct or i.numerateur,
        "denominateur": ", ".join(i.par) or i.denominateur,
        "filtre": i.filtre,
        "facteur": i.facteur,
        "par": ", ".join(i.par) or None,
        "famille_secret": clause.secret.famille,
        "unite_secret": secret.unite,
        "seuil": threshold(secret, i),
        "dominance": dominance_of(clause.secret),
        "regime_secret": clause.secret.regime,
        "diffusion": (i.diffusion or clause.diffusion).value,
        "regle_limite": i.regle_limite,
        "largeur_limite_m": i.largeur_limite_m,
        "rayon_m": i.rayon_m,
        "additif": _adds_up(i),
        "reserve": i.reserve,
        "clause_version": clause.version,
        "compte_unites": counts(i, secret) if clause.secret.regime == "seuil" and i.nature in COUNTED else None,
    }


COUNTED = ("compte", "somme")
"""Natures of which it is said whether they are a number of protected units."""


def counts(i: Indicateur, secret: Secret) -> bool:
    """Whether an indicator is a number of the units of this rule."""
    if i.nature == "compte":
        return i.distinct == secret.colonne_unite if i.distinct else secret.une_unite_par_ligne
    return i.nature == "somme" and secret.effectif is not None and i.numerateur == secret.effectif


def _adds_up(i: Indicateur) -> bool:
    """Whether numerators (and denominators) of zones that share no ground add up to those of their union."""
    apart = i.distinct is None and i.rayon_m is None and i.regle_limite == "strict"
    return apart and not i.extreme and i.nature != "releve"


def ruptures(clauses: ClauseSet) -> pa.Table:
    """One row an indicator and break: the first period that does not compare with those before it, and why."""
    rows = [
        {"indicateur": i.id, "periode": rupture.periode, "motif": rupture.motif}
        for clause, i in clauses.indicateurs()
        for rupture in clause.ruptures
        if rupture.indicateurs is None or i.id in rupture.indicateurs
    ]
    return table(sorted(rows, key=lambda r: (r["indicateur"], r["periode"])), RUPTURES)


def modalites(clauses: ClauseSet) -> pa.Table:
    """One row an indicator and modality."""
    rows = []
    for _, i in sorted(clauses.indicateurs(), key=lambda p: p[1].id):
        rows.append({"indicateur": i.id, "modalite": "ensemble", "axe": None, "libelle": "Ensemble"})
        if i.modalites is not None:
            labels = {**i.modalites.valeurs, "non_renseigne": "Non renseigné"}
            rows += [
                {"indicateur": i.id, "modalite": code, "axe": i.modalites.axe, "libelle": label}
                for code, label in labels.items()
            ]
    return table(rows, MODALITES)


def clauses_table(clauses: ClauseSet) -> pa.Table:
    """One row a clause."""
    return table((_clause_row(loaded.clause) for loaded in clauses.chargees), CLAUSES)


def _clause_row(c: Clause) -> dict[str, Any]:
    return {
        "clause": c.id,
        "version": c.version,
        "nature": c.nature,
        "titre": c.titre,
        "theme": c.theme,
        "principe": c.principe,
        "producteur": c.producteur.nom,
        "producteur_categorie": c.producteur.categorie.value,
        "finalites": json.dumps(c.finalites, ensure_ascii=False),
        "diffusion": c.diffusion.value,
        "licence": c.licence,
        "periodicite": c.periodicite,
        "donnees_personnelles": c.donnees_personnelles.presentes,
        "url": redact(c.source.adresse(c.id)),
        "a_confirmer": c.source.a_confirmer,
        "empreinte": clause_digest(c),
        "statut": c.duree.statut.value,
        "contrat": _said(c.duree.contrat),
        "signee_le": _said(c.duree.signee_le),
        "debut": c.duree.debut,
        "fin": _said(c.duree.fin),
        "renouvellement": _said(c.duree.renouvellement),
    }


def _said(promise: str | date | SansObjet) -> str | date | None:
    return None if isinstance(promise, SansObjet) else promise


def livraisons(clauses: ClauseSet, receptions: Sequence[Reception]) -> pa.Table:
    """One row a delivery that was expected. Size and hash of a feed that is not open stay inside: they tell."""
    by_id = {loaded.clause.id: loaded.clause for loaded in clauses.chargees}
    return table((_delivery_row(by_id[r.jeu], r) for r in receptions), LIVRAISONS)


def _delivery_row(clause: Clause, r: Reception) -> dict[str, Any]:
    is_open = clause.diffusion.value == "ouvert" and not clause.donnees_personnelles.presentes
    received = datetime.fromisoformat(r.recue_le).date() if r.recue_le else None
    due = date.fromisoformat(r.echeance) if r.echeance else None
    return {
        "livraison": r.livraison,
        "jeu": r.jeu,
        "periode": r.periode,
        "statut": "recue" if r.statut == "inchangee" else r.statut,
        "probleme": r.probleme,
        "recue_le": received,
        "echeance": due,
        "url": redact(r.url),
        "sha256": r.sha256 if is_open else None,
        "taille": r.taille if is_open else None,
        "clause_version": r.clause_version or clause.version,
        "disponible_le": date.fromisoformat(r.disponible_le) if r.disponible_le else None,
    }


def lineage(
    publication: str, clauses: ClauseSet, receptions: Sequence[Reception], ready: Iterable[str],
    zonings: Sequence[str], until: Period,
) -> pa.Table:  # fmt: skip
    """Which deliveries stand behind the values: one row an indicator, zoning, period, delivery and role."""
    used = {
        (r.jeu, r.periode): r for r in receptions if r.livraison is not None and (r.usable or r.statut == "detruite")
    }
    feeds = {i.id: c for c, i in clauses.indicateurs()}
    perimeters = [(z.zonage.id, used[z.id, None]) for z in clauses.zonages if (z.id, None) in used]
    rows: list[dict[str, Any]] = []
    for clause, i in sorted(clauses.indicateurs(), key=lambda p: p[1].id):
        if clause.id not in set(ready):
            continue
        for periode in series_periods(clause, until):
            if parse_period(periode).fin > until.fin:
                continue
            behind = [("source", r) for r in _behind(used, clause, periode)]
            for divisor in {feeds[p].id: feeds[p] for p in i.par if p in feeds}.values():
                if other := denominator_period(periode, series_periods(divisor, until)):
                    behind += [("denominateur", r) for r in _behind(used, divisor, other)]
            for zoning in zonings:
                here = [*behind, *(("perimetre", r) for z, r in perimeters if z in _needed(zoning))]
                key = {"publication": publication, "indicateur": i.id, "zonage": zoning, "periode": periode}
                rows += [{**key, "jeu": r.jeu, "livraison": r.livraison, "role": role} for role, r in here]
    return table(rows, VALEURS_LIVRAISONS)


def _needed(zoning: str) -> set[str]:
    return {zoning, "commune"} if zoning in ("territoire", "non_localise") else {zoning}


def _behind(used: Mapping[tuple[str, str | None], Reception], clause: ClauseJeu, periode: str) -> list[Reception]:
    key = (clause.id, periode if clause.par_periode else None)
    return [used[key]] if key in used else []


def quality(clause: ClauseJeu) -> str:
    """Class of location, from the clause alone so that nothing hidden shows: `A` the producer's own zone code or
    exact points, `B` points whose producer grades the quality, and geocoded addresses."""
    place = clause.localisation
    if isinstance(place, LocalisationAdresse):
        return "B"
    return "A" if isinstance(place, LocalisationCode) or place.qualite is None else "B"
