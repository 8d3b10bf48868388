"""Figures, periods and dates as French readers write them.

Thousands are parted by a narrow no-break space (U+202F), which also stands before a unit, decimals follow a comma, and
a negative number has a real minus sign (U+2212).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from markupsafe import Markup, escape

from qpv_data.periods import Frequence, parse_period

FINE = "\u202f"
MINUS = "\u2212"
MOIS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


def number(x: float | int | None, decimals: int = 0) -> str:
    """12345.678, 1 → « 12 345,7 »; None → « – ». Halves go away from zero, as readers round by hand."""
    if x is None:
        return "–"
    rounded = _rounded(x, decimals)
    text = f"{abs(rounded):,f}".replace(",", FINE).replace(".", ",")
    return f"{MINUS}{text}" if rounded < 0 else text


def rounded(x: float, decimals: int) -> float:
    """The number that `number` writes."""
    return float(_rounded(x, decimals))


def _rounded(x: float | int, decimals: int) -> Decimal:
    # numpy's numbers have a repr of their own
    exact = Decimal(x) if isinstance(x, int) else Decimal(repr(float(x)))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def signed(x: float | None, decimals: int = 0) -> str:
    """As `number`, with a plus sign before what is above zero."""
    text = number(x, decimals)
    return f"+{text}" if x is not None and any(c in "123456789" for c in text) and x > 0 else text


def with_unit(text: str, unit: str | None) -> str:
    """A figure and its unit, in the singular under 2: a short one is never parted from it at the end of a line, a
    longer one may be."""
    if not unit:
        return text
    words = unit_words(singular(unit) if under_two(text) else unit)
    return f"{text}{FINE}{words}" if len(words) <= 3 else f"{text} {words}"


def unit_words(unit: str) -> str:
    """A unit as readers know it: « €/m² » for « EUR/m² »."""
    return thin(re.sub(r"\bEUR\b", "€", unit))


_UNDER_TWO = re.compile(r"[+\u2212]?[01](,\d+)?")
_LINKS = re.compile(r"(?:^| )(?=(?:de|des|du|par|pour|en|à|au|aux|sur|sans|avec)\b)| (?=d['’])|/")
"""Where the words that agree with a figure end."""
_SAME = frozenset({
    "mois", "fois", "pays", "corps", "cas", "temps", "repas", "bus", "campus", "avis", "devis", "permis", "colis",
    "cours", "secours", "recours", "concours", "dos", "bois",
})  # fmt: skip
"""Words in -s that have no other singular."""
_OWN = dict.fromkeys(("travaux", "baux", "vitraux", "soupiraux", "émaux"), ("ux", "il")) | dict.fromkeys(
    (
        "lieux", "milieux", "feux", "jeux", "enjeux", "vœux", "aveux", "cheveux", "tuyaux", "noyaux", "joyaux",
        "préaux", "genoux", "cailloux",
    ), ("x", ""),
)  # fmt: skip
"""Words in -x that do not follow the rule: the end that goes, and what comes in its place."""


def under_two(figure: str) -> bool:
    """Whether a written figure takes the singular."""
    return _UNDER_TWO.fullmatch(figure) is not None


def singular(unit: str) -> str:
    """« points d'arrêt » → « point d'arrêt », « locaux » → « local »: the words up to the first that links them."""
    end = found.start() if (found := _LINKS.search(unit)) else len(unit)
    return " ".join(_one(word) for word in unit[:end].split(" ")) + unit[end:]


def _one(word: str) -> str:
    if word.lower() in _OWN:
        return word[: -len(_OWN[word.lower()][0])] + _OWN[word.lower()][1]
    if word.endswith("aux") and len(word) > 4 and not word.endswith("eaux"):
        return word[:-3] + "al"
    if word.endswith("eaux"):
        return word[:-1]
    kept = len(word) < 3 or word.lower() in _SAME or word.endswith(("ès", "ss")) or word.isupper()
    return word[:-1] if word.endswith("s") and not kept else word


_PARTED = re.compile(r"(?<!\d)(\d{1,3})[ \u00a0](?=\d{3}(?!\d))")


def thin(text: str) -> str:
    """A text with a narrow no-break space inside its numbers: « pour 1 000 habitants »; two years stay two."""
    return _PARTED.sub(rf"\1{FINE}", text)


def held(text: str) -> str:
    """A sentence whose signs stay with their words: a no-break space before « : » and inside « », a narrow one before
    ; ? ! %."""
    return re.sub(r" (?=[;?!%](?!\w))", FINE, re.sub(r" (?=[:»](?!\w))|(?<=«) ", "\u00a0", text))


def period(code: str) -> str:
    """« 2024-T2 » → « 2ᵉ trimestre 2024 », « 2024-07 » → « juillet 2024 », « 2024-S1 » → « 1ᵉʳ semestre 2024 »."""
    p = parse_period(code)
    if p.frequence is Frequence.A:
        return str(p.annee)
    if p.frequence is Frequence.M:
        return f"{MOIS[p.rang - 1]} {p.annee}"
    word = "trimestre" if p.frequence is Frequence.T else "semestre"
    return f"{_ordinal(p.rang)} {word} {p.annee}"


def until(code: str) -> str:
    """« jusqu'au 2ᵉ trimestre 2024 », « jusqu'en juillet 2024 », « jusqu'en 2024 »."""
    return f"jusqu'{'au' if has_rank(code) else 'en'} {period(code)}"


def with_article(code: str) -> str:
    """« le 2ᵉ trimestre 2024 », « juillet 2024 », « 2024 »."""
    return f"{'le ' if has_rank(code) else ''}{period(code)}"


def of_period(code: str) -> str:
    """« du 2ᵉ trimestre 2024 », « de juillet 2024 », « d'août 2024 », « de 2024 »."""
    words = period(code)
    return f"du {words}" if has_rank(code) else f"d'{words}" if words[0] in "ao" else f"de {words}"


def has_rank(code: str) -> bool:
    """Whether a period is told with its article, « le 2ᵉ trimestre 2024 », and not as « 2024 » or « mars 2024 »."""
    return parse_period(code).frequence in (Frequence.T, Frequence.S)


def short_period(code: str) -> str:
    """What has room under a chart: « T2 2024 », « 07/2024 », « 2024 »."""
    p = parse_period(code)
    if p.frequence is Frequence.A:
        return str(p.annee)
    return f"{p.rang:02d}/{p.annee}" if p.frequence is Frequence.M else f"{p.frequence.value}{p.rang} {p.annee}"


def day(d: date | None) -> str:
    """« 1ᵉʳ mars 2025 »; None → « – »."""
    if d is None:
        return "–"
    return f"{'1ᵉʳ' if d.day == 1 else d.day} {MOIS[d.month - 1]} {d.year}"


def area(square_metres: float | None) -> str:
    """In hectares under 10 km², in square kilometres above."""
    if square_metres is None:
        return "–"
    hectares = square_metres / 10_000
    if hectares >= 1000:
        return f"{number(square_metres / 1e6, 1)}{FINE}km²"
    return f"{number(hectares, 0 if hectares >= 100 else 1)}{FINE}ha"


def size(count: int) -> str:
    """Of a file, in thousands or millions of bytes."""
    return f"{number(count / 1e6, 1)}{FINE}Mo" if count >= 1e6 else f"{number(max(count / 1e3, 1))}{FINE}ko"


def points(x: float, decimals: int) -> str:
    """A gap between two percentages: « +1,5 point », « −2,0 points »."""
    return with_unit(signed(x, decimals), "points")


def plural(count: int, one: str, many: str | None = None) -> str:
    """« 0 quartier », « 1 quartier », « 2 quartiers »: plural from two on, as French has it."""
    return f"{number(count)} {one if count < 2 else many or one + 's'}"


def sort_key(words: str) -> str:
    """The order of a dictionary: « Économie » is between « Demande » and « Emploi »."""
    return bare(words) + "\0" + words


def bare(words: str) -> str:
    """Without accents, ligatures nor capitals."""
    apart = unicodedata.normalize("NFKD", words.replace("œ", "oe").replace("Œ", "OE"))
    return "".join(c for c in apart.casefold() if not unicodedata.combining(c))


def listed(names: list[str]) -> str:
    """« a », « a et b », « a, b et c »."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} et {names[-1]}" if names else ""


def breakable(text: str) -> Markup:
    """A code or a long word that may be cut after an underscore or a slash, escaped."""
    return escape(text).replace("_", Markup("_<wbr>")).replace("/", Markup("/<wbr>"))


def _ordinal(rank: int) -> str:
    return "1ᵉʳ" if rank == 1 else f"{rank}ᵉ"
