"""What was destroyed after a backup was made, as the proofs of destruction that it does not hold say."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from qpv_data.problems import Problem
from qpv_data.runs import RunError

_PLAIN = re.compile(r"[\w.-]*")
"""A feed, a delivery: a name of one file, never a path."""


def proofs_since(held: Path, proofs: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """(name, what it says was destroyed) of each proof that is not in `held`, in order; `le` is always given.

    Raises RunError for one that cannot be read: what it names would come back.
    """
    known = {p.name for p in held.glob("[0-9]*.json")}
    return [(p.name, _elements(p)) for p in sorted(proofs.glob("[0-9]*.json")) if p.name not in known]


def _elements(proof: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(proof.read_text("utf-8"))["contenu"]
        found = [{**e, "le": e["le"] or content["etablie_le"]} for e in content["elements"]]
        sound = all(_sound(e) for e in found)
    except (OSError, ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        message = f"{proof} n'est pas une preuve qui se lise"
        raise RunError(Problem.SOURCE_ALTEREE, message, "la reprendre d'une autre copie ; qpv-data preuves verifier")
    return found


def _sound(element: dict[str, Any]) -> bool:
    date.fromisoformat(str(element["le"])[:10])
    names = (element["jeu"], element["livraison"], element["forme"], element["sha256"])
    return all(name is None or (".." not in name and _PLAIN.fullmatch(name) is not None) for name in names)
