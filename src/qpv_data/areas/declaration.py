"""What may be shared between zones, and what may not: sums, and ratios of sums; never a median, a decile or a mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qpv_data.problems import InvalidDeclarationError, Problem, Violation

_NOT_SUMS = {
    "une médiane ou un quantile": re.compile(
        r"med|median[es]?\w*|q(uan|uar|uin|en)tiles?|(de|cen|percen)tiles?|d[1-9]|q[1-4]|p(10|25|50|75|90)"
        r"|d9d1|rd|gini|interdecile|interquartile"
    ),
    "une moyenne": re.compile(r"moy(en|enne|ennes)?|mean|average|avg"),
    "un taux ou une part": re.compile(
        r"taux\w*|tx\w*|parts?|pct|percent\w*|pourcent\w*|prop(ortion)?s?|ratio|share|rate|indice"
    ),
}
_SUMS_OF_INSEE = frozenset({"men_prop"})
"""Counts of households that own their home: `prop` is not a proportion there."""


@dataclass(frozen=True)
class Ratio:
    """A quotient of two sums, each shared apart: `nom` = `numerateur` / `denominateur`."""

    nom: str
    numerateur: str
    denominateur: str


@dataclass(frozen=True)
class Demande:
    """What to share: columns that add up, ratios of such columns, and the 0/1 column that says what is imputed."""

    extensifs: tuple[str, ...]
    ratios: tuple[Ratio, ...]
    impute: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of values to read, once, in the order of first mention."""
        named = [*self.extensifs, *(c for r in self.ratios for c in (r.numerateur, r.denominateur))]
        return tuple(dict.fromkeys(named))


def demande(
    extensifs: Sequence[str], ratios: Sequence[str] = (), impute: str | None = None, sommables: Sequence[str] = ()
) -> Demande:
    """Check and gather what is asked; `ratios` are written `NOM=NUMERATEUR/DENOMINATEUR`.

    A column whose name says median, decile, mean or rate is refused, unless it is in `sommables`: whoever asks then
    states that it adds up. Raises InvalidDeclarationError with every fault.
    """
    faults: list[Violation] = []
    parsed: list[Ratio] = []
    for rank, text in enumerate(ratios, start=1):
        written = re.fullmatch(r"([^=/]+)=([^=/]+)/([^=/]+)", text)
        if written is None:
            message = f"ratio illisible : {text!r}"
            faults.append(
                _fault("--ratio", rank, Problem.VALEUR_INVALIDE, message, "écrire NOM=NUMERATEUR/DENOMINATEUR")
            )
        else:
            parsed.append(Ratio(*(part.strip() for part in written.groups())))
    for rank, column in enumerate(extensifs, start=1):
        faults += _refused("--extensif", rank, column, sommables)
    for rank, ratio in enumerate(parsed, start=1):
        for column in (ratio.numerateur, ratio.denominateur):
            faults += _refused("--ratio", rank, column, sommables)
    faults += _repeated(_written(extensifs, parsed))
    if not extensifs and not ratios:
        faults.append(
            _fault("--extensif", 1, Problem.CLE_MANQUANTE, "rien à ventiler", "nommer une colonne ou un ratio")
        )
    if faults:
        raise InvalidDeclarationError(faults)
    return Demande(tuple(extensifs), tuple(parsed), impute)


def not_a_sum(column: str) -> str | None:
    """What the name of a column says that it is, when that cannot be added up; None otherwise."""
    if column.lower() in _SUMS_OF_INSEE:
        return None
    plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", plain).lower())
    for what, pattern in _NOT_SUMS.items():
        if any(pattern.fullmatch(word) for word in words):
            return what
    return None


def _refused(option: str, rank: int, column: str, sommables: Sequence[str]) -> Iterator[Violation]:
    what = None if column in sommables else not_a_sum(column)
    if what is not None:
        message = f"{column!r} est, d'après son nom, {what} : cela ne se partage pas entre des zones"
        remedy = "donner un numérateur et un dénominateur (--ratio) ; si la colonne s'additionne, --sommable"
        yield _fault(option, rank, Problem.VALEUR_INVALIDE, message, f"{remedy} {column}")


def _written(extensifs: Sequence[str], ratios: Sequence[Ratio]) -> list[str]:
    """Every column that the answer will have."""
    written = ["code", "nb_sources", "nb_sources_partagees", "nb_sources_sans_point"]
    for name in [*extensifs, *(r.nom for r in ratios)]:
        written += [name, *(f"{name}_{s}" for s in ("nb_sources", "part_imputee", "part_moins_de_moitie"))]
    return written + [f"{r.nom}_{s}" for r in ratios for s in ("numerateur", "denominateur")]


def _repeated(names: Sequence[str]) -> Iterator[Violation]:
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield _fault(
            "--extensif", 1, Problem.DOUBLON, f"{name!r} demandé plusieurs fois", "nommer chaque résultat une fois"
        )


def _fault(option: str, rank: int, problem: Problem, message: str, remedy: str) -> Violation:
    return Violation(option, rank, problem, message, remedy)
