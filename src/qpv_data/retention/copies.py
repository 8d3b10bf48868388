"""Copies of what is due: in the backups that the configuration lists, and in the results that Prefect keeps.

A file of a backup is known by its place (a copy of the run's folder, wherever it is in the backup) or, for what was
received, by its content. What cannot be looked into, an archive or a database, is told and left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from qpv_data.retention.attacks import of_report
from qpv_data.retention.holdings import FOLDERS, LINK, RECEIPTS, REPORTS, Feed, aggregates_end
from qpv_data.retention.items import Hindrance, Item, item_of
from qpv_data.retention.terms import Forme, Motif, Term
from qpv_data.retention.tombstones import Held
from qpv_data.retention.tree import Found, Tree

_OPAQUE = (
    ".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".rar", ".img", ".iso", ".dump", ".bak", ".gpg",
    ".age", ".enc",
)  # fmt: skip


@dataclass(frozen=True)
class Dead:
    """What may be kept no more, whatever copy it is in. `vivants`: digests that a delivery not due still needs."""

    feeds: dict[str, Feed]
    par_empreinte: dict[str, tuple[Feed, Held, Term]]
    vivants: frozenset[str]
    cles: dict[str, Term]

    @property
    def tailles(self) -> frozenset[int]:
        """Sizes of the raw files that are due: no other file need be read."""
        return frozenset(held.taille for _, held, _ in self.par_empreinte.values())


def dead(feeds: Sequence[Feed], cles: dict[str, Term]) -> Dead:
    """From every delivery that the store knows, destroyed ones included: a backup may bring them back."""
    due: dict[str, tuple[Feed, Held, Term]] = {}
    living = set[str]()
    for feed in feeds:
        for held in feed.livraisons:
            told = feed.due(held, Forme.BRUT)
            if told is None:
                living.add(held.sha256)
            else:
                due[held.sha256] = (feed, held, told)
    return Dead({f.jeu: f for f in feeds}, due, frozenset(living), cles)


def backup_items(gone: Dead, folder: Path, lieu: str) -> tuple[list[Item], list[Hindrance]]:
    """What a backup holds that is due, and what in it cannot be looked into."""
    tree, items, hindered, opaque = Tree(folder), list[Item](), list[Hindrance](), 0
    try:
        for found in tree.walk():
            if not found.regulier:
                hindered.append(Hindrance("", lieu, LINK))
                continue
            made = _item(gone, tree, found, lieu)
            if made is not None:
                items.append(made)
            elif found.chemin.lower().endswith(_OPAQUE) and not _of_the_store(gone, found):
                opaque += 1
    except OSError as e:
        hindered.append(Hindrance("", lieu, f"illisible ({e.strerror or type(e).__name__})"))
    if opaque:
        raison = f"{opaque} archives, qui ne s'ouvrent pas ici : à détruire, ou à vérifier, à la main"
        hindered.append(Hindrance("", lieu, raison))
    return items, list(dict.fromkeys(hindered))


def _of_the_store(gone: Dead, found: Found) -> bool:
    """Whether an archive is a delivery, in its place, that is not due."""
    parts = found.chemin.split("/")
    return any(p == "raw" and parts[n + 1] in gone.feeds for n, p in enumerate(parts[:-3]))


def _item(gone: Dead, tree: Tree, found: Found, lieu: str) -> Item | None:
    placed = _by_place(gone, found.chemin)
    if placed is None and (due := of_report(gone.feeds.values(), tree, found.chemin)) is not None:
        placed = Forme.AGREGATS, due[0].jeu, None, due[1]
    if placed is None and found.taille in gone.tailles:
        digest = tree.digest(found.chemin)
        known = gone.par_empreinte.get(digest or "")
        if known is not None and digest not in gone.vivants:
            feed, held, told = known
            placed = Forme.BRUT, feed.jeu, held.id, told
    if placed is None:
        return None
    forme, jeu, livraison, told = placed
    digest = tree.digest(found.chemin)
    if digest is None:
        return None
    return item_of(forme, jeu, livraison, told, lieu, str(tree.root), found.chemin, digest, found.taille)


Placed = tuple[Forme, str, str | None, Term]


def _by_place(gone: Dead, chemin: str) -> Placed | None:
    parts = chemin.split("/")
    for n, name in enumerate(parts[:-1]):
        below = parts[n + 1 :]
        if name == "cles" and len(below) == 1 and below[0].endswith(".cle"):
            jeu = below[0].removesuffix(".cle")
            return (Forme.CLE, jeu, None, gone.cles[jeu]) if jeu in gone.cles else None
        feed = gone.feeds.get(below[0])
        if feed is not None and len(below) > 1 and (name in (*FOLDERS, "raw", REPORTS, "aggregated")):
            return _of_feed(feed, name, below[1:])
    return None


def _of_feed(feed: Feed, folder: str, below: list[str]) -> Placed | None:
    """A file of a copy of one of the feed's folders: due when every delivery that it may be made from is."""
    name = below[-1]
    if folder == "aggregated":
        end = aggregates_end(feed)
        return (Forme.AGREGATS, feed.jeu, None, end) if end is not None else None
    if folder == "raw" and below[0] == RECEIPTS:
        forme, own = Forme.BRUT, [h for h in feed.livraisons if h.id == name.removesuffix(".json")]
    elif folder == "raw":
        forme, own = Forme.BRUT, [h for h in feed.livraisons if h.sha256 == below[0]]
    elif folder == REPORTS:
        forme, own = Forme.REJETS, [h for h in feed.livraisons if h.id == name.rpartition(".")[0]]
    else:
        forme, own = FOLDERS[folder], feed.of(name.lstrip(".").partition(".")[0])
    terms = [told for held in own if (told := feed.due(held, forme)) is not None]
    if not own or len(terms) < len(own):
        return None
    return forme, feed.jeu, own[-1].id, terms[-1]


def result_items(folder: Path, lieu: str, today: Term) -> tuple[list[Item], list[Hindrance]]:
    """Every persisted result: nothing tells of which delivery one is made, and none is needed to run again."""
    tree, items, hindered = Tree(folder), list[Item](), list[Hindrance]()
    try:
        for found in tree.walk():
            if not found.regulier:
                hindered.append(Hindrance("", lieu, LINK))
            elif (digest := tree.digest(found.chemin)) is not None:
                root = str(folder)
                items.append(item_of(Forme.RESULTAT, "", None, today, lieu, root, found.chemin, digest, found.taille))
    except OSError as e:
        hindered.append(Hindrance("", lieu, f"illisible ({e.strerror or type(e).__name__})"))
    return items, list(dict.fromkeys(hindered))


def results_term(items: Sequence[Item]) -> Term | None:
    """Results go with what is destroyed, under the clause of the first of it; none go when nothing does."""
    if not items:
        return None
    return Term(date.fromisoformat(items[0].echeance), Motif(items[0].motif), items[0].clause_version)
