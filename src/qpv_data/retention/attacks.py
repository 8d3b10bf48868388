"""The reports of attacks on drafts that were refused: they hold hidden figures, and go with the aggregates of those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qpv_data.clause.model import ClauseJeu
from qpv_data.retention.holdings import LINK, Feed, aggregates_end
from qpv_data.retention.items import Item
from qpv_data.retention.terms import Forme, Term
from qpv_data.retention.tree import Tree

FOLDER = "journal/attaques"


def due_attacks(feed: Feed) -> Iterator[Item]:
    """The reports that are due for a feed. One is of several feeds: it goes whole with the first of them."""
    if aggregates_end(feed) is None:
        return
    try:
        found = list(feed.tree.walk(FOLDER))
    except OSError:
        feed.hinder(f"{FOLDER}/ : {LINK}")
        return
    for file in found:
        if not file.regulier:
            feed.hinder(f"{FOLDER}/ : {LINK}")
        elif (due := of_report([feed], feed.tree, file.chemin)) is not None:
            yield from feed.item(Forme.AGREGATS, None, due[1], file)


def of_report(feeds: Iterable[Feed], tree: Tree, chemin: str) -> tuple[Feed, Term] | None:
    """The first feed whose aggregates are due and of which the report of an attack, or a copy of it, names an
    indicator; None for any other file."""
    if f"/{FOLDER}/" not in f"/{chemin}":
        return None
    for feed in feeds:
        told = aggregates_end(feed)
        if told is not None and tree.holds(chemin, _names(feed)):
            return feed, told
    return None


def _names(feed: Feed) -> frozenset[bytes]:
    return frozenset(i.id.encode() for v in feed.versions if isinstance(v, ClauseJeu) for i in v.indicateurs)
