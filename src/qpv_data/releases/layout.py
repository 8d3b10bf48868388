"""Where the parts of a release are. One folder a release, and in it a folder an audience, each whole by itself.

releases/2024-T3-r2/        manifest.json, certificat.json, datapackage.json, dcat.ttl: those of the widest audience
  ouvert/                   what anyone may have: manifest, tables, qpv.duckdb
  partenaires/  interne/    the same and what is for them besides; only where the run publishes for them
releases/provisoire, stable  pointers to a release
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Diffusion
from qpv_data.engine import sql_path

MANIFEST = "manifest.json"
CERTIFICATE = "certificat.json"
DATABASE = "qpv.duckdb"
ARCHIVES = "archives"
"""Beside the folder of releases, its owner's alone: those that are no longer there, which the next ones must still hide
around."""
TOMBSTONE = "retrait.json"
DATAPACKAGE, DCAT = "datapackage.json", "dcat.ttl"
AT_THE_ROOT = (CERTIFICATE, DATAPACKAGE, DCAT)
"""What a root says of its widest audience, so that whoever receives a release finds it at first sight."""


def widest_first(upto: Diffusion) -> list[Diffusion]:
    """The audiences that a run for `upto` publishes for, from the widest to the narrowest, `upto` itself."""
    order = [Diffusion.OUVERT, Diffusion.PARTENAIRES, Diffusion.INTERNE]
    return order[: order.index(upto) + 1]


def audiences(root: Path) -> list[Diffusion]:
    """The audiences of a release, from the widest to the narrowest."""
    return [d for d in widest_first(Diffusion.INTERNE) if (root / d.value / MANIFEST).is_file()]


def narrowest(root: Path) -> Path:
    """The folder that holds all that a release publishes. `root` itself when it is the folder of one audience, or was
    made before audiences had folders."""
    found = audiences(root)
    return root / found[-1].value if found else root


def releases_in(folder: Path) -> list[Path]:
    """The roots of the releases of a folder, pointers apart, in no order that means anything."""
    return sorted(p.parent for p in folder.glob(f"*-r[0-9]*/{MANIFEST}") if not p.parent.is_symlink())


def number_of(name: str) -> int:
    """2 of `2024-T3-r2`."""
    return int(name.rsplit("-r", 1)[1])


def values_sql(folder: Path) -> str:
    """The rows of `valeurs` of an audience's folder, as a table of SQL; its columns in the path are texts."""
    files = sql_path(folder / "valeurs" / "*" / "*" / "*.parquet")
    return f"read_parquet({files}, hive_partitioning = true, hive_types = {{zonage: VARCHAR, periode: VARCHAR}})"


def said(folder: Path) -> dict[str, Any]:
    """The manifest of a release, or of one of its audiences."""
    content: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return content
