"""Read a candidate strictly: a number is a number, a code is a code, and a place is on Earth."""

from __future__ import annotations

import math
import re
from typing import Any

from qpv_data.addresses.model import Answer

_TYPE = re.compile(r"[a-z][a-z_.-]{0,31}")
_COMMUNE = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_POSTCODE = re.compile(r"[0-9]{5}")
# Paris, Marseille and Lyon: a municipal arrondissement is in its commune too.
_ARRONDISSEMENTS = {"751": "75056", "132": "13055", "6938": "69123"}
# Types of street as files abbreviate them (SIRENE's codes among others): a geocoder scores what is spelled out.
_TYPES_ABREGES = {
    "all": "allée", "av": "avenue", "ave": "avenue", "bd": "boulevard", "bld": "boulevard", "blvd": "boulevard",
    "ch": "chemin", "che": "chemin", "chem": "chemin", "crs": "cours", "fbg": "faubourg", "fg": "faubourg",
    "ham": "hameau", "imp": "impasse", "lot": "lotissement", "pass": "passage", "pl": "place", "prom": "promenade",
    "r": "rue", "res": "résidence", "rte": "route", "sen": "sentier", "sq": "square", "tra": "traverse", "vla": "villa",
}  # fmt: skip
_AFTER_NUMBER = re.compile(r"^([0-9]{1,4}(?: ?(?:bis|ter|quater))?,?) ([a-z]{1,5})(?:\. ?| )(?=\S)", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")


def candidate(
    *, lon: Any, lat: Any, score: Any, type_: Any, label: Any, communes: tuple[Any, ...], postcode: Any, rival: bool
) -> Answer:
    """The answer that these fields make, numbers or their text. Raises ValueError when they make none."""
    x, y, s = (_number(value) for value in (lon, lat, score))
    if not (abs(x) <= 180 and abs(y) <= 90 and -0.001 <= s <= 1.001):
        raise ValueError("hors bornes")
    if not isinstance(type_, str) or not _TYPE.fullmatch(type_) or not isinstance(label, str):
        raise ValueError("type ou libellé illisible")
    known = tuple(dict.fromkeys(c for c in communes if isinstance(c, str) and _COMMUNE.fullmatch(c)))
    return Answer(
        lon=x,
        lat=y,
        score=min(max(s, 0.0), 1.0),
        type=type_,
        communes=known,
        code_postal=postcode if isinstance(postcode, str) and _POSTCODE.fullmatch(postcode) else None,
        libelle=one_line(label)[:300],
        rivale=rival,
    )


def one_line(text: str) -> str:
    """The text on one line, without what a terminal or a spreadsheet would obey: controls, a leading = + - @."""
    return re.sub(r" {2,}", " ", _CONTROLS.sub(" ", text)).strip().lstrip("=+-@ \t")


def spelled_out(text: str) -> str:
    """The address with its type of street in full where it follows the number (`12 bd X`), and straight apostrophes."""
    straight = text.replace("’", "'").replace("‘", "'")
    found = _AFTER_NUMBER.match(straight)
    if found is None or (full := _TYPES_ABREGES.get(found[2].lower())) is None:
        return straight
    return f"{found[1]} {full} {straight[found.end() :]}"


def is_commune(text: str | None) -> bool:
    """Whether this is the shape of an Insee code."""
    return text is not None and _COMMUNE.fullmatch(text) is not None


def is_postcode(text: str | None) -> bool:
    """Whether this is the shape of a postcode."""
    return text is not None and _POSTCODE.fullmatch(text) is not None


def parent_commune(code: str) -> str | None:
    """The commune of a municipal arrondissement (Paris, Marseille, Lyon); None for any other code."""
    return next((whole for start, whole in _ARRONDISSEMENTS.items() if code.startswith(start) and code != whole), None)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("ce n'est pas un nombre")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("ce n'est pas un nombre")
    return number
