"""Zonings by their name: those of a run's folder, or those that the shipped clauses declare, fetched and kept."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qpv_data.grid.store import UNUSABLE, cache_dir, digest_of, load_index, path_of
from qpv_data.points.zoning import Drawn, Zoning, zoning_of
from qpv_data.problems import FeedError, Problem

if TYPE_CHECKING:
    from qpv_data.clause.model import ClauseZonage

_FILES = ("zones.parquet", "zones_natives.parquet", "en_vigueur.parquet")


def open_zoning(folder: Path, nom: str, tampon_m: float = 0.0) -> Zoning:
    """The zoning `nom` of a folder that a run composed (`--out`, or its `zonages`). Indexes are kept on disk.

    Raises FeedError: referentiel_absent when the folder has no such zoning, or one without contours.
    """
    inner = folder if (folder / _FILES[0]).is_file() else folder / "zonages"
    if not all((inner / name).is_file() for name in _FILES):
        message = f"{folder} ne contient pas de zonages composés"
        raise FeedError(nom, Problem.REFERENTIEL_ABSENT, message, "donner le dossier --out d'une exécution")
    seed = digest_of([inner / name for name in _FILES], role="execution", nom=nom, tampon=tampon_m)
    manifest = cache_dir() / f"zonage-{seed[:40]}.json"
    if (known := _remembered(manifest)) is not None:
        return known
    from qpv_data.points.opening import zoning_of_run
    from qpv_data.zonages.loading import load_zones

    try:
        zones = load_zones(inner)
    except (pa.ArrowInvalid, OSError) as e:
        message = f"les zonages composés de {folder} sont illisibles"
        raise FeedError(nom, Problem.REFERENTIEL_ABSENT, message, "exécuter de nouveau dans ce dossier") from e
    if not zones.groups.get(nom):
        drawn = ", ".join(n for n in zones.perimetres() if zones.groups[n]) or "aucun"
        message = f"pas de zonage {nom} avec des contours ; il y a : {drawn}"
        raise FeedError(nom, Problem.REFERENTIEL_ABSENT, message, "choisir l'un d'eux, ou --zones FICHIER")
    made = zoning_of_run(zones, nom, seed=seed, tampon_m=tampon_m)
    _remember(manifest, made)
    return made


def _remembered(manifest: Path) -> Zoning | None:
    """What `_remember` wrote, its indexes mapped; None when anything is missing."""
    try:
        said: dict[str, Any] = json.loads(manifest.read_text("utf-8"))
        parts = [
            Drawn(
                p["crs"],
                load_index(path_of(p["digest"]), p["digest"]).index,
                tuple(p["natifs"]),
                p["propre"],
                p["digest"],
            )
            for p in said["parts"]
        ]
        more = {"principal": said["principal"], "territoires": frozenset(said["territoires"])}
        sure = {crs: tuple(box) for crs, box in said["sure"].items()}
        return zoning_of(said["nom"], parts, sure=sure, **more)
    except UNUSABLE:
        return None


def _remember(manifest: Path, zoning: Zoning) -> None:
    parts = [{"crs": d.crs, "natifs": d.natifs, "propre": d.propre, "digest": d.digest} for d in zoning.drawn]
    sure = {d.crs: zoning.ground(d.crs).sure for d in zoning.drawn}
    said = {
        "nom": zoning.nom,
        "principal": zoning.principal,
        "territoires": sorted(zoning.territoires or ()),
        "sure": {crs: box for crs, box in sure.items() if box[0] < box[2]},
        "parts": parts,
    }
    try:
        manifest.write_text(json.dumps(said), "utf-8")
    except OSError:  # a folder that cannot be written costs time, never the answer
        return


def composed_folder(nom: str, clauses: Path, miroir: Path | None, maintenant: datetime) -> Path:
    """A folder with the zoning `nom`, composed from the clauses that declare it; fetched once, then kept.

    Raises FeedError: referentiel_absent when no clause declares it, and the fetch's own problem when it fails.
    """
    from qpv_data.clause.check import checked_clauses

    chosen = [c for c in checked_clauses(clauses).zonages if c.zonage.id == nom and c.zonage.objet == "perimetres"]
    if not chosen:
        declared = {c.zonage.id for c in checked_clauses(clauses).zonages if c.zonage.objet == "perimetres"}
        message = (
            f"aucune clause ne déclare de périmètres pour le zonage {nom} ; il y a : {', '.join(sorted(declared))}"
        )
        raise FeedError(nom, Problem.REFERENTIEL_ABSENT, message, "choisir l'un d'eux, ou --zones FICHIER")
    said = json.dumps([[c.model_dump(mode="json") for c in chosen], str(miroir)], sort_keys=True)
    folder = cache_dir() / "zonages" / hashlib.sha256(said.encode()).hexdigest()[:16]
    if not (folder / "zonages" / "zones.parquet").is_file():
        _compose(chosen, clauses, folder, miroir, maintenant)
    return folder / "zonages"


def _compose(
    chosen: list[ClauseZonage], clauses: Path, folder: Path, miroir: Path | None, maintenant: datetime
) -> None:
    from qpv_data.pipeline import transport
    from qpv_data.receive import receive
    from qpv_data.runs import Configuration, Expected, exclusive
    from qpv_data.zonages import compose_zonages

    cfg = Configuration(clauses=clauses, sortie=folder, maintenant=maintenant, miroir=miroir)
    with transport(cfg) as reach, exclusive(cfg):
        received = [receive(cfg, clause, Expected(clause.id, None), reach) for clause in chosen]
        for one in received:
            if one.conformed is None:
                remedy = "vérifier le réseau, ou donner --miroir, --zonages ou --zones"
                raise FeedError(one.jeu, Problem(one.probleme or "source_absente"), one.message or "", remedy)
        conformed = {r.jeu: r.conformed for r in received if r.conformed is not None}
        compose_zonages(chosen, conformed, cfg.folder("zonages"))
