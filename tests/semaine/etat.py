"""What must hold of a run's folder at the end of each day, and at the end of the week."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from factory import Mini

from qpv_data.compliance.journal import read_journal
from qpv_data.releases import journal
from qpv_data.releases.verify import verify


def faults_of_lake(mini: Mini) -> Iterator[str]:
    """Nothing half-written is left, every release is whole, and no line of a journal has lost a row."""
    for left in mini.out.rglob("*"):
        if left.name.endswith(".part") or left.name in (".travail", ".arrivee"):
            yield f"reste {left.relative_to(mini.out)}"
    releases = mini.out / "releases"
    published = [e.publication for e in journal.events(releases) if e.evenement == journal.PUBLIEE]
    if len(published) != len(set(published)):
        yield f"publications en double : {published}"
    for root in journal.ordered(releases):
        yield from (f"{root.name} {fault.ou} : {fault.quoi}" for fault in verify(root))
    for path in sorted((mini.out / "journal").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            told = json.loads(line)
            if told["type"] == "reception":
                rows = told.get("conformes", 0) + sum(told.get("rejetees", {}).values())
                if told.get("recues", 0) != rows:
                    yield f"{path.name} : {told}"


def faults_of_release(mini: Mini, expected: Mapping[str, Mapping[str, int]], stale: set[str]) -> Iterator[str]:
    """The current release counts what partners delivered, and says who is late and no other."""
    found: dict[tuple[str, str], float | None] = {
        (i.removesuffix("_n"), zone): value
        for i, zone, value in mini.query(
            "SELECT indicateur, code_zone, valeur FROM valeurs WHERE zonage = 'qpv2024' AND periode = '2024-T3'"
            " AND modalite = 'ensemble'"
        )
    }
    for jeu, zones in expected.items():
        for zone, count in zones.items():
            if found.get((jeu, zone)) != count:
                yield f"{jeu} {zone} : {found.get((jeu, zone))} au lieu de {count}"
    manifest = json.loads((mini.out / "releases/provisoire/manifest.json").read_text("utf-8"))
    if set(manifest["jeux_perimes"]) != stale or manifest["jeux_absents"]:
        for jeu in sorted(set(manifest["jeux_perimes"]) ^ stale):
            last = read_journal(mini.out / "journal", jeu).receptions[-1]
            yield f"{jeu} {last.statut} {last.probleme} : {last.message}"
        yield f"périmés {manifest['jeux_perimes']} au lieu de {sorted(stale)}, absents {manifest['jeux_absents']}"


def same_as_fresh(mini: Mini, root: Path, script: str) -> list[str]:
    """What the stages hold after the week is what a new folder holds that receives the last good versions once."""
    shutil.copytree(mini.clauses, root / "clauses")
    command = [sys.executable, "-c", script, str(root), "2025-03-01T04:00:00+00:00", "publier"]
    subprocess.run(command, check=True)
    lived, fresh = _stages(mini.out), _stages(root / "out")
    names = {*lived, *fresh}
    return [f"{n} n'est pas celui d'un dossier neuf" for n in sorted(names) if lived.get(n) != fresh.get(n)]


def _stages(out: Path) -> dict[str, str]:
    paths = (p for s in ("conformed", "located", "aggregated", "zonages") for p in sorted((out / s).rglob("*.parquet")))
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
