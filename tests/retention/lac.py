"""A run's folder whose feeds hold sown values, its copies, and the search for those values in every byte under it."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from factory import HOST, IN_A, IN_B, POINT_HEADER, Mini, csv_of, point, points_clause, text_column
from promises import PERSONAL, PROMISES

from qpv_data.clause.check import checked_clauses
from qpv_data.pipeline import transport
from qpv_data.receive import Reception, receive
from qpv_data.retention.plan import Plan
from qpv_data.retention.proof import public_key, public_text, signing_key, verify
from qpv_data.retention.purge import PurgeReport, look, purge
from qpv_data.retention.settings import PurgeSettings
from qpv_data.runs import Configuration, Expected, exclusive

SOWN = "ZORGLUBOVITCH"
SEED = "11" * 32
ENVIRONMENT = {"QPV_DATA_CLE_DE_SIGNATURE": SEED}
# Deliveries of the mini project are received on 31 December 2024.
LATER = datetime(2025, 7, 1, tzinfo=UTC)


def days(brut: int = 100, conforme: int = 50, localise: int = 50, rejets: int = 10) -> dict[str, int]:
    return {"brut": brut, "conforme": conforme, "localise": localise, "rejets": rejets}


def destruction(agregats: str = "conserves", **kept: int) -> dict[str, Any]:
    return {"conservation_jours": days(**kept), "agregats": agregats, "preuve": True}


def duree(fin: str | None = None, debut: str = "2000-01-01") -> dict[str, Any]:
    return {**PROMISES["duree"], "debut": debut, "fin": fin or {"sans_objet": "essai"}}


def personal(ident: str = "points", **more: Any) -> dict[str, Any]:
    """A feed of persons by quarter: the text column `nom` holds the sown value and is kept, `menage` is coded."""
    columns = points_clause(ident)["colonnes"]
    coded = text_column("menage", identifiant_direct="pseudonymiser", normalisation=["espaces"])
    kept = [c if c["nom"] != "menage" else coded for c in columns] + [text_column("nom")]
    said = {
        "colonnes": kept, "donnees_personnelles": PERSONAL, "diffusion": "partenaires",
        "secret": {"regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "personne", "seuil": 2, "colonne_unite": "menage"},
        "destruction": destruction(),
    }  # fmt: skip
    return points_clause(ident, **{**said, **more})


def rows(n: int = 4, start: int = 0) -> bytes:
    made = [point(f"r{start + i}", IN_A if i % 2 else IN_B, nom=f"{SOWN}-{start + i}") for i in range(n)]
    return csv_of([*made, point("double", IN_A, nom=SOWN), point("double", IN_A, nom=SOWN)], (*POINT_HEADER, "nom"))


@dataclass
class Lac:
    """The mini project, its purge, and its proofs."""

    root: Path
    mini: Mini = field(init=False)

    def __post_init__(self) -> None:
        self.mini = Mini(self.root / "projet")

    @property
    def out(self) -> Path:
        return self.mini.out

    def sow(self, *quarters: str, ident: str = "points", start: int = 0, **more: Any) -> None:
        """Declare a feed of persons and deliver some quarters of it; `run` receives them."""
        if not (self.mini.clauses / "ref_commune.yml").is_file():
            self.mini.referentials()
        self.mini.declare(personal(ident, **more))
        for n, quarter in enumerate(quarters):
            self.mini.deliver(f"{ident}-{quarter}.csv", rows(4, start + 10 * n))

    def run(self, when: datetime | None = None) -> Any:
        return self.mini.run(**({"maintenant": when, "periode": "2024-T4"} if when else {"periode": "2024-T4"}))

    def configuration(self, when: datetime) -> Configuration:
        return self.mini.configuration(maintenant=when)

    def purge(
        self, when: datetime = LATER, settings: PurgeSettings | None = None, key: Ed25519PrivateKey | None = None,
        environment: dict[str, str] | None = None,
    ) -> PurgeReport:  # fmt: skip
        cfg = self.configuration(when)
        given = ENVIRONMENT if environment is None else environment
        loaded = checked_clauses(cfg.clauses, when.date())
        return purge(cfg, loaded, settings or PurgeSettings(), key or signing_key(ENVIRONMENT), given, lambda: when)

    def look(self, when: datetime = LATER) -> Plan:
        cfg = self.configuration(when)
        return look(cfg, checked_clauses(cfg.clauses, when.date()), PurgeSettings(), ENVIRONMENT)

    def receive(self, ident: str, quarter: str | None, when: datetime | None = None, **more: Any) -> Reception:
        """One delivery; without the mirror for a deposit."""
        cfg = self.mini.configuration(maintenant=when or self.mini.now, **more)
        versions = checked_clauses(cfg.clauses, cfg.maintenant.date()).versions(ident)
        with transport(cfg) as reach, exclusive(cfg):
            return receive(cfg, versions[0], Expected(ident, quarter), reach, versions)

    def proof(self, number: int = 1) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.out / f"preuves/{number:06d}.json").read_text("utf-8"))
        return told["contenu"]

    def faults(self) -> tuple[Any, ...]:
        return verify(self.out / "preuves", public_key(public_text(signing_key(ENVIRONMENT)))).fautes

    def files(self, *folders: str, ident: str = "points") -> list[str]:
        found = (p for f in folders for p in (self.out / f / ident).rglob("*") if p.is_file())
        return sorted(p.relative_to(self.out).as_posix() for p in found)

    def backup(self, name: str = "sauvegarde") -> Path:
        target = self.root / name / "2025-01"
        shutil.copytree(self.out, target)
        return target.parent


def sown_in(folder: Path, sought: str = SOWN) -> list[str]:
    """Every file under `folder` that holds the sown value: in its bytes, its name, or once decompressed."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        if any(sought.encode() in part for part in (name.encode(), data, *_opened(path, data))):
            found.append(name)
    return found


def _opened(path: Path, data: bytes) -> list[bytes]:
    if path.suffix == ".parquet":
        return [repr(pq.ParquetFile(pa.BufferReader(data)).read().to_pylist()).encode()]
    if data[:2] == b"\x1f\x8b":
        return [gzip.decompress(data)]
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            tables = [t for (t,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            return [repr(con.execute(f'SELECT * FROM "{t}"').fetchall()).encode() for t in tables]
    return []


__all__ = ["ENVIRONMENT", "HOST", "LATER", "SOWN", "Lac", "days", "destruction", "duree", "personal", "rows", "sown_in"]
