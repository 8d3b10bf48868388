"""Stage 7, publish: an immutable release, whole or not at all. Readers see the previous one or the next.

releases/<id>/            manifest.json, one Parquet a table, valeurs/zonage=…/periode=…/valeurs.parquet
qpv.duckdb                the same tables, replaced in one move
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data import __version__, tables
from qpv_data.certificate import FILE as CERTIFICATE
from qpv_data.certificate import ZEROS, attack_draft, certificate
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Diffusion
from qpv_data.database import write_database
from qpv_data.engine import scratch
from qpv_data.history import ledger
from qpv_data.perimeters_out import write_zones
from qpv_data.periods import Period, parse_period
from qpv_data.problems import FeedError, Problem
from qpv_data.protect import COMPLEMENTARY, Protected
from qpv_data.receive import Reception
from qpv_data.runs import Configuration, RunError, unwritable
from qpv_data.uncertainty.disclosure import incertitudes

READERS = {
    Diffusion.INTERNE: "Ne pas diffuser au-delà de l'équipe du contrat.",
    Diffusion.PARTENAIRES: "Ne pas diffuser au-delà des partenaires.",
    Diffusion.OUVERT: "Peut être diffusé à tous, sous la licence de chaque jeu.",
}
_COPIED = ("zones_communes", "zones_epci", "zones_contrats", "passages", "en_vigueur")


@dataclass(frozen=True)
class Release:
    """A published release. `nouvelle` is false when the last one already says exactly this."""

    id: str
    dossier: Path
    base: Path
    lignes: int
    nouvelle: bool
    jeux_absents: tuple[str, ...]
    jeux_perimes: tuple[str, ...]


def publish(
    cfg: Configuration,
    clauses: ClauseSet,
    protected: Protected,
    receptions: Sequence[Reception],
    errors: Mapping[str, FeedError],
) -> Release:
    """Publish protected cells up to `cfg.periode`.

    The same inputs give the same bytes: no time of day, no random name. Publishing twice what the last release
    of the period already says gives that release.
    """
    if not isinstance(protected, Protected):
        raise TypeError("publish accepts what protect made, and nothing else")
    if protected.protection != COMPLEMENTARY:
        raise TypeError("primary rules alone protect nobody: publish refuses them")
    assert cfg.periode is not None
    until = parse_period(cfg.periode)
    absent, stale = _missing(clauses, receptions, errors), _stale(receptions)
    releases = cfg.folder("releases")
    found = (p for p in releases.glob(f"{until}-r[0-9]*") if p.is_dir())
    numbered = sorted((int(p.name.rsplit("-r", 1)[1]), p) for p in found)
    with _disk(cfg), scratch(cfg.travail) as folder:
        if numbered:
            last = numbered[-1][1]
            rows = _write_release(cfg, clauses, protected, receptions, folder / last.name, until, absent, stale)
            if _same(folder / last.name, last):
                _replace_database(cfg, last, folder)
                return Release(last.name, last, cfg.sortie / "qpv.duckdb", rows, False, absent, stale)
        name = f"{until}-r{numbered[-1][0] + 1 if numbered else 1}"
        draft, target = folder / name, releases / name
        rows = _write_release(cfg, clauses, protected, receptions, draft, until, absent, stale)
        _certify(cfg, clauses, protected, draft)
        _sync(draft)
        releases.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        _replace_database(cfg, target, folder)
    return Release(name, target, cfg.sortie / "qpv.duckdb", rows, True, absent, stale)


def _certify(cfg: Configuration, clauses: ClauseSet, protected: Protected, draft: Path) -> None:
    """Attack the draft with every release before it; nothing is published that gives something away."""
    if not any((draft / "valeurs").rglob("*.parquet")):
        message = f"aucune valeur : les périodes de tous les jeux finissent après {draft.name.rsplit('-r', 1)[0]}"
        raise RunError(Problem.RIEN_A_PUBLIER, message, "donner une période plus tardive (--periode)")
    earlier = ledger(cfg.folder("releases"))
    audit = cfg.folder("journal") / "attaques" / f"{draft.name}.json"
    report = attack_draft(draft, earlier, audit, clauses)
    said = certificate(draft, clauses, protected.protection, report, [p.name for p in earlier])
    (draft / CERTIFICATE).write_bytes(said)
    manifest = draft / "manifest.json"
    content = json.loads(manifest.read_text("utf-8"))
    files = {**content["fichiers_sha256"], CERTIFICATE: hashlib.sha256(said).hexdigest()}
    content["fichiers_sha256"] = dict(sorted(files.items()))
    manifest.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _replace_database(cfg: Configuration, release: Path, folder: Path) -> None:
    """Build the database of `release` aside, then move it: readers keep the old file or open the new one."""
    base = write_database(release, folder / "qpv.duckdb")
    base.replace(cfg.sortie / "qpv.duckdb")


@contextmanager
def _disk(cfg: Configuration) -> Iterator[None]:
    """A full or read-only disk is said in plain words."""
    try:
        yield
    except OSError as e:
        raise unwritable(cfg, e) from e


def _missing(clauses: ClauseSet, receptions: Sequence[Reception], errors: Mapping[str, FeedError]) -> tuple[str, ...]:
    lost = {
        r.jeu if r.periode is None else f"{r.jeu} {r.periode}"
        for r in receptions
        if not (r.usable or r.statut == "detruite")
    }
    return tuple(sorted(lost | set(errors)))


def _stale(receptions: Sequence[Reception]) -> tuple[str, ...]:
    return tuple(
        sorted(r.jeu if r.periode is None else f"{r.jeu} {r.periode}" for r in receptions if r.statut == "perimee")
    )


def _write_release(
    cfg: Configuration, clauses: ClauseSet, protected: Protected, receptions: Sequence[Reception], draft: Path,
    until: Period, absent: tuple[str, ...], stale: tuple[str, ...],
) -> int:  # fmt: skip
    """Write a whole release in `draft`, whose name is the release's; returns the rows of `valeurs`."""
    name = draft.name
    draft.mkdir(parents=True)
    stamp = datetime.combine(cfg.maintenant.astimezone(UTC).date(), datetime.min.time())
    rows, zonings = 0, set[str]()
    for zoning, period, cells in _partitions(cfg, clauses, protected, name, until, stamp):
        rows += cells.num_rows
        zonings.add(zoning)
        target = draft / "valeurs" / f"zonage={zoning}" / f"periode={period}" / "valeurs.parquet"
        target.parent.mkdir(parents=True)
        # Hive partitions: the two columns are in the path.
        _write(cells.drop_columns(["zonage", "periode"]), target)
    zones = write_zones(cfg.folder("zonages"), draft / "zones.parquet")
    ready = sorted({c.id for c, i in clauses.indicateurs() if i.id in protected.cellules})
    folders = (cfg.folder("aggregated"), cfg.folder("zonages"), cfg.travail)
    made = {
        "indicateurs": tables.indicateurs(clauses),
        "modalites": tables.modalites(clauses),
        "clauses": tables.clauses_table(clauses),
        "livraisons": tables.livraisons(clauses, receptions),
        "incertitudes": incertitudes(name, clauses, protected.cellules, until, folders),
        "valeurs_livraisons": tables.lineage(name, clauses, receptions, ready, sorted(zonings), until),
        "publications": tables.table(
            [
                {
                    "publication": name,
                    "diffuseur": cfg.diffuseur,
                    "periode": str(until),
                    "publiee_le": stamp.date(),
                    "protection": protected.protection,
                    "diffusion": cfg.diffusion.value,
                    "finalite": cfg.finalite,
                    "version_logiciel": __version__,
                    "jeux_absents": ", ".join(absent) or None,
                    "jeux_perimes": ", ".join(stale) or None,
                }
            ],
            tables.PUBLICATIONS,
        ),
    }
    for table_name, content in made.items():
        _write(content, draft / f"{table_name}.parquet")
    for table_name in _COPIED:
        _write(pq.read_table(cfg.folder("zonages") / f"{table_name}.parquet"), draft / f"{table_name}.parquet")
    counts = {"valeurs": rows, "zones": zones, **{n: t.num_rows for n, t in made.items()}}
    _manifest(cfg, draft, name, until, protected, absent, stale, counts)
    return rows


def _partitions(
    cfg: Configuration, clauses: ClauseSet, protected: Protected, name: str, until: Period, stamp: datetime
) -> Iterator[tuple[str, str, pa.Table]]:
    """The values of one zoning and period at a time, sorted by zone, indicator, modality."""
    by_indicator = {i.id: c for c, i in clauses.indicateurs()}
    parts: dict[tuple[str, str], list[pa.Table]] = {}
    for indicator, path in sorted(protected.cellules.items()):
        clause = by_indicator[indicator]
        cells = pq.read_table(path)
        for period in sorted(set(cells.column("periode").to_pylist())):
            if parse_period(period).fin > until.fin:
                continue
            for zoning in sorted(set(cells.column("zonage").to_pylist())):
                chosen = cells.filter((pa.compute.field("zonage") == zoning) & (pa.compute.field("periode") == period))
                values = _dressed(chosen, indicator, tables.quality(clause), cfg.diffuseur, name, period, stamp)
                parts.setdefault((zoning, period), []).append(values)
    order = [("code_zone", "ascending"), ("indicateur", "ascending"), ("modalite", "ascending")]
    for (zoning, period), tables_of_part in sorted(parts.items()):
        yield zoning, period, pa.concat_tables(tables_of_part).sort_by(order)


def _dressed(
    cells: pa.Table, indicator: str, quality: str, publisher: str, name: str, period: str, stamp: datetime
) -> pa.Table:
    n, asked = cells.num_rows, parse_period(period)
    constants: dict[str, Any] = {
        "diffuseur": publisher,
        "publication": name,
        "indicateur": indicator,
        "frequence": asked.frequence.value,
        "periode_debut": asked.debut,
        "periode_fin": asked.fin,
        "qualite": quality,
        "visible_de": stamp,
        "visible_a": None,
    }
    arrays = [
        pa.repeat(pa.scalar(constants[f.name], f.type), n) if f.name in constants else cells.column(f.name).cast(f.type)
        for f in tables.VALEURS
    ]
    return pa.Table.from_arrays(arrays, schema=tables.VALEURS)


def _write(content: pa.Table, target: Path) -> None:
    pq.write_table(content.combine_chunks(), target, compression="zstd", row_group_size=100_000)


def _manifest(
    cfg: Configuration, draft: Path, name: str, until: Period, protected: Protected, absent: Sequence[str],
    stale: Sequence[str], counts: Mapping[str, int],
) -> None:  # fmt: skip
    files = {
        str(p.relative_to(draft)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(draft.rglob("*"))
        if p.is_file()
    }
    manifest = {
        "publication": name,
        "diffuseur": cfg.diffuseur,
        "periode": str(until),
        "publiee_le": cfg.maintenant.astimezone(UTC).date().isoformat(),
        "protection": protected.protection,
        "diffusion": cfg.diffusion.value,
        "finalite": cfg.finalite,
        "secret": {"zeros": ZEROS},
        "avertissement": READERS[cfg.diffusion],
        "version_logiciel": __version__,
        "jeux_absents": list(absent),
        "jeux_perimes": list(stale),
        "lignes": dict(counts),
        "fichiers_sha256": files,
    }
    (draft / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _same(draft: Path, last: Path) -> bool:
    """Whether the last release holds the same bytes, the day of its publication apart."""
    old, new = last / "manifest.json", draft / "manifest.json"
    if not old.is_file():
        return False
    ignored = {"publications.parquet", "livraisons.parquet"}
    kept = [json.loads(p.read_text("utf-8"))["fichiers_sha256"] for p in (old, new)]
    for files in kept:
        files.pop(CERTIFICATE, None)  # it follows from the rest, and from what was published before
    stable = [{k: v for k, v in files.items() if k not in ignored and not k.startswith("valeurs/")} for files in kept]
    if stable[0] != stable[1]:
        return False
    return all(
        _content(last / k) == _content(draft / k)
        for k in sorted(set(kept[0]) | set(kept[1]))
        if k in ignored or k.startswith("valeurs/")
        if kept[0].get(k) != kept[1].get(k)
    )


def _content(path: Path) -> pa.Table | None:
    if not path.is_file():
        return None
    dated = ("visible_de", "publiee_le")
    content = pq.ParquetFile(path).read()
    return content.drop_columns([c for c in dated if c in content.column_names])


def _sync(folder: Path) -> None:
    for path in [*sorted(folder.rglob("*")), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
