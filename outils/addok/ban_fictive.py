"""Write an extract of the BAN for the fictitious territory: `python outils/addok/ban_fictive.py SORTIE.csv.gz [N]`.

The same addresses for the same N, at the points of the demonstration's own generator.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
from pathlib import Path

from qpv_data.addresses.ban import CHAMPS
from qpv_data.demo.adresses import addresses
from qpv_data.demo.territoire import NOMS_COMMUNES


def write(target: Path, count: int = 2_000, graine: int = 7) -> list[dict[str, str]]:
    """Write at least `count` addresses, all different, gzipped with no date in it. Returns the rows."""
    rng = random.Random(graine)  # noqa: S311 - fictitious addresses, not a secret
    rows: dict[tuple[str, str], dict[str, str]] = {}
    while len(rows) < count:
        for place in addresses(rng, count):
            if place.commune is not None and len(rows) < count:
                rows.setdefault((place.commune, place.voie), _row(place.voie, place.commune, place.coordonnees))
    ordered = sorted(rows.values(), key=lambda r: r["id"])
    text = io.StringIO()
    writer = csv.DictWriter(text, CHAMPS, delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    return ordered


def _row(street: str, commune: str, points: dict[int, tuple[str, str]]) -> dict[str, str]:
    number, _, name = street.partition(" ")
    (x, y), (lon, lat) = points[2154], points[4326]
    code = f"{commune}_{stable_number(name) % 10_000:04d}"
    return {
        **dict.fromkeys(CHAMPS, ""),
        "id": f"{code}_{int(number):05d}", "numero": number, "nom_voie": name, "code_postal": f"{commune[:2]}000",
        "code_insee": commune, "nom_commune": NOMS_COMMUNES[commune], "x": x, "y": y, "lon": lon, "lat": lat,
        "type_position": "entrée", "source_position": "commune", "source_nom_voie": "commune",
        "certification_commune": "1",
    }  # fmt: skip


def stable_number(text: str) -> int:
    """The same number on every run, unlike `hash`."""
    return sum(ord(c) * 31**k for k, c in enumerate(text))


if __name__ == "__main__":
    written = write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2_000)
    print(f"{len(written)} adresses fictives dans {sys.argv[1]}")
