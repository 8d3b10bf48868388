"""Copy a run's folder, whole and held still, where a purge can still reach: plain files, no archive, no link.

<vers>/<instant>/sauvegarde.json   what was copied: a SHA-256 a file, and the links, which are told and not made
<vers>/<instant>/lac/…             the files
<vers>/preuves/                    every proof of destruction ever seen: a restore reads them
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qpv_data import __version__
from qpv_data.digests import sha256
from qpv_data.operations.inventory import BASE, COPIED, LAKE, MANIFEST, PROOFS, Inventory, read_inventory
from qpv_data.problems import Problem
from qpv_data.releases.place import sync
from qpv_data.replacing import replacing, sync_folder
from qpv_data.runs import RunError, locked

_LEFT_OUT = frozenset({".arrivee"})


@dataclass(frozen=True)
class Backup:
    """One backup. `fichiers`: how many files, `octets` their size."""

    dossier: Path
    fichiers: int
    octets: int


def back_up(sortie: Path, vers: Path, now: datetime, keep: int = 7, keys: bool = True) -> Backup:
    """Copy the folder, then forget all but the last `keep` backups. Raises RunError: a run holds it, or no room.

    `keys`: whether the keys of pseudonyms go along; without, they are to be kept apart, or the deliveries that a
    restore brings back are pseudonymised anew.
    """
    _hold_apart(sortie, vers)
    target = vers / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    draft = vers / f".{target.name}.part"
    try:
        vers.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(sortie):
            for left in vers.glob(".*.part"):  # by a backup that was killed
                shutil.rmtree(left)
            _hold_alone(sortie, target)
            made = _copy(sortie, draft, keys, now)
            _keep_proofs(sortie / PROOFS, vers / PROOFS)
            sync(draft)
            draft.rename(target)
            sync_folder(vers)
            _forget(target, sortie, keep)
    except OSError as e:
        message = f"sauvegarde vers {vers} : {e.strerror or type(e).__name__}"
        remedy = "monter le volume, libérer de la place, vérifier les droits"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, remedy) from None
    return Backup(target, len(made), sum(f["taille"] for f in made.values()))


def backups(vers: Path) -> list[Path]:
    """Every whole backup, oldest first."""
    return sorted(p.parent for p in vers.glob(f"[0-9]*Z/{MANIFEST}"))


def _hold_apart(sortie: Path, vers: Path) -> None:
    if not (sortie / "raw").is_dir():
        message = f"{sortie} n'est pas le dossier d'une exécution"
        raise RunError(Problem.REFERENCE_INCONNUE, message, "donner celui de `qpv-data run --out`")
    inside, around = vers.resolve().is_relative_to(sortie.resolve()), sortie.resolve().is_relative_to(vers.resolve())
    if inside or around:
        message = "une sauvegarde ne se met ni dans le dossier de l'exécution, ni autour"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "choisir un autre dossier, sur un autre disque")


def _hold_alone(sortie: Path, target: Path) -> None:
    """One folder of backups a run's folder: those of another would be forgotten in its turn, its proofs mixed up."""
    if target.exists():
        message, remedy = f"{target} est déjà là", "attendre une seconde, ou régler l'heure"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, remedy)
    ours, kept = sortie / PROOFS, target.parent / PROOFS
    for proof in ours.glob("[0-9]*.json"):
        if (kept / proof.name).is_file() and (kept / proof.name).read_bytes() != proof.read_bytes():
            message = f"{kept} tient les preuves d'un autre dossier que {sortie}"
            raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "un dossier de sauvegardes par dossier d'exécution")


def _forget(made: Path, sortie: Path, keep: int) -> None:
    """All but the last `keep` backups of this folder; never the one that was just made, whatever the clock says. A
    backup that is half removed no longer bears its name."""
    others = [b for b in backups(made.parent) if b != made and read_inventory(b).dossier in ("", str(sortie))]
    for old in others[: max(0, len(others) - (keep - 1))]:
        gone = old.with_name(f".{old.name}.part")
        old.rename(gone)
        shutil.rmtree(gone)


def _copy(sortie: Path, draft: Path, keys: bool, now: datetime) -> dict[str, dict[str, Any]]:
    """Copy every file; the manifest comes last. Files with several names have them again."""
    for folder in (draft, draft / LAKE):
        folder.mkdir(mode=0o700)
    files, links = dict[str, dict[str, Any]](), dict[str, str]()
    first_of, modes = dict[int, Path](), dict[str, int]()
    for path in _walk(sortie, keys):
        name = path.relative_to(sortie).as_posix()
        copy = draft / LAKE / name
        if path.is_symlink():
            links[name] = str(path.readlink())
        elif path.is_dir():
            copy.mkdir(mode=0o700)
            modes[name] = path.stat().st_mode & 0o777
        else:
            known = path.stat()
            first = first_of.setdefault(known.st_ino, copy) if known.st_nlink > 1 else copy
            if first != copy:
                copy.hardlink_to(first)
            else:
                shutil.copy2(path, copy)
            digest = sha256(copy) if first == copy else files[first.relative_to(draft / LAKE).as_posix()]["sha256"]
            files[name] = {"sha256": digest, "taille": known.st_size}
    made_at = now.astimezone(UTC).isoformat(timespec="seconds")
    Inventory(made_at, __version__, keys, str(sortie), modes, links, files).write(draft)
    return files


def _walk(sortie: Path, keys: bool) -> Iterator[Path]:
    """What is kept of a run's folder: a folder before what is in it."""
    base = sortie / BASE
    if base.is_symlink():
        yield base
    for name in COPIED:
        if not (sortie / name).is_dir() or (name == "cles" and not keys):
            continue
        yield sortie / name
        for path in sorted((sortie / name).rglob("*")):
            parts = path.relative_to(sortie).parts
            if not (_LEFT_OUT & set(parts) or path.name.endswith(".part")):
                yield path


def _keep_proofs(proofs: Path, kept: Path) -> None:
    """Every proof, once, beside the backups: those made after a backup say what it must not bring back."""
    kept.mkdir(mode=0o700, exist_ok=True)
    for proof in proofs.glob("[0-9]*.json"):
        if not (kept / proof.name).is_file():
            with replacing(kept / proof.name) as draft:
                shutil.copy2(proof, draft)
