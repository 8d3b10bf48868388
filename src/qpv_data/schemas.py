"""What a release publishes: each table's columns, the key that makes a row unique, and the columns never null."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from qpv_data import tables
from qpv_data.passage.model import PASSAGES
from qpv_data.releases.policy import CALENDRIER
from qpv_data.uncertainty.disclosure import INCERTITUDES
from qpv_data.zonages import tables as zonings

TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP",
    "binary": "BLOB",
    "struct<xmin: double, ymin: double, xmax: double, ymax: double>": (
        "STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)"
    ),
}
"""Arrow's type of a published column → DuckDB's. Contours are WKB: no extension is needed to open the file."""


@dataclass(frozen=True)
class PublishedTable:
    """A table of a release. `cle`: columns that make a row unique, empty when one of them may be null; with `controlee`
    the key is held by a check of sql/checks/ rather than by an index. `remplies`: columns never null, key apart."""

    schema: pa.Schema
    cle: tuple[str, ...] = ()
    remplies: tuple[str, ...] = ()
    controlee: bool = False

    @property
    def non_nulles(self) -> tuple[str, ...]:
        """Every column that is never null, in the order of the schema."""
        always = {*self.cle, *self.remplies, *(f.name for f in self.schema if not f.nullable)}
        return tuple(name for name in self.schema.names if name in always)


def _zones() -> pa.Schema:
    """As published: bounds are a struct, in degrees, and contours in longitude, latitude."""
    sides = ("xmin", "ymin", "xmax", "ymax")
    box = pa.field("bbox", pa.struct([(side, pa.float64()) for side in sides]))
    return pa.schema([*(f for f in zonings.ZONES if f.name not in sides), box])


PUBLISHED: dict[str, PublishedTable] = {
    # 20 M rows: an index on five texts would take longer to build than everything else, and as much memory. The check
    # `cle_valeurs` holds the key instead.
    "valeurs": PublishedTable(
        tables.VALEURS,
        ("indicateur", "modalite", "zonage", "code_zone", "periode"),
        ("diffuseur", "publication", "frequence", "periode_debut", "periode_fin", "statut_observation",
         "statut_diffusion", "qualite", "visible_de"),
        controlee=True,
    ),
    "incertitudes": PublishedTable(
        INCERTITUDES,
        ("indicateur", "modalite", "zonage", "code_zone", "periode", "type"),
        ("publication", "niveau", "methode", "borne_basse", "borne_haute"),
        controlee=True,
    ),
    "indicateurs": PublishedTable(
        tables.INDICATEURS,
        ("indicateur",),
        ("jeu", "titre", "definition", "theme", "unite", "nature", "nature_temporelle", "decimales", "frequence",
         "regime_secret", "diffusion", "regle_limite", "additif", "clause_version"),
    ),
    "modalites": PublishedTable(tables.MODALITES, ("indicateur", "modalite"), ("libelle",)),
    "ruptures": PublishedTable(tables.RUPTURES, ("indicateur", "periode"), ("motif",)),
    "clauses": PublishedTable(
        tables.CLAUSES,
        ("clause",),
        ("version", "nature", "titre", "theme", "principe", "producteur", "producteur_categorie", "finalites",
         "diffusion", "licence", "periodicite", "donnees_personnelles", "url", "a_confirmer", "empreinte"),
    ),
    "livraisons": PublishedTable(tables.LIVRAISONS, (), ("jeu", "statut", "url", "clause_version")),
    "valeurs_livraisons": PublishedTable(
        tables.VALEURS_LIVRAISONS,
        ("indicateur", "zonage", "periode", "jeu", "livraison", "role"),
        ("publication",),
    ),
    "changements": PublishedTable(
        tables.CHANGEMENTS,
        ("indicateur", "modalite", "zonage", "code_zone", "periode"),
        ("publication", "publication_precedente", "nature"),
        controlee=True,
    ),
    "revisions": PublishedTable(
        tables.VALEURS,
        ("indicateur", "modalite", "zonage", "code_zone", "periode", "publication"),
        ("diffuseur", "frequence", "periode_debut", "periode_fin", "statut_observation", "statut_diffusion", "qualite",
         "visible_de", "visible_a"),
        controlee=True,
    ),
    "calendrier": PublishedTable(CALENDRIER, ("periode",), ("prevue_le",)),
    "publications": PublishedTable(
        tables.PUBLICATIONS,
        ("publication", "diffuseur"),
        ("periode", "publiee_le", "protection", "diffusion", "version_logiciel"),
    ),
    "zones": PublishedTable(_zones(), ("zonage", "code_zone")),
    "zones_communes": PublishedTable(zonings.ZONES_COMMUNES, ("zonage", "code_zone", "code_commune"), ("origine",)),
    "zones_epci": PublishedTable(zonings.ZONES_EPCI, ("zonage", "code_zone", "code_epci")),
    "zones_contrats": PublishedTable(zonings.ZONES_CONTRATS, ("zonage", "code_zone", "code_contrat")),
    "passages": PublishedTable(PASSAGES, (), ("zonage_depart", "zonage_arrivee", "nature")),
    "en_vigueur": PublishedTable(zonings.EN_VIGUEUR, ("zonage", "millesime", "territoire", "de")),
}  # fmt: skip
"""Table → what it is, in the order in which readers meet them."""
