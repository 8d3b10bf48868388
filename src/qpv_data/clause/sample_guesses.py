"""What the values of a sample let guess: types, key, places. Every guess is noted with what was seen."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qpv_data.clause.odcs import identifier

_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_CODE = re.compile(r"(^|_)(code|id|ident|siren|siret|insee|iris|depcom|dep|qp|qpv|rna|uai|finess|num|numero)(_|$)")
_LON, _LAT = re.compile(r"^(lon|long|longitude|lng|x_wgs84)$"), re.compile(r"^(lat|latitude|y_wgs84)$")
_X = re.compile(r"^(x|coord_?x|x_l93|x_lambert(93)?|lambert_x)$")
_Y = re.compile(r"^(y|coord_?y|y_l93|y_lambert(93)?|lambert_y)$")
_BOOLEAN = re.compile("true|false|oui|non|vrai|faux", re.IGNORECASE)
_FAULTY = 0.1
_QPV = {"qpv2015": re.compile(r"QP(\d{3}|02[AB])\d{3}"), "qpv2024": re.compile(r"QN(\d{3}|02[AB])\d{2}[A-Z]")}


@dataclass(frozen=True)
class Guess:
    """One guess: the key of the clause, what it would say, and what was seen."""

    cle: str
    valeur: str
    vu: str


@dataclass
class Sample:
    """What was read: keys of a draft clause, and each guess in them."""

    connu: dict[str, Any]
    devine: list[Guess] = field(default_factory=list)
    lignes: int = 0

    def say(self, key: str, value: object, seen: str) -> None:
        """Note a guess."""
        self.devine.append(Guess(key, str(value), seen))


def describe(sample: Sample, columns: Mapping[str, Sequence[str]]) -> None:
    """Note in `sample` what its columns (the texts of each, by header) let guess."""
    decimal = sample.connu["format"].get("decimale", ".")
    declared = [_column(sample, i, name, values, decimal) for i, (name, values) in enumerate(columns.items())]
    names = {c["nom"]: list(columns[c["source"]]) for c in declared}
    sample.connu["colonnes"] = declared
    key, repeated = _key(names)
    if key:
        sample.connu["cle"] = {"colonnes": key}
        seen = (
            f"{repeated} lignes sur {sample.lignes} la répètent, ou ne l'ont pas" if repeated else "rien ne s'y répète"
        )
        sample.say("cle.colonnes", ", ".join(key), seen)
    _place(sample, declared, names, decimal)


def _column(sample: Sample, i: int, header: str, values: Sequence[str], decimal: str) -> dict[str, Any]:
    taken = {c["nom"] for c in sample.connu.get("colonnes", ())}
    name = identifier(header) or f"colonne_{i + 1}"
    sample.connu.setdefault("colonnes", [])
    name = next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(2))) if n not in taken)
    filled = [v.strip() for v in values if v.strip()]
    kind, more, seen = _kind(name, filled, decimal)
    column = {"nom": name, "source": header, "type": kind, **more}
    if filled and len(filled) == len(values):
        column["obligatoire"] = True
    sample.connu["colonnes"].append(column)
    sample.say(f"colonnes.{i}.type", kind, f"{name} : {seen}")
    return column


def _kind(name: str, filled: Sequence[str], decimal: str) -> tuple[str, dict[str, Any], str]:
    """Type, its other keys, and what was seen. A sample has faulty rows too: a tenth of its values may disagree."""
    if not filled:
        return "texte", {}, "aucune valeur"
    if _CODE.search(name) or any(re.fullmatch(r"0\d+", v) for v in filled):
        return "texte", {}, "un code, que ses chiffres ne rendent pas un nombre"
    mark = re.escape(decimal)
    forms = [f for f in _DATES if sum(_dated(v, f) for v in filled) > _FAULTY / 2 * len(filled)]
    shapes: list[tuple[str, dict[str, Any], str, Callable[[str], object]]] = [
        (
            "date",
            {"format_date": forms},
            f"des dates : {' ou '.join(forms)}",
            lambda v: any(_dated(v, f) for f in forms),
        ),
        ("entier", {}, "des entiers", re.compile(r"[+-]?\d{1,18}").fullmatch),
        ("nombre", {}, "des nombres", re.compile(rf"[+-]?\d+({mark}\d*)?([eE][+-]?\d+)?").fullmatch),
        ("booleen", {}, "deux valeurs opposées", _BOOLEAN.fullmatch),
    ]
    for kind, more, seen, fits in shapes:
        others = sum(not fits(v) for v in filled)
        if others <= _FAULTY * len(filled):
            return kind, more, seen + (f", sauf {others} valeurs sur {len(filled)}" if others else "")
    return "texte", {}, "du texte"


def _dated(value: str, fmt: str) -> bool:
    try:
        day = datetime.strptime(value, fmt)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return 1900 <= day.year <= 2100 and (fmt != "%Y%m%d" or len(value) == 8)


def _key(columns: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
    """The columns that repeat least, and the rows that repeat them: one column, else the first two that fit.

    A sample may hold the very duplicates that a key will reject: one row in twenty may repeat it, or lack it.
    """
    rows = max((len(v) for v in columns.values()), default=0)
    for size in (1, 2):
        found = []
        for names in itertools.combinations(list(columns)[:30], size):
            kept = [r for r in zip(*(columns[n] for n in names), strict=True) if all(v.strip() for v in r)]
            found.append((rows - len(set(kept)), list(names)))
        repeated, best = min(found, key=lambda f: f[0], default=(rows, []))
        if rows > 1 and repeated <= rows // 20:
            return best, repeated
    return [], 0


def _place(sample: Sample, declared: list[dict[str, Any]], columns: Mapping[str, Sequence[str]], mark: str) -> None:
    for zoning, shape in _QPV.items():
        for name, values in columns.items():
            filled = [v.strip() for v in values if v.strip()]
            if filled and all(shape.fullmatch(v) for v in filled):
                sample.connu["localisation"] = {"mode": "code", "zonage": zoning, "colonne": name}
                sample.say("localisation.zonage", zoning, f"{name} : des codes de quartiers de cette génération")
                return
    for x_shape, y_shape in ((_LON, _LAT), (_X, _Y)):
        x, y = (next((n for n in columns if s.match(n)), None) for s in (x_shape, y_shape))
        if x is None or y is None:
            continue
        for column in declared:
            if column["nom"] in (x, y):
                column["type"] = "nombre"
                column.pop("obligatoire", None)
        place: dict[str, Any] = {"mode": "point", "x": x, "y": y}
        sample.connu["localisation"] = place
        sample.say("localisation.x", x, "son nom")
        sample.say("localisation.y", y, "son nom")
        if crs := _crs(list(_numbers(columns[x], mark)), list(_numbers(columns[y], mark))):
            place["crs"] = crs
            sample.say("localisation.crs", crs, "l'étendue des valeurs y est en France")
        return


def _numbers(values: Sequence[str], mark: str) -> Iterator[float]:
    for value in values:
        try:
            yield float(value.replace(mark, "."))
        except ValueError:
            continue


def _crs(x: list[float], y: list[float]) -> str | None:
    """Degrees or Lambert-93, when most points are then in mainland France; none otherwise: it is not for us to say."""
    pairs = [(a, b) for a, b in zip(x, y, strict=False) if (a, b) != (0, 0)]
    for crs, (west, east, south, north) in {
        "EPSG:4326": (-6.0, 10.0, 41.0, 52.0),
        "EPSG:2154": (95_000.0, 1_250_000.0, 6_000_000.0, 7_150_000.0),
    }.items():
        inside = sum(west <= a <= east and south <= b <= north for a, b in pairs)
        if pairs and inside > 0.9 * len(pairs):
            return crs
    return None
