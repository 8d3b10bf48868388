"""Stage 7, publish: an immutable release, whole or not at all. Readers see the previous one or the next.

releases/<id>/<audience>/  manifest.json, one Parquet a table, valeurs/zonage=…/periode=…/valeurs.parquet, qpv.duckdb
releases/provisoire        the pointer, moved to it in one step
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.certificate import attack_drafts, certificate, rules_of
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Diffusion
from qpv_data.clause.scope import scope
from qpv_data.engine import scratch
from qpv_data.history import ledger
from qpv_data.periods import parse_period
from qpv_data.problems import FeedError, Problem
from qpv_data.protect import COMPLEMENTARY, Protected
from qpv_data.receive import Reception
from qpv_data.releases import channels, journal
from qpv_data.releases.audience import Made, day, missing, repeat_tables, same_content, stale, write_tables
from qpv_data.releases.base import build_database
from qpv_data.releases.compare import invariant
from qpv_data.releases.keep import finish, put_old_ones_away
from qpv_data.releases.layout import (
    CERTIFICATE,
    audiences,
    narrowest,
    number_of,
    releases_in,
    said,
    widest_first,
)
from qpv_data.releases.manifest import seal, write_manifest
from qpv_data.releases.place import next_name, put
from qpv_data.releases.policy import policy_of
from qpv_data.releases.values import Part, Stamp, write_values
from qpv_data.runs import Configuration, RunError, unwritable
from qpv_data.uncertainty.disclosure import incertitudes


@dataclass(frozen=True)
class Release:
    """A published release. `dossier`: its root; `complet`: in it, the folder of the narrowest audience, which holds all
    that it publishes. `nouvelle` is false when the last one already says exactly this."""

    id: str
    dossier: Path
    base: Path
    lignes: int
    nouvelle: bool
    jeux_absents: tuple[str, ...]
    jeux_perimes: tuple[str, ...]

    @property
    def complet(self) -> Path:
        """The folder of the narrowest audience."""
        return narrowest(self.dossier)


def publish(
    cfg: Configuration,
    clauses: ClauseSet,
    protected: Protected,
    receptions: Sequence[Reception],
    errors: Mapping[str, FeedError],
) -> Release:
    """Publish protected cells up to `cfg.periode`, for `cfg.diffusion` and every wider audience.

    The same inputs give the same bytes: no time of day, no random name. Publishing twice what the last release
    of the period already says gives that release.
    """
    if not isinstance(protected, Protected):
        raise TypeError("publish accepts what protect made, and nothing else")
    if protected.protection != COMPLEMENTARY:
        raise TypeError("primary rules alone protect nobody: publish refuses them")
    assert cfg.periode is not None
    until, policy = parse_period(cfg.periode), policy_of(cfg.clauses)
    releases = cfg.folder("releases")
    with _disk(cfg), scratch(cfg.travail) as folder:
        finish(releases)
        name = next_name(releases, str(until))
        before = journal.last(releases)
        sources = (cfg.folder("aggregated"), cfg.folder("zonages"), cfg.travail)
        bounds = incertitudes(name, clauses, protected.cellules, until, sources)
        gone = journal.withdrawn(releases)
        made = Made(name, until, protected, tuple(receptions), errors, bounds, before, gone, policy)
        rows = _write(cfg, clauses, made, folder / name)
        lacks = missing(clauses, made), stale(clauses, made)
        same = _last_of(releases, str(until))
        base = channels.database_link(releases)
        if same is not None and _says_the_same(folder / name, same):
            journal.catch_up(releases)
            channels.point(releases, channels.PROVISOIRE, before)
            put_old_ones_away(releases, policy, day(cfg).date())
            return Release(same.name, same, base, rows, False, *lacks)
        folders = [folder / name / audience.value for audience in audiences(folder / name)]
        for inside, wider in zip(folders, [None, *folders], strict=False):
            build_database(inside, wider)
        _certify(cfg, clauses, protected, folder / name)
        put(folder / name, releases / name, day(cfg).date())
        put_old_ones_away(releases, policy, day(cfg).date())
    return Release(name, releases / name, base, rows, True, *lacks)


def _write(cfg: Configuration, clauses: ClauseSet, made: Made, draft: Path) -> int:
    """Write the draft of a release, certificates and databases apart; returns the rows of `valeurs` in all."""
    narrowed = {d: scope(clauses, d, cfg.finalite) for d in widest_first(cfg.diffusion)}
    parts = {d: _part(cfg, held, made, draft / d.value, d) for d, held in narrowed.items()}
    parts = {d: p for d, p in parts.items() if p.indicators or d is cfg.diffusion}
    for diffusion, part in parts.items():
        part.folder.mkdir(parents=True, mode=0o755 if diffusion is Diffusion.OUVERT else 0o750)
    stamp = Stamp(made.publication, made.precedente or "", cfg.diffuseur, day(cfg))
    write_values(made.protegees.cellules, clauses, made.jusqu_a, list(parts.values()), stamp, cfg.travail)
    if not parts[cfg.diffusion].rows:
        message = f"aucune valeur : les périodes de tous les jeux finissent après {made.jusqu_a}"
        raise RunError(Problem.RIEN_A_PUBLIER, message, "donner une période plus tardive (--periode)")
    wider: tuple[ClauseSet, Part] | None = None
    for diffusion, part in parts.items():
        own, held = replace(cfg, diffusion=diffusion), narrowed[diffusion]
        if wider is not None and same_content(wider, (held, part)):
            told = repeat_tables(own, held, made, wider[1], part)
        else:
            told = write_tables(own, held, made, part)
        write_manifest(part.folder, told)
        wider = held, part
    return parts[cfg.diffusion].rows


def _part(cfg: Configuration, clauses: ClauseSet, made: Made, folder: Path, diffusion: Diffusion) -> Part:
    earlier = cfg.folder("releases") / (made.precedente or "") / diffusion.value
    held = frozenset(i.id for _, i in clauses.indicateurs()) & frozenset(made.protegees.cellules)
    return Part(folder, held, earlier if made.precedente and earlier.is_dir() else None)


def _certify(cfg: Configuration, clauses: ClauseSet, protected: Protected, draft: Path) -> None:
    """Attack the draft with every release before it; nothing is published that gives something away.

    Each audience's certificate says what its own readers can count, in all that they hold.
    """
    named = audiences(draft)
    earlier = ledger(cfg.sortie)
    audit = cfg.folder("journal") / "attaques" / f"{draft.name}.json"
    reports = attack_drafts(draft, named, earlier, audit, clauses)
    for audience, (report, held) in reports.items():
        narrowed = scope(clauses, audience, cfg.finalite)
        folder = draft / audience.value
        told = certificate(folder, draft.name, rules_of(narrowed), protected.protection, report, held)
        (folder / CERTIFICATE).write_bytes(told)
    seal(draft, {})


@contextmanager
def _disk(cfg: Configuration) -> Iterator[None]:
    """A full or read-only disk is said in plain words."""
    try:
        yield
    except OSError as e:
        raise unwritable(cfg, e) from e
    except (duckdb.IOException, duckdb.TransactionException) as e:  # the engine's own words for it
        raise unwritable(cfg, OSError(f"la base ne peut être écrite ({type(e).__name__})")) from e


def _last_of(releases: Path, period: str) -> Path | None:
    """The last release of a period, that was not withdrawn."""
    found = [p for p in releases_in(releases) if p.name.rsplit("-r", 1)[0] == period]
    return max(found, key=lambda p: number_of(p.name), default=None)


_MADE_ANEW = ("changements.parquet", "revisions.parquet")  # they tell what came before, and not what is


def _says_the_same(draft: Path, last: Path) -> bool:
    """Whether the last release says the same to the same audiences, its name and its day apart."""
    if audiences(draft) != audiences(last):
        return False
    return all(_same_tables(draft / d.value, last / d.value) for d in audiences(draft))


def _same_tables(draft: Path, last: Path) -> bool:
    kept = [said(p)["fichiers_sha256"] for p in (draft, last)]
    names = [{n for n in files if n.endswith(".parquet")} - set(_MADE_ANEW) for files in kept]
    if names[0] != names[1]:
        return False
    return all(kept[0][n] == kept[1][n] or _content(draft / n).equals(_content(last / n)) for n in sorted(names[0]))


def _content(path: Path) -> pa.Table:
    return invariant(pq.ParquetFile(path).read())
