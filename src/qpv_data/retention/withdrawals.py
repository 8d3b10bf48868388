"""Take the indicators of an ended clause out of the releases, where the clause says that its aggregates are destroyed.

A release is immutable but for this: its manifests then say what was withdrawn, and when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.clause.model import Diffusion
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.parquet import ROW_GROUP_SIZE, WRITING
from qpv_data.releases.layout import ARCHIVES, MANIFEST, audiences, releases_in, said
from qpv_data.releases.manifest import seal
from qpv_data.releases.place import sync
from qpv_data.replacing import replacing
from qpv_data.retention.holdings import Feed, aggregates_end
from qpv_data.retention.items import EXECUTION, Item, item_of
from qpv_data.retention.terms import Forme, Term

_TABLES = ("incertitudes", "valeurs_livraisons", "changements", "revisions")


def withdrawal_items(sortie: Path, feeds: list[Feed]) -> Iterator[Item]:
    """Each file of a release that holds a value of an indicator that is due, or of one that divides by it."""
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    if not ended:
        return
    for folder in _folders(sortie):
        gone = withdrawn(folder, ended)
        for path in _files(folder):
            held = sorted(set(pq.ParquetFile(path).read(["indicateur"])["indicateur"].to_pylist()) & set(gone))
            if held:
                jeu, chemin = gone[held[0]], path.relative_to(sortie).as_posix()
                digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
                root = str(sortie)
                yield item_of(Forme.AGREGATS, jeu, None, ended[jeu], EXECUTION, root, chemin, digest, size)


def withdrawn(folder: Path, ended: Mapping[str, Term]) -> dict[str, str]:
    """The indicators to take out of a folder of releases, each with the feed whose end it is."""
    rows = pq.ParquetFile(folder / "indicateurs.parquet").read(["indicateur", "jeu", "par"]).to_pylist()
    own = {r["indicateur"]: r["jeu"] for r in rows if r["jeu"] in ended}
    return own | {r["indicateur"]: own[r["par"]] for r in rows if r["par"] in own and r["indicateur"] not in own}


def is_of_a_release(item: Item) -> bool:
    """Whether an item is a file of a release, there or put away."""
    return item.lieu == EXECUTION and item.chemin.split("/")[0] in ("releases", ARCHIVES)


def withdraw(sortie: Path, item: Item, feeds: list[Feed]) -> bool:
    """Write the file again without what is due; False when it is not the file of the item any more.

    The file that takes its place is new: one that two audiences share is written for each.
    """
    path = sortie / item.chemin
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != item.sha256:
        return False
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    folder = next(p for p in path.parents if (p / MANIFEST).is_file())
    gone = withdrawn(folder, ended)
    table = pq.ParquetFile(path).read()
    left = table.filter(pc.invert(pc.is_in(table["indicateur"], value_set=_values(gone))))
    with replacing(path) as draft:
        pq.write_table(left.combine_chunks(), draft, row_group_size=_rows_of_a_group(path), **WRITING)
    return True


def tell_manifests(sortie: Path, feeds: list[Feed]) -> None:
    """Hold every manifest to the files of its release again, and say in it which feeds were withdrawn."""
    ended = {f.jeu: told for f in feeds if (told := aggregates_end(f)) is not None}
    for root in roots(sortie) if ended else ():
        here: dict[Diffusion, dict[str, Any]] = {}
        for audience in audiences(root):
            folder = root / audience.value
            feeds_gone = sorted(set(withdrawn(folder, ended).values()))
            if feeds_gone:
                here[audience] = {"lignes": _counts(folder), "retraits": _named(feeds_gone, ended)}
        if here:
            seal(root, here)
            sync(root)


def _rows_of_a_group(path: Path) -> int:
    """That of the file as it was published: readers over a network count on it."""
    told = pq.read_metadata(path)
    return (
        max([told.row_group(n).num_rows for n in range(told.num_row_groups)], default=ROW_GROUP_SIZE) or ROW_GROUP_SIZE
    )


def _counts(folder: Path) -> dict[str, int]:
    counts: dict[str, int] = dict(said(folder)["lignes"])
    counts["valeurs"] = sum(pq.read_metadata(p).num_rows for p in _files(folder) if "valeurs/" in str(p))
    return counts | {
        name: pq.read_metadata(path).num_rows for name in _TABLES if (path := folder / f"{name}.parquet").is_file()
    }


def _named(feeds: list[str], ended: Mapping[str, Term]) -> list[dict[str, str]]:
    return [{"jeu": j, "fin_de_clause": ended[j].echeance.isoformat()} for j in feeds]


def roots(sortie: Path) -> list[Path]:
    """Every release of a run's folder, those that are put away included."""
    return [*releases_in(sortie / "releases"), *releases_in(sortie / ARCHIVES)]


def _folders(sortie: Path) -> list[Path]:
    return [root / audience.value for root in roots(sortie) for audience in audiences(root)]


def _files(folder: Path) -> list[Path]:
    tables = [folder / f"{name}.parquet" for name in _TABLES]
    held = AudienceFolder(folder)
    return [*held.values(), *held.series(), *(p for p in tables if p.is_file())]


def _values(gone: Mapping[str, str]) -> pa.Array:
    return pa.array(sorted(gone), pa.string())
