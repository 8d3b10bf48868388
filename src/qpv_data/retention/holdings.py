"""What the run's folder holds of a feed, and which of its files are due."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from qpv_data.clause.model import Clause
from qpv_data.conforming_output import REFUSED
from qpv_data.retention.items import EXECUTION, Hindrance, Item, item_of
from qpv_data.retention.terms import Forme, Motif, Term, bound_version, term
from qpv_data.retention.tombstones import Held, known
from qpv_data.retention.tree import Found, Tree

FOLDERS = {"conformed": Forme.CONFORME, "located": Forme.LOCALISE, "rejets": Forme.REJETS}
REPORTS, RECEIPTS = "rapports", "livraisons"
LINK = "lien symbolique ou fichier spécial : laissé en place, à détruire à la main"


@dataclass
class Feed:
    """A feed of the run's folder, on one day. `versions`: those of its clause, the day's first."""

    sortie: Path
    jeu: str
    versions: tuple[Clause, ...]
    today: date
    empeches: list[Hindrance] = field(default_factory=list)
    retenues: set[str] = field(default_factory=set)
    illisibles: set[str] = field(default_factory=set)

    @cached_property
    def _known(self) -> tuple[tuple[Held, ...], tuple[str, ...]]:
        return known(self.sortie / "raw", self.jeu)

    @property
    def livraisons(self) -> tuple[Held, ...]:
        """Its deliveries, destroyed ones included."""
        return self._known[0]

    @cached_property
    def tree(self) -> Tree:
        """The run's folder."""
        return Tree(self.sortie)

    def of(self, nom: str) -> list[Held]:
        """Its deliveries of one period."""
        return [h for h in self.livraisons if h.nom == nom]

    def term(self, held: Held | None, forme: Forme, modified: float = 0.0) -> Term | None:
        """When a form of a delivery is due; of a file whose delivery is unknown, from the day it was written."""
        day = held.jour if held is not None else datetime.fromtimestamp(modified, UTC).date()
        return term(self.versions, held.clause_version if held is not None else None, forme, day)

    def due(self, held: Held, forme: Forme) -> Term | None:
        """The term of a form whose day has come; else None."""
        told = self.term(held, forme)
        return told if told is not None and told.due(self.today) else None

    def hinder(self, raison: str, lieu: str = EXECUTION) -> None:
        """Something cannot be destroyed."""
        self.empeches.append(Hindrance(self.jeu, lieu, raison))

    def files(self, folder: str) -> list[Found]:
        """The regular files of one of its folders; a link is a hindrance."""
        try:
            found = list(self.tree.walk(f"{folder}/{self.jeu}"))
        except OSError as e:
            self.hinder(f"{folder}/ : {LINK if isinstance(e, NotADirectoryError) else e.strerror or type(e).__name__}")
            self.illisibles.add(folder)
            return []
        for link in (f for f in found if not f.regulier):
            self.hinder(f"{link.chemin.split('/')[0]}/ : {LINK}")
        return [f for f in found if f.regulier]

    def item(self, forme: Forme, held: Held | None, told: Term, found: Found) -> Iterator[Item]:
        """The item of a file that is due, its digest taken; none when it cannot be read."""
        try:
            digest = self.tree.digest(found.chemin)
        except OSError as e:
            self.hinder(f"{forme.value} : illisible ({e.strerror or type(e).__name__})")
            return
        if digest is not None:
            ident, root = (held.id if held else None), str(self.sortie)
            yield item_of(forme, self.jeu, ident, told, EXECUTION, root, found.chemin, digest, found.taille)


def due_files(feed: Feed) -> list[Item]:
    """Every file of the run's folder that is due for this feed. What hinders is in `feed.empeches`."""
    for name in feed._known[1]:
        feed.hinder(f"reçu illisible : {name if name.startswith(feed.jeu) else 'nom inattendu'}")
    items = [*_raw(feed)]
    for folder, forme in FOLDERS.items():
        items += _derived(feed, folder, forme)
    items += _reports(feed)
    items += _aggregates(feed)
    return [*items, *_key(feed, items)]


def unfinished(feed: Feed, found: Found) -> Iterator[Item]:
    """A file that a killed run left: nobody will read it, and it may hold records."""
    bound = bound_version(feed.versions, None)
    if feed.term(None, Forme.BRUT) is not None:
        told = Term(feed.today, Motif.INACHEVE, bound.version)
        yield from feed.item(Forme.RESTE, None, told, found)


def _raw(feed: Feed) -> Iterator[Item]:
    """A raw file that several deliveries share is due when the last of them is. Not seen is not absent."""
    by_digest: dict[str, list[Found]] = {}
    for found in feed.files("raw"):
        parts = found.chemin.split("/")
        scratch = len(parts) > 4 or parts[-1].startswith(".")
        if scratch:
            yield from unfinished(feed, found)
        elif parts[2] != RECEIPTS:
            by_digest.setdefault(parts[2], []).append(found)
    for digest in sorted(by_digest.keys() | {h.sha256 for h in feed.livraisons if h.detruite_le is None}):
        sharing = [h for h in feed.livraisons if h.sha256 == digest]
        terms = [(t, h) for h in sharing if (t := feed.due(h, Forme.BRUT)) is not None]
        if sharing and len(terms) < len(sharing):
            feed.retenues.update(h.id for _, h in terms if h.detruite_le is None)
            continue
        held = max(terms, key=lambda pair: pair[0].echeance)[1] if terms else None
        files = by_digest.get(digest, [])
        for found in files:
            told = feed.term(held, Forme.BRUT, found.modifie)
            if told is not None and told.due(feed.today):
                yield from feed.item(Forme.BRUT, held, told, found)
        if held is not None and not files and "raw" not in feed.illisibles:
            yield _absent(feed, held, terms[0][0])


def _absent(feed: Feed, held: Held, told: Term) -> Item:
    """A raw file that is due and is not there: the proof says that it was absent already."""
    where = f"raw/{feed.jeu}/{held.sha256}/absent"
    root = str(feed.sortie)
    return item_of(Forme.BRUT, feed.jeu, held.id, told, EXECUTION, root, where, held.sha256, held.taille)


def _derived(feed: Feed, folder: str, forme: Forme) -> Iterator[Item]:
    for found in feed.files(folder):
        name = found.chemin.rpartition("/")[2]
        if name.startswith("."):
            yield from unfinished(feed, found)
            continue
        held = in_use(feed, name.partition(".")[0], refused=f"{REFUSED}." in name)
        told = feed.term(held, forme, found.modifie)
        if forme is Forme.CONFORME and name.endswith(".json") and not name.endswith(".adresses.json"):
            other = feed.term(held, Forme.LOCALISE, found.modifie)  # the note says which delivery was located
            told = max((t for t in (told, other) if t is not None), key=lambda t: t.echeance, default=None)
        if told is not None and told.due(feed.today):
            yield from feed.item(forme, held, told, found)


def in_use(feed: Feed, nom: str, refused: bool = False) -> Held | None:
    """The delivery that the derived files of a period were made from; the last one when nothing says which."""
    of_period = feed.of(nom)
    note = feed.sortie / "conformed" / feed.jeu / f"{nom}.json"
    if not refused and note.is_file() and not note.is_symlink():
        try:
            used = json.loads(note.read_text("utf-8"))["livraison"]
        except (OSError, ValueError, KeyError, TypeError):
            used = None
        if named := [h for h in of_period if h.id == used]:
            return named[0]
    return of_period[-1] if of_period else None


def _reports(feed: Feed) -> Iterator[Item]:
    """The partner's report shows rejected values: it goes with the rejected rows."""
    by_id = {h.id: h for h in feed.livraisons}
    for found in feed.files(REPORTS):
        name = found.chemin.rpartition("/")[2]
        if name.startswith("."):
            yield from unfinished(feed, found)
            continue
        held = by_id.get(name.rpartition(".")[0])
        told = feed.term(held, Forme.REJETS, found.modifie)
        if told is not None and told.due(feed.today):
            yield from feed.item(Forme.REJETS, held, told, found)


def aggregates_end(feed: Feed) -> Term | None:
    """The term of the feed's indicators, when it has come and the clause destroys them."""
    told = feed.term(None, Forme.AGREGATS)
    return told if told is not None and told.due(feed.today) else None


def _aggregates(feed: Feed) -> Iterator[Item]:
    told = aggregates_end(feed)
    for found in feed.files("aggregated"):
        if found.chemin.rpartition("/")[2].startswith("."):
            yield from unfinished(feed, found)
        elif told is not None:
            yield from feed.item(Forme.AGREGATS, None, told, found)


def key_term(feed: Feed, items: Sequence[Item]) -> Term | None:
    """The term of the feed's key of pseudonyms, once it has come: the clause's end, or that of its last delivery."""
    told = feed.term(None, Forme.CLE)
    return told if told is not None and told.due(feed.today) else _last_delivery(feed, items)


def _key(feed: Feed, items: Sequence[Item]) -> Iterator[Item]:
    """The file of the key, and what a run that was killed while drawing it left."""
    told, name = key_term(feed, items), f"{feed.jeu}.cle"
    if told is None:
        return
    try:
        found = [f for f in feed.tree.walk("cles") if _named(f.chemin.rpartition("/")[2], name)]
    except OSError:
        feed.hinder(f"cles/ : {LINK}")
        return
    for file in found:
        if file.regulier:
            yield from feed.item(Forme.CLE, None, told, file)
        else:
            feed.hinder(f"cles/ : {LINK}")


def _named(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(f".{wanted}.")


def _last_delivery(feed: Feed, items: Sequence[Item]) -> Term | None:
    """The term of a key whose last delivery goes, or is gone; None when records are left, or there never were any."""
    planned = {i.chemin for i in items}
    holding = [f.chemin for folder in ("raw", "conformed", "located") for f in feed.files(folder)]
    left = [chemin for chemin in holding if _of_records(chemin) and chemin not in planned]
    if left or feed.illisibles or not feed.livraisons or feed.term(None, Forme.BRUT) is None:
        return None
    last = feed.livraisons[-1]
    bound = bound_version(feed.versions, last.clause_version)
    return Term(feed.today, Motif.DERNIERE_LIVRAISON, bound.version)


def _of_records(chemin: str) -> bool:
    """Whether a file holds records: neither a receipt nor a note."""
    parts = chemin.split("/")
    return parts[2] != RECEIPTS if parts[0] == "raw" else chemin.endswith(".parquet")
