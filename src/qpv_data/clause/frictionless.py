"""A clause as a Frictionless Table Schema: what other tools need to read and check a delivery.

Source: Table Schema, https://specs.frictionlessdata.io/table-schema/.
"""

from __future__ import annotations

from typing import Any

from qpv_data.clause.model import Clause, Colonne, TypeColonne
from qpv_data.clause.odcs import TYPES, plain


def to_table_schema(clause: Clause) -> dict[str, Any]:
    """The schema of the file as its producer delivers it: fields bear the names of its header.

    Columns that conforming transforms or recodes are described as texts: what is received is not yet what is kept.
    """
    names = {c.nom: c.source[0] for c in clause.colonnes if c.calcul is None}
    return {
        "name": clause.id,
        "title": clause.titre,
        "fields": [_field(clause, c) for c in clause.colonnes if c.calcul is None],
        "missingValues": [""],
        "primaryKey": [names[k] for k in clause.cle.colonnes if k in names],
    }


def _field(clause: Clause, c: Colonne) -> dict[str, Any]:
    changed = bool(c.transformation or c.recodage or c.masques or c.completer)
    kind = TypeColonne.TEXTE if changed else c.type
    limits: dict[str, Any] = {"required": c.obligatoire or c.nom in clause.cle.colonnes}
    if not changed:
        told = {
            "enum": list(c.valeurs or ()),
            "pattern": c.motif,
            "minimum": plain(c.minimum),
            "maximum": plain(c.maximum),
        }
        limits |= {k: v for k, v in told.items() if v not in (None, [])}
    numeric = kind in (TypeColonne.ENTIER, TypeColonne.NOMBRE)
    marks: dict[str, str] = {}
    if kind is TypeColonne.NOMBRE:
        marks["decimalChar"] = c.decimale or clause.format.decimale
    if numeric and len(clause.format.milliers) == 1:
        marks["groupChar"] = clause.format.milliers[0]
    return {
        "name": c.source[0],
        "type": TYPES[kind],
        **({"format": c.format_date[0]} if kind is TypeColonne.DATE else {}),
        **({"trueValues": list(c.vrai), "falseValues": list(c.faux)} if kind is TypeColonne.BOOLEEN else {}),
        **marks,
        **({"description": c.libelle} if c.libelle else {}),
        "constraints": limits,
    }
