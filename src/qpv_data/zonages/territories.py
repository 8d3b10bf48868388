"""French territories: which one a point, a department or a zone is in, and its projected CRS."""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from qpv_data.clause.model import CodeDepartement, Identifiant, Modele, Texte
from qpv_data.declared import read_declared
from qpv_data.resources import referentials_dir

Emprise = tuple[
    Annotated[float, Field(ge=-180, le=180)],
    Annotated[float, Field(ge=-90, le=90)],
    Annotated[float, Field(ge=-180, le=180)],
    Annotated[float, Field(ge=-90, le=90)],
]

_QPV = re.compile(r"Q[PN](\d{3}|02[AB])\w+")
_COMMUNE = re.compile(r"(9[78]\d)\d{2}|(\d{2}|2[AB])\d{3}")


class Territory(Modele):
    """A territory, its projected CRS (`epsg`, metres) and its extents in degrees, [ouest, sud, est, nord]."""

    id: Identifiant
    nom: Texte
    epsg: Annotated[int, Field(ge=1024, le=999_999)]
    emprises: tuple[Emprise, ...] = Field(min_length=1)
    departements: tuple[CodeDepartement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _extents_are_in_order(self) -> Self:
        if any(ouest >= est or sud >= nord for ouest, sud, est, nord in self.emprises):
            raise ValueError("une emprise s'écrit [ouest, sud, est, nord], ouest < est et sud < nord")
        return self


class _Territories(Modele):
    territoires: tuple[Territory, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_point_is_in_two(self) -> Self:
        for a, b in itertools.combinations(self.territoires, 2):
            if a.id == b.id:
                raise ValueError(f"territoire déclaré deux fois : {a.id}")
            if any(_intersect(p, q) for p, q in itertools.product(a.emprises, b.emprises)):
                raise ValueError(f"les emprises de {a.id} et de {b.id} se recouvrent")
        return self


def _intersect(a: Emprise, b: Emprise) -> bool:
    """Half-open extents share a point: touching edges do not."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@cache
def load_territories(path: Path | None = None) -> tuple[Territory, ...]:
    """Read the declared territories, in the order of the file; the shipped `territoires.yml` by default.

    Raises InvalidDeclarationError with every fault: extents of two territories are disjoint, ids unique.
    """
    source = path or referentials_dir() / "territoires.yml"
    return read_declared(source, _Territories, "corriger le fichier des territoires").territoires


def territory_of_points(
    lon: NDArray[np.float64], lat: NDArray[np.float64], territories: tuple[Territory, ...] | None = None
) -> NDArray[np.int16]:
    """Index in `territories` (default: `load_territories()`) of the territory of each point, -1 outside all.

    In: degrees, longitude and latitude, of the same shape. Extents hold their west and south edges, not
    their east and north ones, so a point is in one territory at most. NaN and infinities are outside.
    """
    found = np.full(np.shape(lon), -1, dtype=np.int16)
    for index, territory in enumerate(load_territories() if territories is None else territories):
        for ouest, sud, est, nord in territory.emprises:
            found[(lon >= ouest) & (lon < est) & (lat >= sud) & (lat < nord)] = index
    return found


def territories_of_department(code: str) -> tuple[Territory, ...]:
    """Every territory of the department `code` ("01", "2A", "974"): three in Polynésie, none if unknown."""
    return tuple(t for t in load_territories() if code in t.departements)


def territory_of_department(code: str) -> Territory | None:
    """The only territory of the department `code`. None when unknown, or when several share it (Polynésie)."""
    found = territories_of_department(code)
    return found[0] if len(found) == 1 else None


def department_of_zone_code(code: str) -> str | None:
    """Department of a QPV's or a commune's code: "QP974001" → "974", "QN02A01M" → "2A", "97411" → "974".

    None for any other shape: the first digits of a SIREN (EPCI) are not a department.
    """
    if qpv := _QPV.fullmatch(code):
        return qpv[1].removeprefix("0")
    if commune := _COMMUNE.fullmatch(code):
        return commune[1] or commune[2]
    return None
