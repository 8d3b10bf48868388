"""Files that partners put in deposits, once the delivery that they became is due: they are the file as received.

A file is known by the receipt that was given for it: its name, its size and its mark. The receipt goes with it, since
it holds the name that the partner chose; what was never picked up was never received, and is left.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from qpv_data.clause.source import SourceDepot
from qpv_data.problems import FeedError
from qpv_data.retention.holdings import Feed
from qpv_data.retention.items import DEPOT, Item, item_of
from qpv_data.retention.terms import Forme, Term, term
from qpv_data.sources.deposit.opening import open_deposit
from qpv_data.sources.deposit.pickup import file_key
from qpv_data.sources.deposit.store import RECEIPTS, FolderStore, Store, TooBigError

_RECEIPT_MAX = 100_000
_WITNESSES = (".ok", ".sha256")


@dataclass(frozen=True)
class Deposit:
    """A deposit of a feed, opened."""

    store: Store
    source: SourceDepot


def deposits_of(feed: Feed) -> list[Deposit]:
    """The deposits that the versions of a clause declare, each once. One that cannot be opened is a hindrance."""
    opened = dict[str, Deposit]()
    for clause in feed.versions:
        source = clause.source
        if not isinstance(source, SourceDepot) or source.url in opened:
            continue
        if term((clause,), clause.version, Forme.DEPOT, date.min) is None:
            continue
        try:
            store, _ = open_deposit(source, feed.jeu, lambda: datetime.now(UTC))
            store.entries()
        except FeedError as e:
            feed.hinder(f"dépôt : {e.message}", DEPOT)
        except Exception as e:  # noqa: BLE001  stores' libraries have no base error in common
            feed.hinder(f"dépôt illisible ({type(e).__name__})", DEPOT)
        else:
            opened[source.url] = Deposit(store, source)
    return list(opened.values())


def deposit_items(feed: Feed, deposit: Deposit, folder: Path) -> list[Item]:
    """What is due in one deposit: the file, its witness, its receipt. `folder`: where files are read, private."""
    store, items = deposit.store, list[Item]()
    if isinstance(store, FolderStore) and (store.root / RECEIPTS).is_symlink():
        feed.hinder(f"`{RECEIPTS}/` est un lien symbolique : laissé en place, à détruire à la main", DEPOT)
        return items
    try:
        entries = {file_key(e): e for e in store.entries()}
        names = {e.nom: e for e in entries.values()}
        for receipt in [n for n in store.names() if n.endswith(".json") and not n.startswith(".")]:
            told = _told(store, receipt)
            due = _due(feed, told)
            if due is None:
                continue
            livraison, when = due
            entry = entries.get(receipt.removesuffix(".json"))
            files = [] if entry is None else [entry.nom, *(entry.nom + w for w in _WITNESSES if entry.nom + w in names)]
            for chemin in (*files, f"{RECEIPTS}/{receipt}"):
                digest, size = _digest(store, chemin, folder)
                root = deposit.source.url
                items.append(item_of(Forme.DEPOT, feed.jeu, livraison, when, DEPOT, root, chemin, digest, size))
    except Exception as e:  # noqa: BLE001  as above
        feed.hinder(f"dépôt illisible ({type(e).__name__})", DEPOT)
    return items


def _told(store: Store, receipt: str) -> dict[str, Any]:
    try:
        told = json.loads(store.read(f"{RECEIPTS}/{receipt}", _RECEIPT_MAX) or b"null")
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {}


def _due(feed: Feed, told: dict[str, Any]) -> tuple[str | None, Term] | None:
    """(the delivery that the file became, its term) when it is due. One that was refused counts from its receipt."""
    if told.get("jeu") != feed.jeu:
        return None
    held = next((h for h in feed.livraisons if h.id == told.get("livraison")), None)
    if held is not None:
        when = feed.due(held, Forme.DEPOT)
        return None if when is None else (held.id, when)
    try:
        day = datetime.fromisoformat(str(told.get("recu_le"))).astimezone(UTC).date()
    except ValueError:
        return None
    when = term(feed.versions, None, Forme.DEPOT, day)
    return (None, when) if when is not None and when.due(feed.today) else None


def _digest(store: Store, chemin: str, folder: Path) -> tuple[str, int]:
    """(SHA-256, size) of a file of the deposit. Raises OSError."""
    copy = folder / "depot"
    try:
        store.fetch(chemin, copy, 1 << 40)
        with copy.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), copy.stat().st_size
    except TooBigError:
        raise OSError("trop grand") from None
    finally:
        copy.unlink(missing_ok=True)


def remove(store: Store, item: Item, folder: Path) -> bool | None:
    """Remove a file of a deposit: True; False when it is absent; None when it is not the same any more."""
    try:
        digest, _ = _digest(store, item.chemin, folder)
    except FileNotFoundError:
        return False
    if digest != item.sha256:
        return None
    store.remove(item.chemin)
    return True
