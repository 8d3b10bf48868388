"""The DuckDB file of a release: its tables with comments, and views for analysts."""

from __future__ import annotations

from pathlib import Path

import duckdb

from qpv_data.engine import sql_path
from qpv_data.resources import sql_dir

COMMENTS = {
    "valeurs": "une ligne par indicateur, zonage, zone, période et modalité",
    "indicateurs": "une ligne par indicateur : définition, unité, règle de secret",
    "modalites": "une ligne par indicateur et modalité",
    "clauses": "une ligne par clause data",
    "livraisons": "une ligne par livraison attendue : reçue, périmée, refusée ou manquante",
    "incertitudes": "une ligne par valeur diffusée dont la position des enregistrements a une erreur déclarée",
    "valeurs_livraisons": "les jeux et livraisons derrière les valeurs, et leur rôle",
    "zones": "une ligne par zone : contour en WKB (longitude, latitude), emprise, statut",
    "zones_communes": "une ligne par zone et commune",
    "zones_epci": "une ligne par zone et EPCI",
    "zones_contrats": "une ligne par quartier et contrat de ville",
    "passages": "une ligne par lien entre deux générations de quartiers, et par zone sans lien",
    "en_vigueur": "dates d'application des zonages, par territoire",
    "publications": "la publication que porte cette base",
}


def write_database(release: Path, target: Path) -> Path:
    """Build `target` from the Parquet files of `release`; opens in DuckDB 1.1 and newer, without extension."""
    with duckdb.connect(str(target)) as con:
        for table, comment in COMMENTS.items():
            source = (
                f"read_parquet({sql_path(release / 'valeurs')} || '/*/*/*.parquet', hive_partitioning = true,"
                " hive_types = {zonage: VARCHAR, periode: VARCHAR})"
                if table == "valeurs"
                else f"read_parquet({sql_path(release / f'{table}.parquet')})"
            )
            order = " ORDER BY zonage, code_zone, indicateur, periode, modalite" if table == "valeurs" else ""
            columns = _ORDER if table == "valeurs" else "*"
            con.execute(f"CREATE TABLE {table} AS SELECT {columns} FROM {source}{order}")
            con.execute(f"COMMENT ON TABLE {table} IS '{comment.replace(chr(39), chr(39) * 2)}'")
        for view in sorted((sql_dir() / "vues").glob("*.sql")):
            con.execute(f"CREATE VIEW {view.stem} AS {view.read_text('utf-8')}")
    return target


_ORDER = (
    "diffuseur, publication, indicateur, modalite, zonage, code_zone, periode, frequence, periode_debut, periode_fin,"
    " valeur, numerateur, denominateur, statut_observation, statut_diffusion, qualite, visible_de, visible_a"
)
