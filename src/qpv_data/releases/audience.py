"""Write the folder of one audience: its tables as Parquet, from what its clauses and its purposes allow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data import __version__, tables
from qpv_data.certificate import ZEROS
from qpv_data.clause.load import ClauseSet
from qpv_data.exports.folder import AVERTISSEMENTS, AudienceFolder
from qpv_data.exports.parquet import SCHEMA_VERSION, write_table
from qpv_data.exports.series import write_series
from qpv_data.exports.words import words
from qpv_data.perimeters_out import write_zones
from qpv_data.periods import Period
from qpv_data.problems import FeedError
from qpv_data.protect import Protected
from qpv_data.receive import Reception
from qpv_data.releases.compare import Causes
from qpv_data.releases.layout import said
from qpv_data.releases.policy import Politique, calendar
from qpv_data.releases.values import Part, changes_of, revisions_kept, revisions_of
from qpv_data.runs import Configuration
from qpv_data.software import software_digest

COPIED = ("zones_communes", "zones_epci", "zones_contrats", "passages", "en_vigueur")


@dataclass(frozen=True)
class Made:
    """What a run made, before it is told to anyone. `incertitudes`: of the narrowest audience; `precedente`: the last
    release; `retirees`: releases that were withdrawn, whose figures are told no more."""

    publication: str
    jusqu_a: Period
    protegees: Protected
    receptions: tuple[Reception, ...]
    erreurs: Mapping[str, FeedError]
    incertitudes: pa.Table
    precedente: str | None
    retirees: frozenset[str]
    politique: Politique | None


def missing(clauses: ClauseSet, made: Made) -> tuple[str, ...]:
    """What is not in the release, though a clause of these promised it."""
    held = _ids(clauses)
    lost = {_label(r) for r in made.receptions if r.jeu in held and not (r.usable or r.statut == "detruite")}
    return tuple(sorted(lost | (set(made.erreurs) & held)))


def stale(clauses: ClauseSet, made: Made) -> tuple[str, ...]:
    """What the release has from an earlier delivery than the one that was due."""
    return tuple(sorted(_label(r) for r in made.receptions if r.jeu in _ids(clauses) and r.statut == "perimee"))


def write_tables(cfg: Configuration, clauses: ClauseSet, made: Made, part: Part) -> dict[str, object]:
    """Write every table but `valeurs`, which is there; returns what the manifest says of this audience.

    `clauses`: narrowed to what the audience may be told. `cfg.diffusion`: the audience.
    """
    receptions = [r for r in made.receptions if r.jeu in _ids(clauses)]
    ready = sorted({c.id for c, i in clauses.indicateurs() if i.id in made.protegees.cellules})
    absent, old = missing(clauses, made), stale(clauses, made)
    lineage = tables.lineage(made.publication, clauses, receptions, ready, sorted(part.zonings), made.jusqu_a)
    content = {
        "indicateurs": tables.indicateurs(clauses),
        "modalites": tables.modalites(clauses),
        "ruptures": tables.ruptures(clauses),
        "clauses": tables.clauses_table(clauses),
        "livraisons": tables.livraisons(clauses, receptions),
        "incertitudes": _of(made.incertitudes, part.indicators),
        "valeurs_livraisons": lineage,
        "publications": tables.table([_publication(cfg, made, absent, old)], tables.PUBLICATIONS),
    }
    for name, told in content.items():
        write_table(told, part.folder / f"{name}.parquet", name, words())
    counts = {"valeurs": part.rows, "zones": write_zones(cfg.folder("zonages"), part.folder / "zones.parquet")}
    for name in COPIED:
        content[name] = pq.read_table(cfg.folder("zonages") / f"{name}.parquet")
        write_table(content[name], part.folder / f"{name}.parquet", name, words())
    added = {
        "changements": _changes(made, part),
        "revisions": revisions_of(part, made.retirees),
        "calendrier": calendar(made.politique, made.jusqu_a),
    }
    for name, table in added.items():
        write_table(table, part.folder / f"{name}.parquet", name, words())
    content |= added
    write_series(AudienceFolder(part.folder), cfg.travail, words())
    counts |= {name: told.num_rows for name, told in content.items()}
    return _told(cfg, clauses, made, receptions, (absent, old), counts)


def same_content(wider: tuple[ClauseSet, Part], own: tuple[ClauseSet, Part]) -> bool:
    """Whether an audience is told just what a wider one is, of this release and of the past."""
    (clauses, one), (others, other) = wider, own
    if clauses.chargees != others.chargees or one.indicators != other.indicators:
        return False
    told = ((one.changes, other.changes), (one.past, other.past))
    alike = all(len(a) == len(b) and all(x.equals(y) for x, y in zip(a, b, strict=True)) for a, b in told)
    return alike and revisions_kept(one).equals(revisions_kept(other))


def repeat_tables(cfg: Configuration, clauses: ClauseSet, made: Made, wider: Part, part: Part) -> dict[str, object]:
    """What `write_tables` would write, from the files of a wider audience that is told the same: links to them, but for
    the table that names the audience."""
    absent, old = missing(clauses, made), stale(clauses, made)
    for path in sorted(wider.folder.rglob("*.parquet")):
        target = part.folder / path.relative_to(wider.folder)
        if target.name != "publications.parquet" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    named = tables.table([_publication(cfg, made, absent, old)], tables.PUBLICATIONS)
    write_table(named, part.folder / "publications.parquet", "publications", words())
    receptions = [r for r in made.receptions if r.jeu in _ids(clauses)]
    return _told(cfg, clauses, made, receptions, (absent, old), said(wider.folder)["lignes"])


def _publication(cfg: Configuration, made: Made, absent: Sequence[str], old: Sequence[str]) -> dict[str, object]:
    return {
        "publication": made.publication,
        "diffuseur": cfg.diffuseur,
        "periode": str(made.jusqu_a),
        "publiee_le": day(cfg).date(),
        "protection": made.protegees.protection,
        "diffusion": cfg.diffusion.value,
        "finalite": cfg.finalite,
        "version_logiciel": __version__,
        "jeux_absents": ", ".join(absent) or None,
        "jeux_perimes": ", ".join(old) or None,
    }


def _changes(made: Made, part: Part) -> pa.Table:
    changes = changes_of(part)
    if part.previous is None or changes.num_rows == 0:
        return changes.slice(0, 0)
    same_software = said(part.previous).get("empreinte_logiciel") == software_digest()
    return Causes(part.previous, part.folder, same_software).told(changes)


def _told(
    cfg: Configuration, clauses: ClauseSet, made: Made, receptions: Sequence[Reception],
    lacks: tuple[Sequence[str], Sequence[str]], counts: Mapping[str, int],
) -> dict[str, object]:  # fmt: skip
    rows = tables.livraisons(clauses, receptions).select(["jeu", "periode", "livraison", "statut"]).to_pylist()
    named = tables.clauses_table(clauses).select(["clause", "version", "empreinte"]).to_pylist()
    return {
        "publication": made.publication,
        "precedente": made.precedente,
        "diffuseur": cfg.diffuseur,
        "periode": str(made.jusqu_a),
        "publiee_le": day(cfg).date().isoformat(),
        "protection": made.protegees.protection,
        "diffusion": cfg.diffusion.value,
        "finalite": cfg.finalite,
        "secret": {"zeros": ZEROS},
        "avertissement": AVERTISSEMENTS[cfg.diffusion.value],
        "version_schema": SCHEMA_VERSION,
        "version_logiciel": __version__,
        "empreinte_logiciel": software_digest(),
        "jeux_absents": list(lacks[0]),
        "jeux_perimes": list(lacks[1]),
        "politique": made.politique.model_dump(mode="json") if made.politique is not None else None,
        "clauses": named,
        "livraisons": rows,
        "lignes": dict(counts),
    }


def day(cfg: Configuration) -> datetime:
    """The day of the release, in UTC: no time of day is ever told."""
    return datetime.combine(cfg.maintenant.astimezone(UTC).date(), datetime.min.time())


def _of(content: pa.Table, indicators: frozenset[str]) -> pa.Table:
    return content.filter(pc.is_in(content.column("indicateur"), pa.array(sorted(indicators), pa.string())))


def _ids(clauses: ClauseSet) -> set[str]:
    return {loaded.clause.id for loaded in clauses.chargees}


def _label(r: Reception) -> str:
    return r.jeu if r.periode is None else f"{r.jeu} {r.periode}"
