"""Bring a backup back, checked byte by byte; what was destroyed since it was made does not come back with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from qpv_data.digests import sha256
from qpv_data.operations.inventory import LAKE, PROOFS, Inventory, read_inventory
from qpv_data.operations.since import proofs_since
from qpv_data.operations.whole import whole
from qpv_data.problems import Problem, listed
from qpv_data.releases.layout import releases_in
from qpv_data.releases.verify import verify
from qpv_data.retention.kept import keep, kept
from qpv_data.retention.tombstones import bury, known
from qpv_data.runs import PRIVATE, RunError

_FOLDERS = {
    "brut": ("raw",), "conforme": ("conformed",), "localise": ("located",), "rejets": ("rejets", "rapports"),
    "agregats": ("aggregated", "journal/attaques"), "cle": ("cles",),
}  # fmt: skip
"""Where each form of what a proof names is."""


@dataclass(frozen=True)
class Restored:
    """What a restore did. `retires`: files that were destroyed since the backup, and left out; `preuves`: the proofs
    that said so; `reste`: what a purge must still look at; `fautes`: of the releases, as `verify` tells them."""

    dossier: Path
    faite_le: str
    fichiers: int
    retires: tuple[str, ...]
    preuves: tuple[str, ...]
    reste: tuple[str, ...]
    fautes: tuple[str, ...]


def restore(backup: Path, vers: Path, proofs: Path | None = None) -> Restored:
    """Restore into a folder that is not there yet. `proofs`: those made since, by default what is beside the backups.

    Raises RunError: the backup lacks a file that no proof says was destroyed, or holds another content, or a name that
    is of no run's folder. Nothing stands at `vers` before all of it does.
    """
    told = read_inventory(backup)
    folder = backup.parent / PROOFS if proofs is None else proofs
    if proofs is not None and not proofs.is_dir():
        message = f"{proofs} : pas de dossier de preuves"
        raise RunError(Problem.REFERENCE_INCONNUE, message, "donner celui de l'exécution : <out>/preuves")
    since = proofs_since(backup / LAKE / PROOFS, folder)
    gone = [e for _, elements in since for e in elements]
    files = _checked(backup, told.fichiers, gone)
    left_out = sorted(n for n, f in files.items() if _destroyed(n, f["sha256"], gone))
    with whole(vers) as draft:
        _bring_back(backup, draft, told, sorted(files.keys() - set(left_out)))
        lost = _keep_aggregates(backup / LAKE, draft, gone)
        _bury(draft / "raw", gone)
        for name, _ in since:
            shutil.copy2(folder / name, draft / PROOFS / name)
    back = {f"{e['jeu']} ({e['forme']}) est revenu ailleurs" for e in gone if _of_releases(e, files, left_out)}
    if not folder.is_dir():
        back.add(f"{folder} n'est pas là : ce qui a été détruit depuis est revenu ; restaurer avec --preuves")
    faults = tuple(f"{r.name}/{f.ou} : {f.quoi}" for r in releases_in(vers / "releases") for f in verify(r))
    count, proved = len(files) - len(left_out), tuple(name for name, _ in since)
    return Restored(vers, told.faite_le, count, tuple(left_out), proved, tuple(sorted(back | set(lost))), faults)


def _checked(
    backup: Path, told: Mapping[str, Mapping[str, Any]], gone: Sequence[Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """The files that are there, each as the manifest says; what a purge destroyed in the backup itself is not there."""
    dead = {e["sha256"] for e in gone}
    present, wrong = dict[str, Mapping[str, Any]](), list[str]()
    for name, fact in told.items():
        path = backup / LAKE / name
        there = path.is_file() and not path.is_symlink()
        if there and sha256(path) == fact["sha256"]:
            present[name] = fact
        elif there or not (fact["sha256"] in dead or _destroyed(name, fact["sha256"], gone)):
            wrong.append(name.partition("/")[0])
    if wrong:
        message = f"{len(wrong)} fichiers absents ou changés, dans : {listed(sorted(set(wrong)))}"
        raise RunError(Problem.SOURCE_ALTEREE, message, "restaurer une autre sauvegarde, ou donner --preuves")
    return present


def _destroyed(name: str, digest: str, gone: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a proof made since names this file: by its content; a key, by its feed."""
    for e in gone:
        if e["forme"] == "cle":
            if name == f"cles/{e['jeu']}.cle":
                return True
        elif e["sha256"] == digest and any(name.startswith(f"{f}/") for f in _FOLDERS.get(e["forme"], ())):
            return True
    return False


def _of_releases(element: Mapping[str, Any], files: Mapping[str, Any], left_out: Iterable[str]) -> bool:
    """A destroyed thing whose bytes are there elsewhere: an indicator of a release, which only a purge rewrites."""
    out = set(left_out)
    return any(f["sha256"] == element["sha256"] and n not in out for n, f in files.items())


def _bring_back(backup: Path, draft: Path, told: Inventory, names: Iterable[str]) -> None:
    folders = sorted(told.droits)  # a folder comes before what is in it
    for name in folders:
        (draft / name).mkdir(mode=0o700)
    first_of = dict[int, Path]()
    for name in names:
        source, target = backup / LAKE / name, draft / name
        inode = source.stat().st_ino
        if (first := first_of.setdefault(inode, target)) != target:
            target.hardlink_to(first)
        else:
            shutil.copy2(source, target)
    for name, link in told.liens.items():
        (draft / name).symlink_to(link)
    for name in reversed(folders):
        (draft / name).chmod(0o700 if name in PRIVATE else told.droits[name])


def _keep_aggregates(lake: Path, vers: Path, gone: Iterable[Mapping[str, Any]]) -> list[str]:
    """Set aside the cells of deliveries whose located records are left out, as the purge that destroyed them did.
    Returns, in words, those that cannot be: a purge went through the backup since."""
    ended = {e["jeu"] for e in gone if e["forme"] == "agregats"}
    lost = []
    for ident, jeu in sorted({(e["livraison"], e["jeu"]) for e in gone if e["forme"] == "localise"}):
        nom = str(ident).removeprefix(f"{jeu}-").rpartition("-v")[0]
        aggregated = vers / "aggregated" / jeu
        if jeu in ended or nom in kept(aggregated):
            continue
        if not keep(aggregated, nom, lake / "located" / jeu / f"{nom}.parquet"):
            lost.append(
                f"{jeu} {nom} : agrégats à reprendre d'une sauvegarde plus récente (aggregated/{jeu}/conserves)"
            )
    return lost


def _bury(raw: Path, gone: Iterable[Mapping[str, Any]]) -> None:
    """Tombstones for the deliveries that were destroyed: they are not received again."""
    days = {e["livraison"]: e["le"] for e in gone if e["forme"] == "brut" and e["livraison"]}
    for jeu in sorted({e["jeu"] for e in gone if e["forme"] == "brut"}):
        for held in known(raw, jeu)[0]:
            if held.id in days:
                bury(raw, held, date.fromisoformat(days[held.id][:10]))
