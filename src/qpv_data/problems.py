"""What can go wrong, as a closed list, and the errors that carry it.

An error names the feed, the problem and the remedy. Nothing here ever holds a personal value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Problem(StrEnum):
    """Why a declaration, a delivery or a run is refused. Readers see these words: French, closed list."""

    # declarations
    YAML_ILLISIBLE = "yaml_illisible"
    CLE_INCONNUE = "cle_inconnue"
    CLE_MANQUANTE = "cle_manquante"
    VALEUR_INVALIDE = "valeur_invalide"
    COLONNE_INCONNUE = "colonne_inconnue"
    SQL_INVALIDE = "sql_invalide"
    REFERENCE_INCONNUE = "reference_inconnue"
    DOUBLON = "doublon"
    EXEMPLE_FAUX = "exemple_faux"
    A_CONFIRMER = "a_confirmer"
    # fetching
    SOURCE_INJOIGNABLE = "source_injoignable"
    SOURCE_ABSENTE = "source_absente"
    SOURCE_TRONQUEE = "source_tronquee"
    SOURCE_TROP_GRANDE = "source_trop_grande"
    SOURCE_TROP_LENTE = "source_trop_lente"
    SOURCE_ALTEREE = "source_alteree"
    URL_REFUSEE = "url_refusee"
    MIROIR_INCOMPLET = "miroir_incomplet"
    SECRET_ABSENT = "secret_absent"  # noqa: S105  the name of a problem
    RESSOURCE_INTROUVABLE = "ressource_introuvable"
    RESSOURCE_AMBIGUE = "ressource_ambigue"
    SERVICE_EN_ERREUR = "service_en_erreur"
    SOURCE_INSTABLE = "source_instable"
    VERSION_ANTERIEURE = "version_anterieure"
    DEPOT_INACCESSIBLE = "depot_inaccessible"
    DEPOT_DEJA_RETIRE = "depot_deja_retire"
    # containers and formats
    CONTENEUR_INVALIDE = "conteneur_invalide"
    CONTENEUR_HOSTILE = "conteneur_hostile"
    FORMAT_INATTENDU = "format_inattendu"
    ENTETE_INATTENDU = "entete_inattendu"
    # content
    TROP_PEU_DE_LIGNES = "trop_peu_de_lignes"
    LIGNES_EN_BAISSE = "lignes_en_baisse"
    TROP_DE_REJETS = "trop_de_rejets"
    CONTROLE_NON_TENU = "controle_non_tenu"
    CORRECTION_INATTENDUE = "correction_inattendue"
    CLE_DE_PSEUDONYMES = "cle_de_pseudonymes"
    TOTAUX_INEGAUX = "totaux_inegaux"
    MILLESIME_INATTENDU = "millesime_inattendu"
    CRS_INATTENDU = "crs_inattendu"
    PERIMETRES_INVALIDES = "perimetres_invalides"
    REFERENTIEL_ABSENT = "referentiel_absent"
    # geocoding
    GEOCODEUR_INDISPONIBLE = "geocodeur_indisponible"
    GEOCODEUR_REFUSE = "geocodeur_refuse"
    # running
    RIEN_A_PUBLIER = "rien_a_publier"
    ECRITURE_IMPOSSIBLE = "ecriture_impossible"
    PERIODE_INVALIDE = "periode_invalide"
    HORLOGE_RECULEE = "horloge_reculee"
    EXECUTION_EN_COURS = "execution_en_cours"
    CLAUSE_HORS_VIGUEUR = "clause_hors_vigueur"
    LIVRAISON_DETRUITE = "livraison_detruite"
    CLE_DE_SIGNATURE = "cle_de_signature"
    FINALITE_NON_PREVUE = "finalite_non_prevue"
    DIFFUSION_TROP_LARGE = "diffusion_trop_large"
    DIVULGATION = "divulgation"
    PUBLICATION_ABSENTE = "publication_absente"
    PUBLICATIONS_CONTRADICTOIRES = "publications_contradictoires"
    VALIDATION_REFUSEE = "validation_refusee"
    VALEUR_ABSENTE = "valeur_absente"
    CONTROLE_BLOQUANT = "controle_bloquant"
    # the machine that runs it
    VERSION_INATTENDUE = "version_inattendue"
    PLACE_INSUFFISANTE = "place_insuffisante"
    DROITS_TROP_LARGES = "droits_trop_larges"
    HORLOGE_DECALEE = "horloge_decalee"
    CERTIFICAT_BIENTOT_PERIME = "certificat_bientot_perime"
    PREFECT_MAL_REGLE = "prefect_mal_regle"
    DELAI_DEPASSE = "delai_depasse"
    EXECUTION_INTERROMPUE = "execution_interrompue"
    SAUVEGARDE_ANCIENNE = "sauvegarde_ancienne"
    EXTENSION_ABSENTE = "extension_absente"
    GRAPPE_INDISPONIBLE = "grappe_indisponible"


class Rejet(StrEnum):
    """Why a received row is not a record. Closed list; the row keeps its line number."""

    NOMBRE_DE_CHAMPS = "nombre_de_champs"
    ENCODAGE_INVALIDE = "encodage_invalide"
    VALEUR_OBLIGATOIRE_ABSENTE = "valeur_obligatoire_absente"
    VALEUR_ILLISIBLE = "valeur_illisible"
    VALEUR_HORS_DOMAINE = "valeur_hors_domaine"
    CLE_EN_DOUBLE = "cle_en_double"
    HORS_PERIODE = "hors_periode"
    LIGNE_DE_TOTAL = "ligne_de_total"


class MotifInconnu(StrEnum):
    """Why the place of a record is unknown. An unknown place is never 'outside'."""

    COORDONNEES_ABSENTES = "coordonnees_absentes"
    COORDONNEES_ILLISIBLES = "coordonnees_illisibles"
    COORDONNEES_INFINIES = "coordonnees_infinies"
    COORDONNEES_NULLES = "coordonnees_nulles"
    AXES_INVERSES = "axes_inverses"
    HORS_TERRITOIRE = "hors_territoire"
    EPSG_ABSENT = "epsg_absent"
    EPSG_INCONNU = "epsg_inconnu"
    QUALITE_INSUFFISANTE = "qualite_insuffisante"
    QUALITE_NON_DECLAREE = "qualite_non_declaree"
    CODE_ABSENT = "code_absent"
    CODE_INCONNU = "code_inconnu"
    COMMUNE_PARTAGEE = "commune_partagee"
    REFERENTIEL_VIDE = "referentiel_vide"
    HORS_COUVERTURE = "hors_couverture"
    ADRESSE_ABSENTE = "adresse_absente"
    ADRESSE_ILLISIBLE = "adresse_illisible"
    COMMUNE_ABSENTE = "commune_absente"
    ADRESSE_INTROUVABLE = "adresse_introuvable"
    COMMUNE_DIFFERENTE = "commune_differente"
    SCORE_INSUFFISANT = "score_insuffisant"
    ADRESSE_IMPRECISE = "adresse_imprecise"
    ADRESSE_AMBIGUE = "adresse_ambigue"
    GEOCODEUR_INDISPONIBLE = "geocodeur_indisponible"


@dataclass(frozen=True, order=True)
class Violation:
    """One fault of a declaration: where, what, and what to do about it. `ligne` counts from 1."""

    fichier: str
    ligne: int
    probleme: Problem
    message: str
    remede: str

    def __str__(self) -> str:
        return f"{self.fichier}:{self.ligne}: {self.probleme.value}: {self.message} → {self.remede}"


class QpvDataError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidDeclarationError(QpvDataError):
    """The declarations are refused; `violations` holds all of them, sorted by file and line."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = sorted(violations)
        super().__init__("\n".join(str(v) for v in self.violations))


_FROM, _TO = "\x02", "\x03"
_CITED = re.compile(f"{_FROM}[^{_TO}]*{_TO}")


def cited(text: str) -> str:
    """A text of what was received (a header, the name of a member), for the message of a FeedError.

    A header that is missing makes a header of a person's name: see `FeedError.discreet`.
    """
    return _FROM + text.replace(_FROM, "").replace(_TO, "") + _TO


class FeedError(QpvDataError):
    """One feed fails, for a reason of the closed list; the others go on.

    `message` may hold texts of what was received, each given through `cited`.
    """

    def __init__(self, jeu: str, probleme: Problem, message: str, remede: str) -> None:
        self._marked = message
        message = message.replace(_FROM, "").replace(_TO, "")
        self.jeu, self.probleme, self.message, self.remede = jeu, probleme, message, remede
        super().__init__(f"{jeu}: {probleme.value}: {message} → {remede}")

    def discreet(self) -> FeedError:
        """The same without the texts that it cites: for a feed with personal data."""
        return FeedError(self.jeu, self.probleme, _CITED.sub("…", self._marked), self.remede)

    def __reduce__(self) -> tuple[type[FeedError], tuple[str, Problem, str, str]]:
        return FeedError, (self.jeu, self.probleme, self._marked, self.remede)


def listed(items: Iterable[str | None], shown: int = 10) -> str:
    """The first items, for a message; None is an absence, and what is left out is an ellipsis."""
    every = ["(absent)" if item is None else item for item in items]
    return ", ".join(every[:shown]) + (", …" if len(every) > shown else "")


def relative_to_cwd(path: Path) -> str:
    """Show a path the way the user typed it when it lies under the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
