"""A clause as its signatories read it: titled parts, each a list of labelled sentences, in French.

The same words make the terminal's page and the annex to sign; what does not apply is said, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from qpv_data.clause.model import Clause, ClauseJeu, Conservation, Destruction, Hebergement, SansObjet, Secret, Securite
from qpv_data.clause.secrecy import other_units, rule_of
from qpv_data.secret.rules import load_families

Row = tuple[str, str]
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
WORDS = {
    "donnees_publiques": "données publiques produites au quartier",
    "donnees_interet_general": "données privées d'intérêt général",
    "public": "administration ou organisme public",
    "delegataire": "délégataire de service public",
    "bailleur": "bailleur social",
    "prive_interet_general": "acteur privé, pour des données d'intérêt général",
    "association": "association",
    "ouvert": "ouverte à tous",
    "partenaires": "réservée aux partenaires",
    "interne": "interne à l'équipe du contrat",
    "open_data": "ouverture des données publiques",
    "statistique_publique": "statistique publique",
    "delegation_de_service_public": "délégation de service public",
    "convention": "convention",
    "interet_general": "mise à disposition volontaire de données d'intérêt général",
    "altruisme": "altruisme en matière de données (règlement européen 2022/868)",
    "telechargement": "téléchargement",
    "api": "interface de programmation",
    "depot": "dépôt",
    "sftp": "SFTP",
    "s3": "espace de stockage S3",
    "projet": "projet",
    "signee": "signée",
    "licence_ouverte": "sous licence, sans signature",
    "resiliee": "résiliée",
    "consentement": "consentement",
    "contrat": "contrat",
    "obligation_legale": "obligation légale",
    "interets_vitaux": "intérêts vitaux",
    "mission_interet_public": "mission d'intérêt public",
    "interet_legitime": "intérêt légitime",
    "agregation": "agrégation",
    "suppression": "suppression des petits effectifs",
    "arrondi": "arrondi",
    "bruit": "bruit",
    "pseudonymisation": "pseudonymisation",
    "orchestrateur": "anime le partenariat",
    "observatoire_national": "observatoire national",
    "partenaire": "partenaire",
    "sous_traitant": "sous-traitant",
    "habitants": "habitants",
    "menage": "ménage",
    "etablissement": "établissement",
    "equipement": "équipement",
    "evenement": "événement",
    "troncon": "tronçon",
    "qpv": "quartier prioritaire",
}


@dataclass(frozen=True)
class Section:
    """A titled part of a clause."""

    titre: str
    lignes: tuple[Row, ...]


def sections(clause: Clause) -> list[Section]:
    """Every promise of the clause, in the order in which a contract says them."""
    made = [
        Section("Parties", tuple(_parties(clause))),
        Section("Finalités", tuple((f"({code})", text) for code, text in clause.finalites.items())),
        Section("Accès et partage", tuple(_sharing(clause))),
        Section("Données livrées", tuple(_delivery(clause))),
        Section("Transfert, hébergement, sécurité", tuple(_keeping(clause))),
        Section("Personnes et secret statistique", tuple(_persons(clause))),
        Section("Propriété, licence, coût", tuple(_property(clause))),
        Section("Durée et destruction", tuple(_time(clause))),
        Section("Gouvernance", tuple(_governance(clause))),
    ]
    if clause.a_confirmer:
        made.append(Section("Ce qui reste à confirmer", tuple(("clé", key) for key in clause.a_confirmer)))
    return made


def said(promise: object) -> str:
    """A promise in words; one without object with its reason."""
    if isinstance(promise, SansObjet):
        return f"sans objet : {promise.sans_objet}"
    if isinstance(promise, bool):
        return "oui" if promise else "non"
    if isinstance(promise, date):
        return in_letters(promise)
    if isinstance(promise, str):
        return WORDS.get(promise, promise)
    if isinstance(promise, Iterable):
        return " ; ".join(said(p) for p in promise)
    return str(promise)


def in_letters(day: date) -> str:
    """1er janvier 2024."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def _parties(c: Clause) -> Iterable[Row]:
    yield "Producteur", f"{c.producteur.nom} ({said(c.producteur.categorie)})"
    if c.producteur.siren:
        yield "SIREN", c.producteur.siren
    if c.producteur.contact:
        yield "Contact", c.producteur.contact
    for recipient in c.destinataires:
        yield "Destinataire", f"{recipient.nom} ({said(recipient.role)})"
    yield "Principe", said(c.principe)
    yield "Base légale", said(c.base_legale.fondement)
    for reference in c.base_legale.references:
        yield "Référence", reference


def _sharing(c: Clause) -> Iterable[Row]:
    yield "Diffusion des indicateurs", said(c.diffusion)
    yield "Usages interdits", said(c.partage.usages_interdits)
    yield "Réidentification", "interdite"
    yield "Retransmission", said(c.partage.retransmission)
    yield (
        "Observatoire national",
        "les indicateurs lui vont" if c.partage.transmission_observatoire else "rien ne lui va",
    )
    days = c.partage.embargo_jours
    yield "Embargo", f"{days} jours entre partenaires" if days else "aucun"


def _delivery(c: Clause) -> Iterable[Row]:
    yield "Jeu", c.titre
    yield "Grain chez le producteur", said(c.granularite.native)
    yield "Grain livré", said(c.granularite.livree)
    yield "Générations de quartiers", said(c.granularite.generations)
    rhythm = "une fois" if c.periodicite == "ponctuelle" else f"livraison {c.periodicite}"
    if isinstance(c, ClauseJeu):
        rhythm += f", depuis {c.periode.debut}" + (f" jusqu'à {c.periode.fin}" if c.periode.fin else "")
    yield "Périodicité", rhythm
    if isinstance(c, ClauseJeu):
        for rupture in c.ruptures:
            about = f" ({', '.join(rupture.indicateurs)})" if rupture.indicateurs else ""
            yield "Rupture de série", f"{rupture.periode}{about} : {rupture.motif}"
    yield "Échéance", f"{c.echeance_jours} jours après la fin de la période"
    yield "Format", c.format.type + (f", {c.format.encodage}" if c.format.encodage else "")
    yield "Colonnes", f"{len(c.colonnes)}, dont la clé {', '.join(c.cle.colonnes)}"
    yield (
        "Une livraison est refusée",
        (f"sous {c.controles.lignes_min} lignes, ou à plus de {100 * c.controles.rejets_max:g} % de lignes rejetées")
        + (f", ou à plus de {100 * c.controles.baisse_max:g} % de lignes perdues" if c.controles.baisse_max else ""),
    )


def _keeping(c: Clause) -> Iterable[Row]:
    yield "Canal", said(c.transfert.canal)
    yield "Chiffrement", said(c.transfert.chiffrement)
    if isinstance(c.hebergement, Hebergement):
        yield "Hébergement", f"{c.hebergement.hebergeur} ({', '.join(c.hebergement.pays)})"
        yield "Certification", said(c.hebergement.certification)
        yield "Journal des accès", said(c.hebergement.journal_des_acces)
    else:
        yield "Hébergement", said(c.hebergement)
    if isinstance(c.securite, Securite):
        yield "Sécurité", said(c.securite.mesures)
        yield "Habilitations", c.securite.habilitations
        yield "Incident", f"dit au producteur en {c.securite.incident_heures} heures"
    else:
        yield "Sécurité", said(c.securite)


def _persons(c: Clause) -> Iterable[Row]:
    told = c.donnees_personnelles
    yield "Données personnelles", ("oui : " if told.presentes else "non") + (told.precision or "")
    if told.presentes:
        yield "Catégories particulières", said(bool(told.categories_particulieres))
        yield "Base du RGPD", said(told.base_rgpd or "")
        yield "Analyse d'impact", said(told.analyse_impact or "")
        yield "Protection", said(told.techniques)
        masked = [x.nom for x in c.colonnes if x.identifiant_direct == "pseudonymiser"]
        dropped = [x.nom for x in c.colonnes if x.identifiant_direct and x.nom not in masked]
        if dropped:
            yield "Identifiants directs", f"{', '.join(dropped)} : jamais écrits après la réception"
        if masked:
            yield "Identifiants remplacés", f"{', '.join(masked)} : par un pseudonyme, dès la lecture"
    yield "Délégué à la protection des données", said(c.gouvernance.dpo)
    yield "Secret", _secret(c.secret)


def _secret(secret: Secret) -> str:
    if (rule := rule_of(secret)) is not None:
        share = f", ou dont un contributeur pèse plus de {100 * rule.dominance:g} %" if rule.dominance else ""
        family = load_families()[secret.famille or ""].libelle
        others = "".join(f" ou de {own.k} ({o.unite})" for o in other_units(secret) if (own := rule_of(o)) is not None)
        return f"une valeur de moins de {rule.k} unités ({secret.unite}){others}{share} n'est pas publiée ({family})"
    shown = {"producteur": "celui du producteur", "sans_objet": "sans objet"}[secret.regime]
    return f"{shown} : {secret.justification}"


def _property(c: Clause) -> Iterable[Row]:
    yield "Titulaire", c.propriete_intellectuelle.titulaire
    yield "Mention", c.propriete_intellectuelle.mention
    yield "Licence", c.licence
    yield "Coût", f"{c.cout.montant_eur_par_an:g} € par an"
    yield "À la charge de", said(c.cout.a_la_charge_de)


def _time(c: Clause) -> Iterable[Row]:
    yield "Statut", said(c.duree.statut)
    yield "Contrat de ville", said(c.duree.contrat)
    yield "Signée le", said(c.duree.signee_le)
    yield "Du", in_letters(c.duree.debut)
    yield "Au", said(c.duree.fin)
    yield "Renouvellement", said(c.duree.renouvellement)
    if isinstance(c.destruction, Destruction):
        yield "Garde", _kept(c.destruction.conservation_jours)
        yield "Indicateurs", "conservés" if c.destruction.agregats == "conserves" else "détruits à la fin de la clause"
        yield "Preuve de destruction", said(c.destruction.preuve)
    else:
        yield "Destruction", said(c.destruction)


def _kept(days: Conservation) -> str:
    return (
        f"{days.brut} jours pour le fichier reçu, {days.conforme} pour les enregistrements, {days.localise} pour les "
        f"enregistrements situés, {days.rejets} pour les lignes rejetées"
    )


def _governance(c: Clause) -> Iterable[Row]:
    g = c.gouvernance
    yield "Comité", said(g.comite)
    yield "Revue", said(g.revue)
    yield "Charte éthique", said(g.charte_ethique)
    yield "Label", said(g.label)
    yield "Manquement", said(g.manquement)
