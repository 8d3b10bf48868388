"""Destroy one file, and say what came of it. Nothing is said to be destroyed that was not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qpv_data.pseudonyms import destroy_key
from qpv_data.retention.deposits import Deposit, remove
from qpv_data.retention.holdings import Feed
from qpv_data.retention.items import DEPOT, EXECUTION, Etat, Item, Outcome
from qpv_data.retention.terms import Forme, Motif
from qpv_data.retention.tree import ContentChangedError, Tree
from qpv_data.retention.withdrawals import is_of_a_release, withdraw

CHANGED = "le contenu a changé depuis que sa destruction est décidée : laissé en place"


@dataclass
class Destroyer:
    """`faits`: what an earlier purge, cut short, had destroyed, and when. `depots`: the open deposits, by address.

    `prevus`: keys of the items of today's plan, the others being those of the purge cut short; `racines`: where this
    purge may destroy, whatever an earlier one announced in a folder that was copied or moved since.
    """

    sortie: Path
    feeds: list[Feed]
    depots: Mapping[str, Deposit]
    travail: Path
    faits: Mapping[tuple[str, str, str], str]
    prevus: frozenset[tuple[str, str, str]]
    racines: frozenset[str]
    clock: Callable[[], str]
    echoues: set[tuple[str, str | None]] = field(default_factory=set)

    def destroy(self, item: Item) -> Outcome:
        """Destroy one file. Never raises for what the file or its place is: that is a failure of the item."""
        if item.racine not in self.racines:
            told = item.cle in self.faits
            return self._absent(item) if told else self._failed(item, "ce lieu n'est plus déclaré à la purge")
        held = self._held_back(item)
        if held is not None:
            return self._failed(item, held)
        try:
            gone = self._remove(item)
        except ContentChangedError:
            # What a purge cut short had announced is not there any more: another file has taken its place.
            return self._failed(item, CHANGED) if item.cle in self.prevus else self._absent(item)
        except OSError as e:
            return self._failed(item, e.strerror or type(e).__name__)
        except Exception as e:  # noqa: BLE001  stores' libraries have no base error in common
            return self._failed(item, type(e).__name__)
        return Outcome(item, Etat.DETRUIT, self.clock()) if gone else self._absent(item)

    def _held_back(self, item: Item) -> str | None:
        """A key, and the receipt of a deposit, go after what they are of, or not at all."""
        if item.forme is Forme.CLE and item.motif == Motif.DERNIERE_LIVRAISON:
            if any(jeu == item.jeu for jeu, _ in self.echoues):
                return "une livraison du jeu n'a pas pu être détruite"
        elif item.lieu == DEPOT and "/" in item.chemin and (item.jeu, item.livraison) in self.echoues:
            return "le fichier dont c'est le reçu n'a pas pu être détruit"
        return None

    def _failed(self, item: Item, raison: str) -> Outcome:
        self.echoues.add((item.jeu, item.livraison))
        return Outcome(item, Etat.ECHEC, None, raison)

    def _absent(self, item: Item) -> Outcome:
        when = self.faits.get(item.cle)
        return Outcome(item, Etat.DEJA_ABSENT if when is None else Etat.DETRUIT, when)

    def _remove(self, item: Item) -> bool:
        if item.lieu == DEPOT:
            deposit = self.depots.get(item.racine)
            if deposit is None:
                raise OSError("le dépôt n'est plus déclaré, ou ne s'ouvre pas")
            done = remove(deposit.store, item, self.travail)
            if done is None:
                raise ContentChangedError
            return done
        tree = Tree(Path(item.racine))
        if is_of_a_release(item):
            return withdraw(self.sortie, item, self.feeds)
        if item.lieu == EXECUTION and item.chemin == f"cles/{item.jeu}.cle":
            digest = tree.digest(item.chemin)
            if digest not in (None, item.sha256):
                raise ContentChangedError
            return digest is not None and destroy_key(self.sortie / "cles", item.jeu)
        return tree.remove(item.chemin, item.sha256)


def in_order(items: Sequence[Item]) -> list[Item]:
    """Each file once; keys last, since they wait for the rest."""
    once = {item.cle: item for item in items}
    return sorted(once.values(), key=lambda i: i.forme is Forme.CLE)
