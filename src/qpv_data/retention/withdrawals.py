"""Take the indicators of an ended clause out of the releases, where the clause says that its aggregates are destroyed.

A release is immutable but for this: its manifest then says what was withdrawn, and when.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.replacing import replacing
from qpv_data.retention.holdings import Feed, aggregates_end
from qpv_data.retention.items import EXECUTION, Item, item_of
from qpv_data.retention.terms import Forme, Term

_TABLES = ("incertitudes", "valeurs_livraisons")


def withdrawal_items(sortie: Path, feeds: list[Feed]) -> Iterator[Item]:
    """Each file of a release that holds a value of an indicator that is due, or of one that divides by it."""
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    if not ended:
        return
    for release in _releases(sortie):
        gone = withdrawn(release, ended)
        for path in _files(release):
            held = sorted(set(pq.ParquetFile(path).read(["indicateur"])["indicateur"].to_pylist()) & set(gone))
            if held:
                jeu, chemin = gone[held[0]], path.relative_to(sortie).as_posix()
                digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
                root = str(sortie)
                yield item_of(Forme.AGREGATS, jeu, None, ended[jeu], EXECUTION, root, chemin, digest, size)


def withdrawn(release: Path, ended: Mapping[str, Term]) -> dict[str, str]:
    """The indicators to take out of a release, each with the feed whose end it is."""
    rows = pq.ParquetFile(release / "indicateurs.parquet").read(["indicateur", "jeu", "par"]).to_pylist()
    own = {r["indicateur"]: r["jeu"] for r in rows if r["jeu"] in ended}
    return own | {r["indicateur"]: own[r["par"]] for r in rows if r["par"] in own and r["indicateur"] not in own}


def withdraw(sortie: Path, item: Item, feeds: list[Feed]) -> bool:
    """Write the file again without what is due; False when it is not the file of the item any more."""
    path = sortie / item.chemin
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != item.sha256:
        return False
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    release = sortie / "/".join(item.chemin.split("/")[:2])
    gone = withdrawn(release, ended)
    table = pq.ParquetFile(path).read()
    left = table.filter(pc.invert(pc.is_in(table["indicateur"], value_set=_values(gone))))
    with replacing(path) as draft:
        pq.write_table(left.combine_chunks(), draft, compression="zstd", row_group_size=100_000)
    return True


def tell_manifests(sortie: Path, feeds: list[Feed]) -> None:
    """Hold every manifest to the files of its release again, and say in it which feeds were withdrawn."""
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    for release in _releases(sortie) if ended else ():
        path = release / "manifest.json"
        told = json.loads(path.read_text("utf-8"))
        feeds_gone = sorted(set(withdrawn(release, ended).values()))
        if not feeds_gone:
            continue
        told["fichiers_sha256"] = {
            name: hashlib.sha256((release / name).read_bytes()).hexdigest() for name in told["fichiers_sha256"]
        }
        told["lignes"]["valeurs"] = sum(pq.read_metadata(p).num_rows for p in _files(release) if "valeurs/" in str(p))
        for name in _TABLES:
            told["lignes"][name] = pq.read_metadata(release / f"{name}.parquet").num_rows
        told["retraits"] = [{"jeu": j, "fin_de_clause": ended[j].echeance.isoformat()} for j in feeds_gone]
        text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
        if text != path.read_text("utf-8"):
            with replacing(path) as draft:
                draft.write_text(text, "utf-8")


def _releases(sortie: Path) -> list[Path]:
    return sorted(p.parent for p in (sortie / "releases").glob("*/manifest.json"))


def _files(release: Path) -> list[Path]:
    tables = [release / f"{name}.parquet" for name in _TABLES]
    return [*sorted((release / "valeurs").glob("*/*/*.parquet")), *(p for p in tables if p.is_file())]


def _values(gone: Mapping[str, str]) -> pa.Array:
    return pa.array(sorted(gone), pa.string())
