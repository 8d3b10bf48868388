"""What is said of a run outside: ids, states, words of closed lists. No count of rows: hidden figures may touch one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qpv_data.operations.screen import duration
from qpv_data.operations.settings import Moment
from qpv_data.problems import listed

FINE = frozenset({"recue", "inchangee", "detruite"})
_STATES = {"reussie": "réussie", "echec": "en échec", "interrompue": "interrompue"}
_STATUTS = {"perimee": "périmée", "refusee": "refusée", "manquante": "manquante"}


@dataclass(frozen=True)
class Failing:
    """A delivery that is not up to date, or a feed that could not be placed (`etat`: `refuse`)."""

    jeu: str
    periode: str | None
    etat: str
    probleme: str | None


@dataclass(frozen=True)
class Summary:
    """One run. `nouvelle`: whether it made a new release."""

    execution: str
    commande: str
    machine: str
    etat: str
    secondes: float
    probleme: str | None = None
    publication: str | None = None
    nouvelle: bool = False
    en_defaut: tuple[Failing, ...] = ()
    corrections_en_attente: tuple[str, ...] = ()

    def moments(self) -> frozenset[Moment]:
        """What has happened, in the words of `quand`."""
        happened: set[Moment] = {"toujours"}
        if self.etat != "reussie":
            happened.add("echec")
        if self.en_defaut:
            happened.add("defaut")
        if self.nouvelle:
            happened.add("publication")
        return frozenset(happened)

    def title(self) -> str:
        """One line."""
        made = f", publication {self.publication}" if self.publication and self.nouvelle else ""
        missing = f", {len(self.en_defaut)} en défaut" if self.en_defaut else ""
        return f"qpv-data : {self.commande} {_STATES.get(self.etat, self.etat)}{made}{missing}"

    def text(self) -> str:
        """A few lines."""
        why = f" ({self.probleme})" if self.probleme else ""
        lines = [f"{self.title()}{why}", f"{self.machine}, {self.execution}, {duration(self.secondes)}"]
        if self.publication and not self.nouvelle:
            lines.append(f"La publication reste {self.publication}.")
        for f in self.en_defaut[:20]:
            name = f"{f.jeu} {f.periode or ''}".strip()
            lines.append(f"- {name} {_STATUTS.get(f.etat, f.etat)} : {f.probleme or '—'}")
        if len(self.en_defaut) > 20:
            lines.append(f"- et {len(self.en_defaut) - 20} autres")
        if self.corrections_en_attente:
            lines.append(f"Corrections qui attendent : {listed(self.corrections_en_attente, 5)}")
        return "\n".join(lines)

    def told(self) -> dict[str, Any]:
        """As JSON. `text` is what chat services show."""
        return {"text": self.text(), **asdict(self)}


def failing(events: Sequence[dict[str, Any]]) -> tuple[Failing, ...]:
    """From the events of a run: each delivery and feed as it ended, once."""
    ended = {(e["jeu"], e.get("periode"), e["evenement"]): e for e in events if e["evenement"] in ("livraison", "jeu")}
    wrong = [e for e in ended.values() if e["etat"] not in (FINE if e["evenement"] == "livraison" else {"fait"})]
    return tuple(Failing(str(e["jeu"]), e.get("periode"), e["etat"], e.get("probleme")) for e in wrong)
