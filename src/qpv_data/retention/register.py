"""The register of processing (RGPD, article 30, paragraph 1): one record a clause of personal data, from the clause.

What the clause does not establish is said to be missing, and never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import (
    Clause,
    ClauseJeu,
    Destruction,
    Hebergement,
    LocalisationAdresse,
    LocalisationPoint,
    Securite,
)
from qpv_data.clause.sections import in_letters, said
from qpv_data.clause.vocabulary import RoleDestinataire

# The European Economic Area: a country that is not of it is a third country, in the words of article 30.
_EEA = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI",
        "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
UNSAID = "non dit par la clause : à compléter"


@dataclass(frozen=True)
class Record:
    """One processing, in the order of article 30. Every text is for readers, in French.

    `manques`: what article 30 asks for and the clause does not say.
    """

    jeu: str
    titre: str
    clause_version: str
    statut: str
    responsable: str
    producteur: str
    dpo: str
    finalites: tuple[str, ...]
    base_legale: tuple[str, ...]
    personnes: tuple[str, ...]
    donnees: tuple[str, ...]
    categories_particulieres: str
    destinataires: tuple[str, ...]
    transferts: str
    conservation: tuple[str, ...]
    securite: tuple[str, ...]
    analyse_impact: str
    manques: tuple[str, ...]


def records(clauses: ClauseSet, responsable: str | None, today: date) -> list[Record]:
    """A record for each clause whose feed holds personal data as received, in the order of their ids.

    `responsable`: who is the controller, when it is not the clause's orchestrator; of several, they are joint.
    """
    every = [c.clause for c in clauses.chargees]
    return [_record(c, responsable, today) for c in every if c.donnees_personnelles.presentes]


def _record(c: Clause, responsable: str | None, today: date) -> Record:
    told = c.donnees_personnelles
    leading = [d.nom for d in c.destinataires if d.role is RoleDestinataire.ORCHESTRATEUR]
    controller = responsable or " ; ".join(leading) or UNSAID
    dpo = said(c.gouvernance.dpo)
    people = told.personnes or (UNSAID,)
    missing = [("responsable du traitement", controller), ("catégories de personnes", people[0])]
    return Record(
        jeu=c.id,
        titre=c.titre,
        clause_version=c.version,
        statut=said(c.duree.statut) + ("" if c.duree.en_vigueur(today) else ", hors vigueur"),
        responsable=controller,
        producteur=c.producteur.nom,
        dpo=dpo,
        finalites=tuple(c.finalites.values()),
        base_legale=(f"RGPD, article 6 : {said(told.base_rgpd)}", *c.base_legale.references),
        personnes=people,
        donnees=_data(c),
        categories_particulieres="oui (article 9)" if told.categories_particulieres else "non",
        destinataires=tuple(f"{d.nom} ({said(d.role)})" for d in c.destinataires),
        transferts=_transfers(c),
        conservation=_retention(c),
        securite=_security(c),
        analyse_impact=said(told.analyse_impact),
        manques=tuple(what for what, value in missing if value == UNSAID),
    )


def _data(c: Clause) -> tuple[str, ...]:
    """The categories of data: the clause's words, then its columns, and what becomes of direct identifiers."""
    treated = {"supprimer": "jamais écrit après réception", "pseudonymiser": "remplacé par un pseudonyme"}
    kept = [col.nom for col in c.colonnes if not col.identifiant_direct]
    rows = [c.donnees_personnelles.precision or UNSAID, f"Colonnes gardées : {', '.join(kept)}"]
    for col in c.colonnes:
        if col.identifiant_direct:
            way = col.identifiant_direct if isinstance(col.identifiant_direct, str) else "supprimer"
            rows.append(f"Identifiant direct `{col.nom}` : {treated[way]}")
    place = c.localisation if isinstance(c, ClauseJeu) else None
    if isinstance(place, LocalisationPoint | LocalisationAdresse):
        rows.append("Localisation de chaque enregistrement")
    return tuple(rows)


def _transfers(c: Clause) -> str:
    if not isinstance(c.hebergement, Hebergement):
        return said(c.hebergement)
    outside = [p for p in c.hebergement.pays if p not in _EEA]
    where = f"hébergement par {c.hebergement.hebergeur} ({', '.join(c.hebergement.pays)})"
    if outside:
        return f"Vers des pays tiers : {', '.join(outside)} ; {where} ; garanties à joindre (article 46)"
    return f"Aucun hors de l'Espace économique européen : {where}"


def _retention(c: Clause) -> tuple[str, ...]:
    if not isinstance(c.destruction, Destruction):
        return (said(c.destruction),)
    days = c.destruction.conservation_jours
    end = "" if c.duree.dernier_jour == date.max else f", et au plus tard à la fin de la clause ({said(c.duree.fin)})"
    kept = "conservés" if c.destruction.agregats == "conserves" else "détruits à la fin de la clause"
    return (
        f"Fichier reçu : {days.brut} jours{end}",
        f"Enregistrements : {days.conforme} jours ; situés : {days.localise} ; lignes rejetées : {days.rejets}",
        f"Indicateurs, qui ne tiennent aucun enregistrement : {kept}",
        "Preuve de destruction : " + ("oui, signée" if c.destruction.preuve else "non promise"),
    )


def _security(c: Clause) -> tuple[str, ...]:
    rows = [f"Transport : {said(c.transfert.canal)}, {said(c.transfert.chiffrement)}"]
    if isinstance(c.hebergement, Hebergement):
        rows.append(f"Certification de l'hébergement : {said(c.hebergement.certification)}")
    if isinstance(c.securite, Securite):
        rows += [*c.securite.mesures, f"Habilitations : {c.securite.habilitations}"]
        rows.append(f"Violation dite au producteur en {c.securite.incident_heures} heures")
    else:
        rows.append(said(c.securite))
    rows.append(f"Publication : {', '.join(said(t) for t in c.donnees_personnelles.techniques)}")
    return tuple(rows)


def dated(today: date) -> str:
    """The day of the register, in letters."""
    return in_letters(today)
