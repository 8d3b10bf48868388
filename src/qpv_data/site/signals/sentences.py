"""Signals in sentences: what is seen, how sure, what it does not prove.

Titles and names are quoted and follow a common noun (« le quartier … », « la valeur de … »), so that no article is
contracted, nothing is elided and every participle agrees with a word of ours.
"""

from __future__ import annotations

from qpv_data.site.signals import words
from qpv_data.site.signals.model import Kind

STRENGTHS = ((0.001, "très net"), (0.01, "net"), (1.0, "à vérifier"))
"""q-value up to which a signal is so called."""
_LIMITS = {
    Kind.LEVEL: (
        "Cet écart ne dit pas d'où il vient, ni s'il est souhaitable, et ne dit rien de chaque habitant. "
        "Il porte sur une seule période et sur les seules valeurs publiées."
    ),
    Kind.CHANGE: (
        "Cette évolution ne dit pas d'où elle vient, ni si elle durera, et ne dit rien de chaque habitant. "
        "Elle porte sur deux périodes et sur les seules valeurs publiées."
    ),
    Kind.OWN: (
        "Ce changement de rythme ne dit pas d'où il vient, ni s'il durera, et ne dit rien de chaque habitant. "
        "Il peut aussi refléter une modification de la collecte : à vérifier auprès du producteur."
    ),
}


def strength(q: float) -> str:
    """A q-value in words."""
    return next(word for limit, word in STRENGTHS if q <= limit)


def limits(kind: Kind, reserve: str | None) -> str:
    """What a signal does not prove, with the caution of its indicator."""
    return _LIMITS[kind] + (f" Réserve de l'indicateur : {words.quoted(reserve)}." if reserve else "")


def sure(q: float) -> str:
    """How sure, with the q-value in per cent."""
    figure = f"moins de 0,1{words.SPACE}%" if q < 0.001 else words.with_unit(words.number(100 * q, 1), "%")
    return f"Signal {strength(q)} (taux de fausses alertes ajusté : {figure})."


def place(code: str, name: str | None) -> str:
    """« le quartier QN… « nom » »."""
    return f"le quartier {code} {words.quoted(name)}" if name else f"le quartier {code}"


def level(
    where: str, title: str, unit: str, decimals: int, period: str, value: float, reference: float, count: int
) -> str:
    """What is seen of a level. `count`: how many others it is compared with."""
    side = "au-dessus" if value > reference else "au-dessous"
    told = words.with_unit(words.number(value, decimals), unit)
    middle = words.with_unit(words.number(reference, decimals), unit)
    return (
        f"{words.during(period).capitalize()}, dans {where}, la valeur de {words.quoted(title)} est de {told}, "
        f"{side} de la médiane des {words.number(count, 0)} autres quartiers comparés ({middle})."
    )


def change(
    where: str, title: str, unit: str, decimals: int, periods: tuple[str, str], before: float, after: float,
    others: float, count: int, *, own: bool,
) -> str:  # fmt: skip
    """What is seen of a change, beside those of the others, or (`own`) beside `count` past changes of the quarter."""
    first, last = (words.with_unit(words.number(v, decimals), unit) for v in (before, after))
    seen = (
        f"{words.between(*periods).capitalize()}, dans {where}, la valeur de {words.quoted(title)} est passée "
        f"de {first} à {last} ({_gap(after - before, unit, decimals)})"
    )
    median = f"évolution médiane des autres quartiers comparés : {_gap(others, unit, decimals)}"
    if own:
        return f"{seen}, à la différence de ses {count} évolutions précédentes ({median})."
    return f"{seen}, à la différence des {words.number(count, 0)} autres quartiers comparés ({median})."


def _gap(size: float, unit: str, decimals: int) -> str:
    figure = words.signed(size, decimals)
    return words.points(figure, size) if unit == "%" else words.with_unit(figure, unit)
