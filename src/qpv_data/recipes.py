"""What each stage's output was made from: it is made again when one of these has changed, or it has, and only then.

journal/recettes/<jeu>/<etape>[-<livraison>].json   digests of what went in and of what came out, and the stage's counts

Inputs are told by their content: a new delivery that gives the same records changes nothing that follows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpv_data.digests import file_digest
from qpv_data.replacing import replacing
from qpv_data.runs import Configuration
from qpv_data.software import computing_digest

NEVER, CHANGED = "jamais_fait", "sortie_changee"
"""Reasons beside the names of what went in: nothing is known of the output, or it is not what was made."""


@dataclass(frozen=True)
class Recipe:
    """One step: the stage, the feed, the delivery (`""` for all of them at once), and the digest of each input."""

    etape: str
    jeu: str
    nom: str
    de: Mapping[str, str]

    def path(self, cfg: Configuration) -> Path:
        """Where it is noted."""
        name = f"{self.etape}-{self.nom}" if self.nom else self.etape
        return cfg.folder("journal") / "recettes" / self.jeu / f"{name}.json"


def recipe(etape: str, jeu: str, nom: str, de: Mapping[str, str]) -> Recipe:
    """A recipe of these inputs and of the code that is running."""
    return Recipe(etape, jeu, nom, {**de, "logiciel": computing_digest()})


def reasons(cfg: Configuration, asked: Recipe) -> tuple[str, ...]:
    """Why the step is to be done: inputs that changed, sorted, or NEVER, or CHANGED; empty when it need not be."""
    noted = _noted(cfg, asked)
    if noted is None:
        return (NEVER,)
    before = noted["de"]
    changed = sorted(n for n in {*before, *asked.de} if before.get(n) != asked.de.get(n))
    if changed:
        return tuple(changed)
    intact = all(digest(cfg.sortie / name) == made for name, made in noted["sorties"].items())
    return () if intact else (CHANGED,)


def counts_of(cfg: Configuration, asked: Recipe) -> dict[str, Any] | None:
    """What the step counted when it was done; None when it is to be done."""
    if reasons(cfg, asked):
        return None
    noted = _noted(cfg, asked)
    assert noted is not None
    counts: dict[str, Any] = noted["comptes"]
    return counts


def done(cfg: Configuration, made: Recipe, outputs: Iterable[Path], counts: Mapping[str, Any]) -> None:
    """Note that the step is done, once its outputs are there: killed before, it is done again, since they are not
    those that were noted."""
    found = {p.relative_to(cfg.sortie).as_posix(): digest(p) for p in sorted(outputs)}
    path = made.path(cfg)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {"de": dict(made.de), "sorties": found, "comptes": dict(counts)}
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
        draft.chmod(0o600)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder's Parquet files, names included; a word that is no digest when absent."""
    if path.is_dir():
        told = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*.parquet") if not p.name.startswith(".")):
            told.update(f"{file.relative_to(path).as_posix()}\0{digest(file)}\0".encode())
        return told.hexdigest()
    if not path.is_file():
        return "absent"
    return file_digest(path)


def _noted(cfg: Configuration, asked: Recipe) -> dict[str, Any] | None:
    """What is noted of a step; None when nothing is, or nothing that can be read."""
    path = asked.path(cfg)
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content
