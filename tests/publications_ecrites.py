"""Releases written by hand: the tables of one audience's folder, small, with whatever a clause or a file may say.

Nothing is run: what the site is given is what the test wrote, so that a name may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from qpv_data.exports.folder import AudienceFolder
from qpv_data.periods import parse_period
from qpv_data.schemas import PUBLISHED
from qpv_data.site.build import Options, build

Row = dict[str, Any]
COMMUNE, EPCI = "99001", "200099001"
QUARTERS = ("2024-T1", "2024-T2", "2024-T3", "2024-T4")
NASTY = (
    "<script>alert(1)</script>", "</title><script>alert(2)</script>", "{{7*7}}", "{% raw %}{{ 7*7 }}", "l'« Œuvre » & \"co\"",
    "</script><img src=x onerror=alert(3)>", "javascript:alert(4)", "Été à Saint‑Étienne‑du‑Rouvray, " + "très long nom " * 7,
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 2,
)  # fmt: skip
"""What a name may be."""
_BLANK: Mapping[str, Any] = {"string": "essai", "int64": 0, "double": 0.0, "bool": False}


@dataclass(frozen=True)
class Quartier:
    """`ou`: longitude and latitude of its south-west corner; `cote`: its side in degrees, 0 for no contour."""

    code: str
    nom: str
    population: int | None = 1500
    ou: tuple[float, float] = (2.0, 48.0)
    cote: float = 0.004
    territoire: str = "hexagone"
    sommets: int = 4
    point: bool = False
    """As those of 2024 whose outline was not drawn yet."""

    def contour(self) -> Any:
        west, south = self.ou
        if self.point:
            return shapely.Point(west, south)
        square = shapely.box(west, south, west + self.cote, south + self.cote)
        return shapely.multipolygons([shapely.segmentize(square, self.cote * 4 / self.sommets)])


@dataclass(frozen=True)
class Mesure:
    """An indicator of a feed of its own theme."""

    id: str
    titre: str
    theme: str = "cadre_de_vie"
    unite: str = "%"
    nature: str = "part"
    decimales: int = 1
    reserve: str | None = None
    producteur: str = "Producteur imaginaire"


Told = Callable[[str, str, str], float | str | None]
"""(indicator, zone, period) → a value, a state of non-disclosure, or None for no row."""


@dataclass
class Ecrite:
    """What the release says. `noms`: (zoning, code) → the name of a commune or an EPCI."""

    quartiers: Sequence[Quartier]
    mesures: Sequence[Mesure]
    dit: Told
    periodes: Sequence[str] = QUARTERS
    noms: Mapping[tuple[str, str], str] = field(default_factory=dict)
    publication: Mapping[str, Any] = field(default_factory=dict)
    modalites: Mapping[str, str] = field(default_factory=dict)
    ruptures: Sequence[Row] = ()
    livraisons: bool = True
    entieres: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Tables given as they are."""

    def ecrire(self, folder: Path) -> AudienceFolder:
        """The folder of the audience."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in {**self._tables(), **self.entieres}.items():
            pq.write_table(_table(name, rows), folder / f"{name}.parquet")
        parts: dict[tuple[str, str], list[Row]] = {}
        for row in self._values():
            parts.setdefault((row["zonage"], row["periode"]), []).append(row)
        (folder / "valeurs").mkdir(exist_ok=True)
        for (zoning, period), rows in parts.items():
            path = folder / "valeurs" / f"zonage={zoning}" / f"periode={period}" / "valeurs.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(_table("valeurs", rows).drop_columns(["zonage", "periode"]), path)
        return AudienceFolder(folder)

    def site(self, root: Path, **options: Any) -> Path:
        """The folder of its site."""
        build(self.ecrire(root / "publication"), root / "site", Options(**options))
        return root / "site"

    def _tables(self) -> dict[str, list[Row]]:
        places = [("commune", COMMUNE), ("epci", EPCI)]
        zones = [
            {"zonage": z, "famille": z, "code_zone": c, "nom": self.noms.get((z, c), f"{z} {c}")} for z, c in places
        ]
        zones += [{"zonage": "qpv2024", "famille": "qpv", "code_zone": q.code, "nom": q.nom, "population": q.population,
                   "territoire": q.territoire, "superficie_m2": 120_000.0 if q.cote else None,
                   "geometrie": q.contour().wkb if q.cote else None} for q in self.quartiers]  # fmt: skip
        inside = [{"zonage": "qpv2024", "code_zone": q.code} for q in self.quartiers]
        last = self.periodes[-1]
        return {
            "zones": zones,
            "zones_communes": [{**r, "code_commune": COMMUNE, "origine": "mesure"} for r in inside],
            "zones_epci": [{**r, "code_epci": EPCI} for r in inside],
            "en_vigueur": [{"zonage": "qpv2024", "millesime": "2024", "territoire": t, "de": date(2024, 1, 1)}
                           for t in sorted({q.territoire for q in self.quartiers})],
            "indicateurs": [_indicator(m) for m in self.mesures],
            "clauses": [{"clause": f"jeu_{m.id}", "titre": m.titre, "theme": m.theme, "producteur": m.producteur,
                         "diffusion": "ouvert", "licence": "Licence Ouverte 2.0"} for m in self.mesures],
            "livraisons": [{"livraison": f"l_{m.id}", "jeu": f"jeu_{m.id}", "periode": last, "statut": "acceptee",
                            "recue_le": date(2025, 1, 15)} for m in self.mesures if self.livraisons],
            "modalites": [{"indicateur": m.id, "modalite": k, "axe": "axe", "libelle": v}
                          for m in self.mesures for k, v in self.modalites.items()],
            "ruptures": list(self.ruptures),
            "publications": [{"publication": f"{last}-r1", "diffuseur": "essai", "periode": last,
                              "publiee_le": date(2025, 2, 1), "diffusion": "ouvert", **self.publication}],
        }  # fmt: skip

    def _values(self) -> Iterable[Row]:
        zones = [("qpv2024", q.code) for q in self.quartiers] + [("commune", COMMUNE), ("epci", EPCI)]
        for m in self.mesures:
            for zoning, code in zones:
                for period in self.periodes:
                    for modality in ("ensemble", *self.modalites):
                        told = self.dit(m.id, code, period)
                        if told is not None:
                            yield _value(m, zoning, code, period, modality, told)


def steady(indicator: str, code: str, period: str) -> float:
    """A value of its own for each cell, the same every time."""
    return round(5 + sum(map(ord, indicator + code)) % 70 + int(period[-1]) * 1.3, 1)


def hostile() -> Ecrite:
    """Markup, quotes and length wherever a name may stand."""
    places = [Quartier(f"QN099{n:02d}A", nom, ou=(2 + n * 0.01, 48.0)) for n, nom in enumerate(NASTY)]
    measures = [
        Mesure(f"m{n}", nom, f"theme_{n % 3}", unite=nom[:40], reserve=nom, producteur=nom)
        for n, nom in enumerate(NASTY)
    ]
    return Ecrite(
        places, measures, steady, noms={("commune", COMMUNE): NASTY[0], ("epci", EPCI): NASTY[5]},
        publication={"diffuseur": NASTY[1], "jeux_absents": NASTY[0], "jeux_perimes": NASTY[5]},
        modalites={"a": NASTY[0], "b": NASTY[5]},
        ruptures=[{"indicateur": "m0", "periode": "2024-T3", "motif": NASTY[5]}],
    )  # fmt: skip


def _indicator(m: Mesure) -> Row:
    return {
        "indicateur": m.id, "jeu": f"jeu_{m.id}", "titre": m.titre, "definition": m.titre, "theme": m.theme,
        "unite": m.unite, "nature": m.nature, "nature_temporelle": "stock", "decimales": m.decimales, "frequence": "T",
        "diffusion": "ouvert", "additif": m.nature == "compte", "reserve": m.reserve,
    }  # fmt: skip


def _value(m: Mesure, zoning: str, code: str, period: str, modality: str, told: float | str) -> Row:
    p = parse_period(period)
    hidden = isinstance(told, str)
    return {
        "indicateur": m.id, "modalite": modality, "zonage": zoning, "code_zone": code, "periode": period,
        "frequence": p.frequence.value, "periode_debut": p.debut, "periode_fin": p.fin,
        "valeur": None if hidden else told, "statut_observation": "normale",
        "statut_diffusion": told if hidden else "diffusee", "qualite": "A", "visible_de": datetime(2025, 2, 1),
    }  # fmt: skip


def _table(name: str, rows: Sequence[Row]) -> pa.Table:
    """Rows with every column of the table; one that may not be null and was not given gets a blank."""
    published = PUBLISHED[name]
    always = set(published.non_nulles)
    blank = {f.name: _BLANK.get(str(f.type)) if f.name in always else None for f in published.schema}
    return pa.Table.from_pylist([{**blank, **row} for row in rows], published.schema)
