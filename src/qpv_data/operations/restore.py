"""Bring a backup back, checked byte by byte; what was destroyed since it was made does not come back with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from qpv_data.digests import sha256
from qpv_data.operations.backup import LAKE, MANIFEST, PROOFS
from qpv_data.problems import Problem, listed
from qpv_data.releases.layout import releases_in
from qpv_data.releases.verify import verify
from qpv_data.retention.kept import keep, kept
from qpv_data.retention.tombstones import bury, known
from qpv_data.runs import RunError

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

    Raises RunError: the backup lacks a file that no proof says was destroyed, or holds another content.
    """
    told = _read(backup)
    since = _proofs_since(backup, proofs or backup.parent / PROOFS)
    gone = [{**e, "le": e["le"] or content["etablie_le"]} for _, content in since for e in content["elements"]]
    files = _checked(backup, told["fichiers"], gone)
    if vers.exists() and (not vers.is_dir() or any(vers.iterdir())):
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, f"{vers} n'est pas vide", "restaurer dans un dossier neuf")
    left_out = sorted(n for n, f in files.items() if _destroyed(n, f["sha256"], gone))
    try:
        _bring_back(backup, vers, told, sorted(files.keys() - set(left_out)))
        lost = _keep_aggregates(backup / LAKE, vers, gone)
        _bury(vers / "raw", gone)
        for name, _ in since:
            shutil.copy2((proofs or backup.parent / PROOFS) / name, vers / PROOFS / name)
    except OSError as e:
        message = f"{vers} : {e.strerror or type(e).__name__}"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "libérer de la place, vérifier les droits") from None
    back = {f"{e['jeu']} ({e['forme']}) est revenu ailleurs" for e in gone if _of_releases(e, files, left_out)}
    rest = tuple(sorted(back | set(lost)))
    faults = tuple(f"{r.name}/{f.ou} : {f.quoi}" for r in releases_in(vers / "releases") for f in verify(r))
    proved = tuple(name for name, _ in since)
    return Restored(vers, told["faite_le"], len(files) - len(left_out), tuple(left_out), proved, rest, faults)


def _read(backup: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((backup / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        message = f"{backup} : pas de {MANIFEST} lisible"
        raise RunError(Problem.REFERENCE_INCONNUE, message, "donner le dossier d'une sauvegarde") from None
    return told


def _proofs_since(backup: Path, proofs: Path) -> list[tuple[str, dict[str, Any]]]:
    """The proofs that the backup does not hold, in order."""
    held = {p.name for p in (backup / LAKE / PROOFS).glob("[0-9]*.json")}
    names = sorted(p.name for p in proofs.glob("[0-9]*.json") if p.name not in held)
    return [(n, json.loads((proofs / n).read_text("utf-8"))["contenu"]) for n in names]


def _checked(backup: Path, told: Mapping[str, Any], gone: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The files that are there, each as the manifest says; what a purge destroyed in the backup itself is not there."""
    dead = {e["sha256"] for e in gone}
    present, wrong = dict[str, Any](), list[str]()
    for name, fact in told.items():
        path = backup / LAKE / name
        if path.is_file() and sha256(path) == fact["sha256"]:
            present[name] = fact
        elif path.is_file() or not (fact["sha256"] in dead or name.startswith("cles/")):
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


def _bring_back(backup: Path, vers: Path, told: Mapping[str, Any], names: Iterable[str]) -> None:
    vers.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, mode in told["droits"].items():  # a folder comes before what is in it
        (vers / name).mkdir()
        (vers / name).chmod(mode)
    made = dict[int, Path]()
    for name in names:
        source, target = backup / LAKE / name, vers / name
        inode = source.stat().st_ino
        if (first := made.setdefault(inode, target)) != target:
            target.hardlink_to(first)
        else:
            shutil.copy2(source, target)
    for name, link in told["liens"].items():
        (vers / name).symlink_to(link)


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
