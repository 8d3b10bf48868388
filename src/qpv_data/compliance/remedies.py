"""What a column is expected to hold, and how its producer mends a rejected row: sentences in French."""

from __future__ import annotations

from datetime import date

from qpv_data.clause.model import ClauseBase, ClauseJeu, Colonne, TypeColonne
from qpv_data.problems import Problem, Rejet, listed

_DAY = date(2024, 12, 31)


def expected(clause: ClauseBase, column: Colonne) -> str:
    """One line on what the clause accepts in a column."""
    decimal = column.decimale or clause.format.decimale
    kinds = {
        TypeColonne.TEXTE: "texte",
        TypeColonne.ENTIER: "nombre entier",
        TypeColonne.NOMBRE: f"nombre, décimales après « {decimal} »",
        TypeColonne.DATE: "date, comme " + " ou ".join(_DAY.strftime(f) for f in column.format_date),
        TypeColonne.BOOLEEN: f"{column.vrai[0] if column.vrai else '?'} ou {column.faux[0] if column.faux else '?'}",
    }
    parts = [kinds[column.type]]
    if column.valeurs is not None:
        parts.append(f"parmi : {listed(column.valeurs, 20)}")
    if column.motif is not None:
        parts.append(f"de la forme {column.motif}")
    if column.minimum is not None:
        parts.append(f"au moins {column.minimum:g}")
    if column.maximum is not None:
        parts.append(f"au plus {column.maximum:g}")
    if column.masques:
        parts.append(f"masques admis : {listed(column.masques)}")
    return " ; ".join(parts)


def remedy(clause: ClauseBase, reason: str, column: Colonne | None) -> str:
    """How the producer mends the rows rejected for `reason`, in the column where there is one."""
    known = Rejet(reason)
    named = f"« {column.source[0]} »" if column else "la colonne"
    wanted = expected(clause, column) if column else ""
    return {
        Rejet.NOMBRE_DE_CHAMPS: _fields(clause),
        Rejet.ENCODAGE_INVALIDE: f"Enregistrer le fichier en {clause.format.encodage or 'UTF-8'}.",
        Rejet.VALEUR_OBLIGATOIRE_ABSENTE: f"Remplir {named} sur ces lignes : {wanted}.",
        Rejet.VALEUR_ILLISIBLE: f"Écrire dans {named} : {wanted}.",
        Rejet.VALEUR_HORS_DOMAINE: f"Corriger {named} : {wanted}.",
        Rejet.CLE_EN_DOUBLE: _key(clause),
        Rejet.HORS_PERIODE: _period(clause, named),
        Rejet.LIGNE_DE_TOTAL: "Rien à corriger : une ligne de total n'est pas un enregistrement.",
    }[known]


_TO_SEND_AGAIN = frozenset(
    {
        Problem.TROP_PEU_DE_LIGNES,
        Problem.LIGNES_EN_BAISSE,
        Problem.TROP_DE_REJETS,
        Problem.FORMAT_INATTENDU,
        Problem.ENTETE_INATTENDU,
        Problem.CONTENEUR_INVALIDE,
        Problem.CONTENEUR_HOSTILE,
    }
)


def sent_again(problem: str | None, remede: str | None, rows: bool) -> str | None:
    """What the producer of a refused delivery does; `remede` is said to whoever runs the feed, and may name him.

    `rows`: whether the report lists rows to mend.
    """
    if rows:
        return "corriger les lignes nommées plus bas, puis livrer de nouveau le fichier entier"
    if problem in _TO_SEND_AGAIN:
        return "livrer de nouveau le fichier, entier et tel que la clause le décrit plus bas"
    return remede


def _fields(clause: ClauseBase) -> str:
    mark = clause.format.separateur
    quoted = f" ; un texte qui contient « {mark} » se met entre {clause.format.guillemet}" if mark else ""
    return f"Donner à ces lignes autant de champs qu'à l'en-tête{quoted}."


def _key(clause: ClauseBase) -> str:
    names = {c.nom: c.source[0] for c in clause.colonnes}
    key = ", ".join(f"« {names.get(k, k)} »" for k in clause.cle.colonnes)
    kept = "la première est gardée" if clause.cle.doublons == "premier" else "aucune n'est gardée"
    return f"Ne livrer qu'une ligne par {key} ; quand plusieurs la portent, {kept}."


def _period(clause: ClauseBase, named: str) -> str:
    if not isinstance(clause, ClauseJeu):
        return f"Revoir la date dans {named}."
    until = f" à {clause.periode.fin}" if clause.periode.fin else ""
    return f"Revoir la date dans {named} : la série va de {clause.periode.debut}{until}."
