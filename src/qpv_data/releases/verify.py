"""Hold a release to what its manifests say: every file, every row count, every column, the database, the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from qpv_data.digests import sha256
from qpv_data.engine import sql_path
from qpv_data.exports.parquet import SCHEMA_VERSION
from qpv_data.releases.compare import partitions
from qpv_data.releases.layout import AT_THE_ROOT, CERTIFICATE, DATABASE, MANIFEST, audiences, said, values_sql
from qpv_data.releases.manifest import FILES
from qpv_data.schemas import PUBLISHED


@dataclass(frozen=True)
class Fault:
    """One fault. `ou`: the file, from the release's root; `quoi`: what is wrong, in words."""

    ou: str
    quoi: str


def verify(root: Path) -> list[Fault]:
    """Every fault of a release, or of the folder of one audience that was handed over alone. Reads, never writes."""
    found = [root / d.value for d in audiences(root)]
    faults = list(_checksums(root, root, only=_promised_at_the_root if found else None))
    for folder in found or [root]:
        faults += _checksums(folder, root) if found else []
        faults += _tables(folder, root)
        faults += _database(folder, root)
    if found:
        faults += _root_repeats(root, found[0])
    return faults


def _promised_at_the_root(root: Path) -> set[Path]:
    widest = root / audiences(root)[0].value
    there = {p for p in widest.rglob("*") if p.is_file() and p.name != DATABASE}
    return there | {root / name for name in AT_THE_ROOT if (root / name).is_file()}


def _checksums(folder: Path, root: Path, only: Any = None) -> Iterator[Fault]:
    if not (folder / MANIFEST).is_file():
        yield Fault(str(folder.relative_to(root) / MANIFEST), "absent")
        return
    promised = {folder / name: digest for name, digest in said(folder)[FILES].items()}
    apart = {folder / MANIFEST, folder / DATABASE}
    there = only(folder) if only else {p for p in folder.rglob("*") if p.is_file()} - apart
    for path in sorted(promised.keys() | there):
        where = path.relative_to(root).as_posix()
        if path not in there:
            yield Fault(where, "absent, et le manifeste le promet")
        elif path not in promised:
            yield Fault(where, "présent, et le manifeste n'en dit rien")
        elif sha256(path) != promised[path]:
            yield Fault(where, "son contenu n'est plus celui du manifeste")


def _tables(folder: Path, root: Path) -> Iterator[Fault]:
    expected = {name: table.schema for name, table in PUBLISHED.items()}
    other = _other_minor(said(folder).get("version_schema"))
    for name, count in said(folder)["lignes"].items():
        files = list(partitions(folder).values()) if name == "valeurs" else [folder / f"{name}.parquet"]
        if any(not p.is_file() for p in files):
            continue  # told by the checksums
        rows = sum(pq.read_metadata(p).num_rows for p in files)
        where = (folder / name).relative_to(root).as_posix()
        if rows != count:
            yield Fault(where, f"{rows} lignes, et le manifeste en dit {count}")
        if name not in expected:
            yield Fault(where, "table que ce logiciel ne connaît pas")
            continue
        wanted = {f.name: str(f.type) for f in expected[name] if not (name == "valeurs" and f.name in _PATH)}
        for path in files:
            told = {f.name: str(f.type) for f in pq.read_schema(path)}
            if told != wanted and not (other and _begins_alike(told, wanted)):
                wrong = sorted(n for n in wanted.keys() | told.keys() if wanted.get(n) != told.get(n))
                yield Fault(path.relative_to(root).as_posix(), f"colonnes autres que promises : {', '.join(wrong)}")


def _other_minor(version: str | None) -> bool:
    """Whether a release was written under another minor version of the schema, which only adds columns at the end."""
    return version not in (None, SCHEMA_VERSION) and str(version).split(".")[0] == SCHEMA_VERSION.split(".")[0]


def _begins_alike(told: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether the columns of one are the first of the other's."""
    return all(a == b for a, b in zip(told.items(), wanted.items(), strict=False))


_PATH = ("zonage", "periode")
_DIGEST = "SELECT count(*), bit_xor(hash({columns})), sum(hash({columns})) FROM {source}"


def _database(folder: Path, root: Path) -> Iterator[Fault]:
    """Each table of the database holds the rows of the files: counted and hashed, whatever their order."""
    path = folder / DATABASE
    where = path.relative_to(root).as_posix()
    if not path.is_file():
        yield Fault(where, "absente")
        return
    with duckdb.connect(str(path), read_only=True) as con:
        there = {t for (t,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for name in said(folder)["lignes"]:
            source = _source(folder, name)
            if name not in there:
                yield Fault(where, f"sans la table {name}")
                continue
            listed = con.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})").fetchall()
            # A delivery that was destroyed since is told by the database alone.
            columns = ", ".join(
                f'"{c}"::VARCHAR' if c == "periode" else f'"{c}"'
                for c, _ in sorted(listed)
                if (name, c) not in (("livraisons", "statut"), ("zones", "geometrie"))
            )
            try:
                told = [con.execute(_DIGEST.format(columns=columns, source=s)).fetchone() for s in (name, source)]
            except duckdb.Error as e:
                yield Fault(where, f"{name} : {str(e).splitlines()[0][:120]}")
                continue
            if told[0] != told[1]:
                yield Fault(where, f"{name} ne dit pas ce que disent les fichiers")


def _source(folder: Path, name: str) -> str:
    if name != "valeurs":
        return f"read_parquet({sql_path(folder / f'{name}.parquet')})"
    return values_sql(folder)


def _root_repeats(root: Path, widest: Path) -> Iterator[Fault]:
    copies = [p / CERTIFICATE for p in (root, widest)]
    if all(p.is_file() for p in copies) and sha256(copies[0]) != sha256(copies[1]):
        yield Fault(CERTIFICATE, f"n'est pas celui de {widest.name}")
