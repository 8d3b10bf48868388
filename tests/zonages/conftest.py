"""Referentials made on the spot: a clause and the Parquet that conforming it would have given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from promises import PROMISES

from qpv_data.clause.model import ClauseZonage
from qpv_data.zonages import ZonagesReport, compose_zonages

_DEFAULTS: dict[str, Any] = {
    "nature": "zonage",
    "version": "1",
    "titre": "Un référentiel inventé",
    "theme": "referentiels",
    "principe": "donnees_publiques",
    "producteur": {"nom": "Service inventé", "categorie": "public"},
    "finalites": {"essai": "essayer"},
    **PROMISES,
    "diffusion": "ouvert",
    "licence": "etalab-2.0",
    "donnees_personnelles": {"presentes": False},
    "couverture": {"france": True},
    "periodicite": "ponctuelle",
    "echeance_jours": 0,
    "source": {"url": "https://perimetres.example/zones.geojson"},
    "format": {"type": "vecteur"},
    "controles": {"lignes_min": 1, "rejets_max": 0},
}


def clause_of(identifiant: str, colonnes: Sequence[str], **zonage: Any) -> ClauseZonage:
    """A clause whose columns are `colonnes`, and whose zoning says `zonage` over plain defaults."""
    said = {
        "millesime": "2024",
        "objet": "perimetres",
        "code": "code",
        "nom": "nom",
        "motif_code": r"Q[NP]\w{6}",
        "en_vigueur": [{"territoire": "hexagone", "de": "2024-01-01"}],
        **zonage,
    }
    if said["objet"] == "perimetres":
        said.setdefault("crs", "EPSG:2154")
    columns = [{"nom": n, "source": n, "type": "entier" if n == "population" else "texte"} for n in colonnes]
    body = {"id": identifiant, "colonnes": columns, "cle": {"colonnes": ["code"], "doublons": "refuser"}}
    return ClauseZonage.model_validate({**_DEFAULTS, **body, "zonage": said})


@dataclass
class Atelier:
    """Adds referentials one by one, composes them, and reads what was written."""

    dossier: Path
    clauses: list[ClauseZonage] = field(default_factory=list)
    conformed: dict[str, Path] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.dossier / "zonages"

    def ajouter(
        self,
        identifiant: str,
        colonnes: Mapping[str, Sequence[Any]],
        geometries: Sequence[Any] | None = None,
        crs_source: str | None = None,
        **zonage: Any,
    ) -> ClauseZonage:
        clause = clause_of(identifiant, list(colonnes), **zonage)
        table = pa.table(
            {n: pa.array(colonnes[n], type=pa.int64() if n == "population" else pa.string()) for n in colonnes}
        )
        if geometries is not None:
            wkb = [None if g is None else shapely.to_wkb(g) for g in geometries]
            table = table.append_column("geometrie", pa.array(wkb, type=pa.binary()))
        table = table.append_column("_ligne", pa.array(np.arange(1, table.num_rows + 1)))
        if crs_source is not None:
            table = table.replace_schema_metadata({"crs_source": crs_source})
        path = self.dossier / f"{identifiant}.parquet"
        pq.write_table(table, path)
        self.clauses.append(clause)
        self.conformed[identifiant] = path
        return clause

    def qpv(self, codes: Sequence[str], geometries: Sequence[Any], **autres: Any) -> ClauseZonage:
        """A QPV layer of 2024, id qpv2024, names made from codes."""
        colonnes = {"code": codes, "nom": [f"Quartier {c}" for c in codes], **autres.pop("colonnes", {})}
        return self.ajouter(
            autres.pop("identifiant", "qpv"),
            colonnes,
            geometries,
            **{"id": "qpv2024", "famille": "qpv", **autres},
        )

    def communes(self, codes: Sequence[str], geometries: Sequence[Any], **autres: Any) -> ClauseZonage:
        """Contours of communes."""
        colonnes = {"code": codes, "nom": [f"Contour {c}" for c in codes]}
        said = {"id": "commune", "famille": "commune", "motif_code": r"\d{5}", **autres}
        return self.ajouter(said.pop("identifiant", "communes"), colonnes, geometries, **said)

    def composition(self, zonage: str, famille: str, paires: Sequence[tuple[str, str]], **autres: Any) -> ClauseZonage:
        """A composition of communes: (zone, commune) pairs."""
        colonnes = {
            "code": [z for z, _ in paires],
            "nom": [f"Ensemble {z}" for z, _ in paires],
            "insee": [c for _, c in paires],
        }
        said = {"id": zonage, "famille": famille, "objet": "composition", "commune": "insee", "motif_code": r"\w+"}
        return self.ajouter(zonage, colonnes, **{**said, **autres})

    def composer(self) -> ZonagesReport:
        return compose_zonages(self.clauses, self.conformed, self.out)

    def lire(self, table: str) -> list[dict[str, Any]]:
        return pq.read_table(self.out / f"{table}.parquet").to_pylist()


@pytest.fixture
def atelier(tmp_path: Path) -> Atelier:
    return Atelier(tmp_path)


@pytest.fixture
def nouvel_atelier(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Atelier]:
    """A workshop a call, for properties that compose many times."""
    return lambda: Atelier(tmp_path_factory.mktemp("atelier"))
