"""What a clause promises beside its data, for the clauses of the tests."""

from __future__ import annotations

from typing import Any

SANS_OBJET = {"sans_objet": "essai"}
PROMISES: dict[str, Any] = {
    "secret": {"regime": "sans_objet", "justification": "essai"},
    "destinataires": [{"nom": "Tous", "role": "public"}],
    "partage": {
        "usages_interdits": ["réidentifier"],
        "reidentification": "interdite",
        "retransmission": "libre",
        "transmission_observatoire": True,
        "embargo_jours": 0,
    },
    "base_legale": {"fondement": "open_data", "references": ["essai"]},
    "propriete_intellectuelle": {"titulaire": "essai", "mention": "essai"},
    "cout": {"montant_eur_par_an": 0, "a_la_charge_de": SANS_OBJET},
    "duree": {
        "statut": "licence_ouverte",
        "contrat": SANS_OBJET,
        "signee_le": SANS_OBJET,
        "debut": "2000-01-01",
        "fin": SANS_OBJET,
        "renouvellement": SANS_OBJET,
    },
    "granularite": {"native": "point", "livree": "point", "generations": SANS_OBJET},
    "transfert": {"canal": "telechargement", "chiffrement": SANS_OBJET},
    "hebergement": {"hebergeur": "essai", "pays": ["FR"], "certification": SANS_OBJET, "journal_des_acces": True},
    "destruction": {
        "conservation_jours": {"brut": 365, "conforme": 365, "localise": 365, "rejets": 365},
        "agregats": "conserves",
        "preuve": True,
    },
    "securite": {"mesures": ["essai"], "habilitations": "essai", "incident_heures": 48},
    "gouvernance": {
        "comite": SANS_OBJET,
        "revue": SANS_OBJET,
        "charte_ethique": SANS_OBJET,
        "label": SANS_OBJET,
        "dpo": "essai",
        "manquement": SANS_OBJET,
    },
}
PERSONAL: dict[str, Any] = {
    "presentes": True,
    "precision": "essai",
    "categories_particulieres": False,
    "base_rgpd": "interet_legitime",
    "analyse_impact": SANS_OBJET,
    "techniques": ["suppression"],
}
