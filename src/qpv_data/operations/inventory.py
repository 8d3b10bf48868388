"""What a backup says that it holds, sauvegarde.json: written last, and held to before anything of it is brought back.

A backup may have been copied, edited or forged since: no name of it is followed out of the folder where it belongs.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from qpv_data.problems import Problem
from qpv_data.runs import PRIVATE, RunError

MANIFEST, LAKE, PROOFS, BASE = "sauvegarde.json", "lac", "preuves", "qpv.duckdb"
COPIED = (*PRIVATE, "zonages", "releases")
"""The folders of a run that are kept; beside them, the link to the last release's database."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Inventory:
    """`faite_le`: UTC, ISO. By path from the run's folder: `droits`, the mode of each folder; `liens`, where each link
    leads; `fichiers`, the `sha256` and `taille` of each file. `dossier`: where the folder was."""

    faite_le: str
    version: str
    cles: bool
    dossier: str
    droits: Mapping[str, int]
    liens: Mapping[str, str]
    fichiers: Mapping[str, Mapping[str, Any]]

    def write(self, backup: Path) -> None:
        """Its owner's alone: partners choose names of files."""
        path = backup / MANIFEST
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_inventory(backup: Path) -> Inventory:
    """Raises RunError: it is not one, or a name of it is not of a run's folder."""
    try:
        told = json.loads((backup / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        message = f"{backup} : pas de {MANIFEST} lisible"
        raise RunError(Problem.REFERENCE_INCONNUE, message, "donner le dossier d'une sauvegarde") from None
    shaped = isinstance(told, dict) and all(isinstance(told.get(k), dict) for k in ("droits", "liens", "fichiers"))
    if not shaped or not isinstance(told.get("faite_le"), str):
        raise _altered(f"{backup / MANIFEST} n'est pas l'inventaire d'une sauvegarde")
    made = Inventory(
        told["faite_le"], str(told.get("version", "")), told.get("cles") is not False, str(told.get("dossier", "")),
        told["droits"], told["liens"], told["fichiers"],
    )  # fmt: skip
    wrong = next(_strangers(made), None)
    if wrong is None:
        wrong = next((n for n in ("", *made.droits) if (backup / LAKE / n).is_symlink()), None)
    if wrong is not None:
        raise _altered(f"{backup} : `{wrong or LAKE}` n'est pas d'un dossier d'exécution")
    return made


def _altered(message: str) -> RunError:
    return RunError(Problem.SOURCE_ALTEREE, message, "restaurer une autre sauvegarde")


def _strangers(made: Inventory) -> Iterator[str]:
    """Names that no backup writes."""
    names = [*made.droits, *made.liens, *made.fichiers]
    yield from (n for n in names if not _within(n) and not (n == BASE and n in made.liens))
    yield from (n for n in made.liens if n in made.droits or n in made.fichiers)
    yield from (n for n in made.fichiers if n in made.droits)
    yield from (n for n in names if "/" in n and posixpath.dirname(n) not in made.droits)
    yield from (n for n in made.fichiers if "/" not in n)
    yield from (n for n, mode in made.droits.items() if not isinstance(mode, int))
    yield from (n for n, to in made.liens.items() if not isinstance(to, str) or not _within(_led(n, to)))
    for name, fact in made.fichiers.items():
        if not isinstance(fact, dict) or not _SHA256.fullmatch(str(fact.get("sha256"))):
            yield name


def _within(name: str) -> bool:
    """Whether a path is plain, and of one of the folders that are kept."""
    parts = PurePosixPath(name).parts
    return name == "/".join(parts) and parts[:1] != () and parts[0] in COPIED and ".." not in parts and "\0" not in name


def _led(name: str, to: str) -> str:
    """Where a link leads, from the run's folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), to))
