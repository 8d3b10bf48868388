"""A clause as an Open Data Contract (ODCS 3.1), and back. What the standard has no word for goes in `customProperties`,
under the clause's own keys, so that nothing is lost on the way.

Source of the shape: the official JSON Schema of ODCS 3.1.0, to which a test holds every export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qpv_data.clause.model import Clause, Colonne, SansObjet, TypeColonne
from qpv_data.clause.vocabulary import StatutClause

API_VERSION = "v3.1.0"
TYPES = {
    TypeColonne.TEXTE: "string",
    TypeColonne.ENTIER: "integer",
    TypeColonne.NOMBRE: "number",
    TypeColonne.DATE: "date",
    TypeColonne.BOOLEEN: "boolean",
}
_STATUS = {
    StatutClause.PROJET: "draft",
    StatutClause.SIGNEE: "active",
    StatutClause.LICENCE_OUVERTE: "active",
    StatutClause.RESILIEE: "retired",
}
_EVERY = {"mensuelle": (1, "m"), "trimestrielle": (3, "m"), "semestrielle": (6, "m"), "annuelle": (1, "y")}


def to_odcs(clause: Clause) -> dict[str, Any]:
    """The clause as an ODCS document, JSON values only."""
    said = clause.model_dump(mode="json", exclude_defaults=True) | {"nature": clause.nature}
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": clause.id,
        "version": clause.version,
        "status": _STATUS[clause.duree.statut],
        "name": clause.titre,
        "domain": clause.theme,
        "description": {
            "purpose": " ; ".join(clause.finalites.values()),
            "usage": _words(clause.partage.retransmission),
            "limitations": " ; ".join(clause.partage.usages_interdits),
        },
        "servers": [{"server": "source", "type": "api", "location": clause.source.adresse(clause.id)}],
        "schema": [_schema(clause)],
        "slaProperties": list(_service(clause)),
        "price": {"priceAmount": clause.cout.montant_eur_par_an, "priceCurrency": "EUR", "priceUnit": "an"},
        "team": {"name": clause.producteur.nom, "description": clause.producteur.categorie.value},
        "roles": [{"role": d.nom, "description": d.role.value, "access": "read"} for d in clause.destinataires],
        "customProperties": [{"property": key, "value": value} for key, value in said.items() if key not in ("id",)],
    }


def from_odcs(document: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a clause that an ODCS document gives; those that it does not say are absent, never invented.

    A document of ours gives the whole clause back. Of another's, what the standard says: names, columns and their
    types, key, periodicity, price. Raises ValueError when the document is not a data contract.
    """
    if document.get("kind") != "DataContract":
        raise ValueError("ce document n'est pas un contrat ODCS (kind: DataContract)")
    own = {p["property"]: p["value"] for p in document.get("customProperties") or ()}
    known = {"id": identifier(str(document.get("id", ""))), "version": str(document.get("version", ""))}
    if {"nature", "colonnes", "principe"} <= set(own):
        return {**known, **own}
    return {k: v for k, v in {**known, **_foreign(document)}.items() if v not in ("", None, [], {})}


def _foreign(document: Mapping[str, Any]) -> dict[str, Any]:
    tables = document.get("schema") or [{}]
    columns = tables[0].get("properties") or []
    keys = sorted((c for c in columns if c.get("primaryKey")), key=lambda c: c.get("primaryKeyPosition") or 0)
    kinds = {name: kind.value for kind, name in TYPES.items()} | {"timestamp": "date"}
    price = document.get("price") or {}
    team = document.get("team") or {}
    return {
        "nature": "jeu",
        "titre": document.get("name") or "",
        "theme": identifier(str(document.get("domain") or "")),
        "producteur": {"nom": team["name"]} if isinstance(team, Mapping) and team.get("name") else {},
        "cout": {"montant_eur_par_an": price["priceAmount"]} if price.get("priceCurrency") == "EUR" else {},
        "periodicite": _periodicity(document.get("slaProperties") or ()),
        "source": next(({"url": s["location"]} for s in document.get("servers") or () if s.get("location")), {}),
        "colonnes": [_column(c, kinds) for c in columns if c.get("name")],
        "cle": {"colonnes": [identifier(str(c["name"])) for c in keys]} if keys else {},
    }


def _column(column: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    options = column.get("logicalTypeOptions") or {}
    read = {
        "nom": identifier(str(column["name"])),
        "source": column.get("physicalName") or column["name"],
        "type": kinds.get(str(column.get("logicalType")), "texte"),
        "obligatoire": bool(column.get("required")) or None,
        "libelle": column.get("description"),
        "motif": options.get("pattern"),
        "minimum": options.get("minimum"),
        "maximum": options.get("maximum"),
    }
    bounds = () if read["type"] in ("entier", "nombre") else ("minimum", "maximum")
    return {k: v for k, v in read.items() if v is not None and k not in bounds}


def _periodicity(service: Any) -> str:
    for item in service:
        for name, (value, unit) in _EVERY.items():
            if item.get("property") == "frequency" and (item.get("value"), item.get("unit")) == (value, unit):
                return name
    return ""


def _schema(clause: Clause) -> dict[str, Any]:
    return {
        "name": clause.id,
        "logicalType": "object",
        "physicalType": clause.format.type,
        "description": clause.titre,
        "dataGranularityDescription": f"{clause.granularite.livree.value} (chez le producteur : "
        f"{clause.granularite.native.value})",
        "properties": [_property(clause, c) for c in clause.colonnes],
    }


def _property(clause: Clause, c: Colonne) -> dict[str, Any]:
    options = (
        {"pattern": c.motif}
        if c.type is TypeColonne.TEXTE
        else {"minimum": plain(c.minimum), "maximum": plain(c.maximum)}
    )
    told = {k: v for k, v in options.items() if v is not None and c.type is not TypeColonne.BOOLEEN}
    key = clause.cle.colonnes
    return {
        "name": c.nom,
        "physicalName": c.source[0],
        "logicalType": TYPES[c.type],
        "required": c.obligatoire or c.nom in key,
        **({"primaryKey": True, "primaryKeyPosition": key.index(c.nom) + 1} if c.nom in key else {}),
        **({"logicalTypeOptions": told} if told else {}),
        **({"description": c.libelle} if c.libelle else {}),
        **({"classification": "identifiant_direct"} if c.identifiant_direct else {}),
        **({"quality": [_allowed(c.valeurs)]} if c.valeurs else {}),
    }


def _allowed(values: tuple[str, ...]) -> dict[str, Any]:
    arguments = {"validValues": list(values)}
    return {"type": "library", "metric": "invalidValues", "arguments": arguments, "mustBe": 0, "severity": "error"}


def _service(clause: Clause) -> Iterator[dict[str, Any]]:
    if clause.periodicite in _EVERY:
        value, unit = _EVERY[clause.periodicite]
        yield {"property": "frequency", "value": value, "unit": unit, "driver": "operational"}
    yield {"property": "latency", "value": clause.echeance_jours, "unit": "d", "driver": "operational"}
    if not isinstance(clause.destruction, SansObjet):
        kept = clause.destruction.conservation_jours
        for name, days in kept.model_dump().items():
            yield {"property": "retention", "value": days, "unit": "d", "description": name, "driver": "regulatory"}


def _words(promise: str | SansObjet) -> str:
    return promise.sans_objet if isinstance(promise, SansObjet) else promise


def plain(bound: float | None) -> float | int | None:
    """A bound as people write it: 1 and not 1.0."""
    return int(bound) if bound is not None and bound == int(bound) else bound


def identifier(text: str) -> str:
    """A name as a clause writes them: lower case, no accent, digits and underscores, a letter first."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = "_".join("".join(c if c.isalnum() else " " for c in plain).split())
    return (name if name[:1].isalpha() or not name else f"c_{name}")[:63]
