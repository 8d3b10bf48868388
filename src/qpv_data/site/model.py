"""What the pages are about: zones, indicators, values, as one audience's release has them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from qpv_data.site.french import number, singular, under_two, unit_words, with_unit

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
HIDDEN = frozenset({"secret", "masque_producteur", "embargo"})
"""States of a value that exists and is not told."""
CARRIED = "portee"
"""State of a value that is estimated from the quarters of the generation before."""
STATES = {
    "normale": "",
    "provisoire": "provisoire",
    "estimee": "estimée",
    CARRIED: "estimée d'un autre périmètre",
    "imputee": "imputée",
    "rupture": "rupture de série",
    "secret": "protégée",
    "masque_producteur": "masquée par son producteur",
    "embargo": "sous embargo",
    "non_livree": "non livrée",
    "non_significative": "non significative",
    "sans_objet": "sans objet",
    "absente": "sans valeur",
}
"""State of a value → its words; none for what needs none."""
EXPLAINED = {
    "secret": "Trop peu d'unités pour être dite, ou elle permettrait d'en retrouver une qui l'est : cachée pour que "
    "personne ne soit reconnu.",
    "masque_producteur": "Le producteur des données l'a masquée avant de les transmettre.",
    "embargo": "Elle sera publiée à la date que la clause prévoit.",
    "non_livree": "Les données n'ont pas été livrées pour cette période.",
    "non_significative": "Calculée sur trop peu d'observations pour vouloir dire quelque chose.",
    "sans_objet": "Cet indicateur n'existe pas pour ce lieu.",
    "estimee": "Estimée et non observée.",
    CARRIED: "Estimée d'après les quartiers de la génération précédente, dont le périmètre était autre.",
    "imputee": "Reconstituée à partir d'autres valeurs.",
    "provisoire": "Elle peut encore être corrigée.",
    "rupture": "Elle ne se compare pas à la précédente : ce qui est mesuré a changé.",
    "absente": "Aucune valeur n'a été publiée.",
}
"""State of a value → why, in plain words."""


@dataclass(frozen=True)
class Zone:
    """One zone; `population` and `superficie_m2` are None when the release does not tell them."""

    zonage: str
    famille: str
    code: str
    nom: str
    population: int | None = None
    superficie_m2: float | None = None
    territoire: str | None = None
    parmi: str = ""
    """What tells it from the quarters of the site that have its name: its communes, or its code."""

    @property
    def fichier(self) -> str:
        return slug(self.code)

    @property
    def appel(self) -> str:
        """Its name where others stand beside it: « Centre Ville (Lunel) »."""
        return f"{self.nom} ({self.parmi})" if self.parmi else self.nom


@dataclass(frozen=True)
class Indicator:
    """One indicator, with what its clause says of its feed."""

    id: str
    titre: str
    definition: str
    theme: str
    unite: str
    nature: str
    nature_temporelle: str
    decimales: int
    frequence: str
    reserve: str | None
    jeu: str
    producteur: str
    licence: str
    url: str | None
    denominateur: str | None
    additif: bool
    perime: bool = False
    recue_le: date | None = None

    @property
    def fichier(self) -> str:
        return slug(self.id)

    @property
    def comparable(self) -> bool:
        """Whether the size of a zone is out of it, so that zones compare."""
        return self.nature in ("moyenne", "part", "taux")

    @property
    def unite_ecrite(self) -> str:
        return unit_words(self.unite)

    def unit_for(self, value: float) -> str:
        """The unit as it agrees with a value that is written apart from it."""
        return unit_words(singular(self.unite)) if under_two(self.write(value, unit=False)) else self.unite_ecrite

    def write(self, value: float | None, unit: bool = True) -> str:
        text = number(value, self.decimales)
        return with_unit(text, self.unite) if unit and value is not None else text

    def bounds(self, value: Value) -> str:
        """What is sure of an estimate, one side or both; nothing when both are the figure, or when it is not told."""
        low, high = value.basse, value.haute
        if value.valeur is None or (low is None and high is None) or low == high:
            return ""
        if low is not None and high is not None:
            return f"entre {self.write(low, unit=False)} et {self.write(high, unit=False)}"
        if high is not None:
            return f"au plus {self.write(high, unit=False)}"
        return f"au moins {self.write(low, unit=False)}" if low else ""  # of nothing or more, all is possible


@dataclass(frozen=True)
class Value:
    """One value of a series. `etat`: a key of STATES; `valeur` is None when it is hidden or there is none."""

    periode: str
    debut: date
    valeur: float | None
    etat: str
    rupture: bool = False
    basse: float | None = None
    haute: float | None = None

    @property
    def cachee(self) -> bool:
        return self.etat in HIDDEN

    @property
    def mots(self) -> str:
        return STATES.get(self.etat, self.etat.replace("_", " "))


@dataclass(frozen=True)
class Series:
    """The total of an indicator in a zone, period after period, and the last period by modality."""

    indicateur: Indicator
    valeurs: tuple[Value, ...]
    modalites: tuple[tuple[str, Value], ...] = ()
    ruptures: Mapping[str, str] = field(default_factory=dict)
    """Period at which the series breaks → why."""

    def at(self, code: str) -> Value | None:
        return next((v for v in self.valeurs if v.periode == code), None)

    @property
    def meaningful(self) -> bool:
        """Whether the indicator exists for this place at all."""
        return any(v.etat != "sans_objet" for v in self.valeurs)


def slug(code: str) -> str:
    """A code as a file's name: itself when it is plain, else a digest of it."""
    return code if _SAFE.fullmatch(code) else "x" + hashlib.sha256(code.encode()).hexdigest()[:20]
