"""The plan of a purge: every file that is due, wherever it is, and what cannot be destroyed. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qpv_data.clause.load import ClauseSet
from qpv_data.conform import has_pseudonyms
from qpv_data.engine import scratch
from qpv_data.retention.attacks import due_attacks
from qpv_data.retention.copies import Dead, backup_items, dead, result_items, results_term
from qpv_data.retention.deposits import deposit_items, deposits_of
from qpv_data.retention.holdings import FOLDERS, REPORTS, Feed, due_files, key_term
from qpv_data.retention.items import DEPOT, Hindrance, Item
from qpv_data.retention.settings import PurgeSettings
from qpv_data.retention.tree import Tree
from qpv_data.retention.withdrawals import withdrawal_items
from qpv_data.runs import Configuration

PREFECT_RESULTS = Path(".prefect") / "storage"


@dataclass(frozen=True)
class Plan:
    """`retenues`: deliveries that are due and whose raw bytes another one, not due, shares."""

    items: tuple[Item, ...]
    empeches: tuple[Hindrance, ...]
    retenues: tuple[str, ...]
    feeds: tuple[Feed, ...]


def plan(cfg: Configuration, clauses: ClauseSet, settings: PurgeSettings, environment: Mapping[str, str]) -> Plan:
    """Look everywhere. The run's folder is held by the caller; `cfg.maintenant` is the day."""
    feeds = [_feed(cfg, clauses, jeu) for jeu in _ids(clauses)]
    items, terms = list[Item](), {}
    for feed in feeds:
        own = [*due_files(feed), *due_attacks(feed)]
        key = key_term(feed, own)
        if key is not None:
            terms[feed.jeu] = key
            _key_elsewhere(feed, environment)
        items += own
    for feed in feeds:
        for deposit in deposits_of(feed):
            with scratch(cfg.travail) as folder:
                items += deposit_items(feed, deposit, folder)
    items += withdrawal_items(cfg.sortie, feeds)
    gone, hindered = dead(feeds, terms), list[Hindrance]()
    items, hindered = _elsewhere(cfg, settings, gone, items)
    items, linked = _single_names(items)
    told = [*(h for feed in feeds for h in feed.empeches), *hindered, *linked, *_orphans(cfg, clauses)]
    retained = sorted({ident for feed in feeds for ident in feed.retenues})
    return Plan(tuple(items), tuple(dict.fromkeys(told)), tuple(retained), tuple(feeds))


def _ids(clauses: ClauseSet) -> list[str]:
    return sorted({c.clause.id for c in (*clauses.chargees, *clauses.autres)})


def _feed(cfg: Configuration, clauses: ClauseSet, jeu: str) -> Feed:
    return Feed(cfg.sortie, jeu, clauses.versions(jeu), cfg.maintenant.date())


def _key_elsewhere(feed: Feed, environment: Mapping[str, str]) -> None:
    variable = f"QPV_DATA_CLE_{feed.jeu.upper()}"
    if variable in environment and any(has_pseudonyms(v) for v in feed.versions):
        feed.hinder(f"clé de pseudonymes donnée par la variable {variable} : à détruire chez qui la garde")


def _elsewhere(
    cfg: Configuration, settings: PurgeSettings, gone: Dead, items: list[Item]
) -> tuple[list[Item], list[Hindrance]]:
    hindered = list[Hindrance]()
    for n, folder in enumerate(settings.sauvegardes, start=1):
        found, why = backup_items(gone, Path(folder), f"sauvegarde {n}")
        items, hindered = [*items, *found], [*hindered, *why]
    term = results_term(items)
    own = cfg.sortie / PREFECT_RESULTS
    results = [own] if own.is_dir() and not own.is_symlink() else []
    results += [Path(f) for f in settings.resultats_prefect if Path(f) != own]
    for n, place in enumerate(results if term is not None else (), start=1):
        assert term is not None
        found, why = result_items(place, f"prefect {n}", term)
        items, hindered = [*items, *found], [*hindered, *why]
    return items, hindered


def _single_names(items: Sequence[Item]) -> tuple[list[Item], list[Hindrance]]:
    """A file that has another name (hard link) that is not to be destroyed would live on: it is left, and told."""
    local = [i for i in items if i.lieu != DEPOT]
    identities = {i.cle: _identity(i) for i in local}
    planned = Counter(identity for identity in identities.values() if identity is not None)
    kept, hindered = list[Item](), list[Hindrance]()
    for item in items:
        identity = identities.get(item.cle)
        if identity is not None and Tree(Path(item.racine)).names(item.chemin) > planned[identity]:
            why = f"{item.forme.value} : le fichier a un autre nom (lien dur) hors de ce qui est à détruire"
            hindered.append(Hindrance(item.jeu, item.lieu, why))
        else:
            kept.append(item)
    return kept, hindered


def _identity(item: Item) -> tuple[int, int] | None:
    try:
        return Tree(Path(item.racine)).identity(item.chemin)
    except OSError:
        return None  # its destruction will say why it fails


def _orphans(cfg: Configuration, clauses: ClauseSet) -> list[Hindrance]:
    """Folders of feeds that no clause declares any more: under which clause would they be kept, or destroyed?"""
    known = set(_ids(clauses))
    why = "aucune clause ne déclare ce jeu : remettre sa clause, pour que sa destruction soit prouvée"
    folders = ("raw", *FOLDERS, REPORTS)
    found = {p.name for name in folders for p in cfg.folder(name).glob("*") if p.is_dir() and p.name[0] != "."}
    return [Hindrance(jeu, "execution", why) for jeu in sorted(found - known)]
