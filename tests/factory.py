"""A mini project in a folder: clauses, a mirror of a few perimeters and feeds; a whole run takes about a second.

Communes 99001, 99002, 99003 are squares of 1 km in a row, west to east, from (600000, 6600000) in Lambert-93.
QPVs are squares of 200 m: A (in 99001), B (astride 99001 and 99002), C (in 99003). EPCI 200099001 holds 99001 and
99002, EPCI 200099002 holds 99003 and 99004, which is not of the run.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import shapely
import yaml
from begun import begun
from promises import PROMISES
from pydantic import TypeAdapter
from pyproj import Transformer

from qpv_data.clause.model import ClauseJeu
from qpv_data.pipeline import RunReport, run
from qpv_data.runs import Configuration

NOW = datetime(2024, 12, 31, 22, 30, tzinfo=UTC)
X0, Y0 = 600_000.0, 6_600_000.0
HOST = "donnees.mini.example"
_LONLAT = Transformer.from_crs(2154, 4326, always_xy=True)
_ADAPTER: TypeAdapter[ClauseJeu] = TypeAdapter(ClauseJeu)

Row = Mapping[str, object]


def square(x: float, y: float, side: float) -> shapely.Polygon:
    """A square from its south-west corner, metres from the origin of the mini territory, in Lambert-93."""
    return shapely.box(X0 + x, Y0 + y, X0 + x + side, Y0 + y + side)


COMMUNES = {"99001": square(0, 0, 1000), "99002": square(1000, 0, 1000), "99003": square(2000, 0, 1000)}
EPCI = {"200099001": ("99001", "99002"), "200099002": ("99003", "99004")}
QPV2015 = {"QP099001": square(300, 300, 200), "QP099002": square(900, 300, 200)}
QPV2024 = {"QN09901A": square(300, 300, 200), "QN09902B": square(900, 300, 200), "QN09903C": square(2300, 300, 200)}
IN_A, IN_B, IN_C = (400.0, 400.0), (950.0, 400.0), (2400.0, 400.0)
IN_COMMUNE_1, IN_COMMUNE_2 = (50.0, 50.0), (1500.0, 50.0)


def lonlat(x: float, y: float, epsg: int = 2154) -> tuple[float, float]:
    """Longitude and latitude of a point given from the origin (Lambert-93), or given as it is in another CRS."""
    transformer = _LONLAT if epsg == 2154 else Transformer.from_crs(epsg, 4326, always_xy=True)
    lon, lat = transformer.transform(x + (X0 if epsg == 2154 else 0), y + (Y0 if epsg == 2154 else 0))
    return lon, lat


def geojson(shapes: Mapping[str, Any], epsg: int = 2154) -> bytes:
    """Perimeters as GeoJSON, in longitude and latitude: `code`, `nom`."""
    transformer = Transformer.from_crs(epsg, 4326, always_xy=True)
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "nom": f"Zone {code}"},
            "geometry": shapely.geometry.mapping(shapely.transform(shape, transformer.transform, interleaved=False)),
        }
        for code, shape in shapes.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def base(ident: str, **more: Any) -> dict[str, Any]:
    """What every clause says."""
    return {
        "id": ident,
        "version": "1.0",
        "titre": ident,
        "theme": "essai",
        "principe": "donnees_publiques",
        "producteur": {"nom": "Producteur imaginaire", "categorie": "public"},
        "finalites": {"essai": "essayer"},
        **PROMISES,
        "diffusion": "ouvert",
        "licence": "Licence Ouverte 2.0",
        "donnees_personnelles": {"presentes": False},
        "couverture": {"departements": ["99"]},
        "periodicite": "trimestrielle",
        "echeance_jours": 0,
        "controles": {"lignes_min": 1, "rejets_max": 1},
        **more,
    }


def text_column(name: str, **more: Any) -> dict[str, Any]:
    return {"nom": name, "source": name, "type": "texte", **more}


def number_column(name: str, **more: Any) -> dict[str, Any]:
    return {"nom": name, "source": name, "type": "nombre", **more}


def perimeters_clause(zonage: str, famille: str, motif: str, **more: Any) -> dict[str, Any]:
    return base(
        f"ref_{zonage}",
        **{
            "nature": "zonage",
            "source": {"url": f"https://{HOST}/{zonage}.geojson"},
            "format": {"type": "vecteur"},
            "colonnes": [text_column("code", obligatoire=True), text_column("nom")],
            "cle": {"colonnes": ["code"], "doublons": "refuser"},
            "zonage": {
                "id": zonage, "famille": famille, "millesime": "2024", "objet": "perimetres", "code": "code",
                "nom": "nom", "motif_code": motif, "crs": "EPSG:4326",
                "en_vigueur": [{"territoire": "hexagone", "de": "2024-01-01"}],
            },
            **more,
        },
    )  # fmt: skip


def composition_clause(zonage: str = "epci", famille: str = "epci") -> dict[str, Any]:
    return base(
        f"ref_{zonage}",
        nature="zonage",
        source={"url": f"https://{HOST}/{zonage}.csv"},
        format={"type": "csv", "encodage": "utf-8", "separateur": ";"},
        colonnes=[text_column("code", obligatoire=True), text_column("nom"), text_column("commune", obligatoire=True)],
        cle={"colonnes": ["code", "commune"], "doublons": "refuser"},
        zonage={
            "id": zonage, "famille": famille, "millesime": "2024", "objet": "composition", "code": "code", "nom": "nom",
            "commune": "commune", "motif_code": r"\w+",
            "en_vigueur": [{"territoire": "hexagone", "de": "2024-01-01"}],
        },
    )  # fmt: skip


def indicator(ident: str, nature: str = "compte", **more: Any) -> dict[str, Any]:
    return {
        "id": ident, "titre": ident, "definition": ident, "unite": "unités", "nature": nature,
        "nature_temporelle": "stock", "decimales": 2 if nature in ("moyenne", "part", "taux") else 0, **more,
    }  # fmt: skip


def points_clause(ident: str = "points", **more: Any) -> dict[str, Any]:
    """A feed of points: `id;x;y;insee;menage;montant`, one delivery a quarter of 2024, one indicator `<id>_n`."""
    return base(
        ident,
        **{
            "nature": "jeu",
            "source": {"url": f"https://{HOST}/{ident}-{{periode}}.csv"},
            "format": {"type": "csv", "encodage": "utf-8", "separateur": ";"},
            "colonnes": [
                text_column("id", obligatoire=True), number_column("x"), number_column("y"), text_column("insee"),
                text_column("menage"), number_column("montant"),
            ],
            "cle": {"colonnes": ["id"], "doublons": "premier"},
            "periode": {"origine": "livraison", "frequence": "T", "debut": "2024-T1", "fin": "2024-T4"},
            "localisation": {"mode": "point", "x": "x", "y": "y", "crs": "EPSG:2154", "commune": "insee"},
            "secret": {"regime": "sans_objet", "justification": "objets"},
            "indicateurs": [indicator(f"{ident}_n"), indicator(f"{ident}_somme", "somme", numerateur="montant")],
            **more,
        },
    )  # fmt: skip


def codes_clause(ident: str, zonage: str, **more: Any) -> dict[str, Any]:
    """A table by zone: `code;valeur`, whose year 2024 is fixed, one indicator `<id>_v`."""
    return base(
        ident,
        **{
            "nature": "jeu",
            "source": {"url": f"https://{HOST}/{ident}.csv"},
            "format": {"type": "csv", "encodage": "utf-8", "separateur": ";"},
            "colonnes": [text_column("code", obligatoire=True), number_column("valeur")],
            "cle": {"colonnes": ["code"], "doublons": "refuser"},
            "periode": {"origine": "fixe", "frequence": "A", "debut": "2023"},
            "localisation": {"mode": "code", "zonage": zonage, "colonne": "code"},
            "secret": {"regime": "producteur", "justification": "tableau officiel"},
            "indicateurs": [indicator(f"{ident}_v", "somme", numerateur="valeur")],
            **more,
        },
    )


def clause_of(declared: Mapping[str, Any]) -> ClauseJeu:
    """The model of a feed's declaration."""
    return _ADAPTER.validate_python(declared)


def csv_of(rows: Sequence[Row], header: Sequence[str]) -> bytes:
    lines = [";".join(header)] + [";".join("" if r.get(h) is None else str(r[h]) for h in header) for r in rows]
    return ("\n".join(lines) + "\n").encode()


POINT_HEADER = ("id", "x", "y", "insee", "menage", "montant")
QUARTERS = ("2024-T1", "2024-T2", "2024-T3", "2024-T4")


def point(ident: object, at: tuple[float, float] | None, **more: object) -> dict[str, object]:
    """A row of `points_clause`; `at` in metres from the origin."""
    x, y = (X0 + at[0], Y0 + at[1]) if at else ("", "")
    return {"id": ident, "x": x, "y": y, "montant": 1, "menage": ident, **more}


@dataclass
class Mini:
    """The project's folders. Write, then `run()` in this process or `cli()` in another."""

    root: Path
    now: datetime = NOW
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def clauses(self) -> Path:
        return self.root / "clauses"

    @property
    def mirror(self) -> Path:
        return self.root / "miroir"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def declare(self, clause: Mapping[str, Any]) -> None:
        self.clauses.mkdir(parents=True, exist_ok=True)
        self.declared[clause["id"]] = copy.deepcopy(dict(clause))
        text = yaml.safe_dump(json.loads(json.dumps(clause)), allow_unicode=True, sort_keys=False)
        (self.clauses / f"{clause['id']}.yml").write_text(text, "utf-8")

    def deliver(self, name: str, content: bytes | str) -> Path:
        """A file at https://HOST/<name>."""
        path = self.mirror / HOST / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def referentials(self) -> None:
        self.declare(perimeters_clause("qpv2015", "qpv", r"QP\d{6}"))
        self.declare(perimeters_clause("qpv2024", "qpv", r"QN\d{5}[A-Z]"))
        self.declare(perimeters_clause("commune", "commune", r"\d{5}"))
        self.declare(composition_clause())
        self.deliver("qpv2015.geojson", geojson(QPV2015))
        self.deliver("qpv2024.geojson", geojson(QPV2024))
        self.deliver("commune.geojson", geojson(COMMUNES))
        rows = [f"{code};EPCI {code};{c}" for code, communes in EPCI.items() for c in communes]
        self.deliver("epci.csv", "code;nom;commune\n" + "\n".join(rows) + "\n")

    def points(self, rows: Mapping[str, Sequence[Row]], **more: Any) -> None:
        """A feed `points`, rows by quarter; a quarter that is absent is not delivered."""
        ident = more.pop("ident", "points")
        self.declare(points_clause(ident, **more))
        for quarter, listed in rows.items():
            self.deliver(f"{ident}-{quarter}.csv", csv_of(listed, POINT_HEADER))

    def configuration(self, **more: Any) -> Configuration:
        settings = {"clauses": self.clauses, "sortie": self.out, "maintenant": self.now, "miroir": self.mirror, **more}
        return Configuration(**settings)

    def run(self, **more: Any) -> RunReport:
        return run(self.configuration(**more), lambda _: None)

    def begin(self, **more: Any) -> RunReport:
        """The first run, for a test of what comes after it: copied when the same was made already."""
        return begun(self.configuration(**more))

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable, "-m", "qpv_data", "run", "--clauses", str(self.clauses), "--miroir", str(self.mirror),
            "--out", str(self.out), *arguments,
        ]  # fmt: skip

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "SOURCE_DATE_EPOCH": str(int(self.now.timestamp())), **more}

    def cli(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=120, env=self.environment(**env),
            cwd=self.root, check=False,
        )  # fmt: skip

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.out / "qpv.duckdb"), read_only=True) as con:
            return con.execute(sql, list(parameters)).fetchall()

    def value(self, indicateur: str, code: str, periode: str, modalite: str = "ensemble") -> tuple[Any, ...]:
        """(valeur, statut_observation, statut_diffusion) of the only such cell."""
        found = self.query(
            "SELECT valeur, statut_observation, statut_diffusion FROM valeurs WHERE indicateur = ? AND code_zone = ?"
            " AND periode = ? AND modalite = ? AND zonage <> 'non_localise'",
            indicateur, code, periode, modalite,
        )  # fmt: skip
        assert len(found) == 1, found
        return found[0]


def small_run(root: Path) -> Mini:
    """Referentials and one feed of four quarters, with a place of every kind."""
    mini = Mini(root)
    mini.referentials()
    rows = [
        point("a1", IN_A), point("a2", IN_A), point("b1", IN_B), point("c1", IN_C), point("d1", IN_COMMUNE_1),
        point("u1", None, insee="99002"), point("u2", None), point("u3", None, insee="75056"),
    ]  # fmt: skip
    mini.points({q: rows[: len(rows) - n] for n, q in enumerate(QUARTERS)})
    return mini
