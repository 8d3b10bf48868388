"""Feeds of persons whose names, addresses and identifiers are sown, and what searches for them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from factory import IN_A, IN_B, X0, Y0, Mini, number_column, points_clause, small_run, text_column
from promises import PERSONAL as TOLD_PERSONAL

NAMES = ["ZORGLUBOVITCH", "Bräkmâr-Élodie", "Quincampoix"]
ADDRESSES = ["17 sente des Marmottes-Volantes", "bât. Pékinois 3"]
NUMBERS = ["185057800608436", "FR7699887766554433221100"]
SECRETS = [*NAMES, *ADDRESSES, *NUMBERS]
HEADER = "id;x;y;insee;menage;montant;nom;adresse;jour"
CSV = {"type": "csv", "encodage": "utf-8", "separateur": ";"}
PERSON = {"identifiant_direct": "pseudonymiser", "normalisation": ["espaces", "casse", "accents"]}


def columns() -> list[dict[str, Any]]:
    return [
        text_column("id", obligatoire=True, motif="[a-z0-9_-]+"), number_column("x"), number_column("y"),
        text_column("insee", motif="[0-9AB]{5}"), text_column("menage", **PERSON), number_column("montant"),
        text_column("nom", identifiant_direct="supprimer"), text_column("adresse", identifiant_direct=True),
        {"nom": "jour", "source": "jour", "type": "date"},
    ]  # fmt: skip


def row(ident: str, n: int, at: tuple[float, float] = IN_A, **more: str) -> str:
    x, y = (str(o + d) for o, d in zip((X0, Y0), at, strict=True))
    cells = {"id": ident, "x": x, "y": y, "insee": "99001", "menage": NUMBERS[n % 2], "montant": "1",
             "nom": NAMES[n % 3], "adresse": ADDRESSES[n % 2], "jour": "2024-02-03", **more}  # fmt: skip
    return ";".join(cells.values())


def rows() -> list[str]:
    """Good rows, and one of each kind of bad ones."""
    good = [row(f"g{n}", n, IN_A if n % 2 else IN_B) for n in range(12)]
    bad = [
        row("g1", 1),  # a key that repeats
        row("b1", 0, montant=NAMES[0]),  # a column that holds another's value
        row(NAMES[1], 1),
        row("b2", 2, insee=ADDRESSES[0]),
        row("b3", 0, jour=NUMBERS[0]),
        ";" + row("b4", 1),  # every column is shifted
        row("b5", 1) + ";" + NAMES[2],
        row("b6", 0, nom='"' + NAMES[0]),  # a quote that never closes
        row("b7", 1, adresse=f'dit "{ADDRESSES[1]}"'),
        f"{NAMES[0]}\n{ADDRESSES[0]};{NUMBERS[1]}",
        row("b8", 1, nom=f'"{NAMES[1]}\n{NAMES[2]}"'),
    ]
    return [HEADER, *good, *bad]


def sown(root: Path) -> Mini:
    """Feeds of persons: one that is received, and others that fail, each in its way."""
    mini = small_run(root)
    text = "\n".join(rows()) + "\n"
    broken = text.encode() + row("b9", 1, insee="\udcff" + NAMES[0]).encode("utf-8", "surrogateescape") + b"\n"
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("locataires.csv", text)
    named, book = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(named, "w") as archive:
        for name in NAMES[:2]:  # a file a person
            archive.writestr(f"{name}.csv", text)
    sheets = openpyxl.Workbook()
    for name in NAMES:
        sheets.create_sheet(name).append([name, *ADDRESSES])
    sheets.save(book)
    wide = {"deplier": {"mesures": {"montant": "(?P<axe>.+)"}}}
    said: dict[str, Any] = {
        "colonnes": columns(), "donnees_personnelles": TOLD_PERSONAL, "diffusion": "partenaires",
        "periode": {"origine": "fixe", "frequence": "A", "debut": "2023"},
        "secret": {"regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "personne", "seuil": 2, "colonne_unite": "menage"},
    }  # fmt: skip
    failing = {"colonnes": ["id"], "doublons": "premier", "totaux": {"lignes": "CAST(menage AS INTEGER) = 1"}}
    small = {"lignes_min": 1, "rejets_max": 0.01}
    header = HEADER.replace("menage", "MENAGE").replace("nom", NAMES[0]).replace("adresse", "ADRESS")
    feeds: dict[str, tuple[bytes, dict[str, Any]]] = {
        "bonne": (broken, {}),
        "gz": (gzip.compress(text.encode()), {}),
        "zip": (zipped.getvalue(), {}),
        "sql": (text.encode(), {"cle": failing}),
        "plancher": (text.encode(), {"controles": {**small, "lignes": []}}),
        "entete": (text.replace(HEADER, header).encode(), {}),
        "sans_entete": ("\n".join(rows()[1:]).encode(), {}),
        "utf16": (text.encode(), {"format": {"type": "csv", "encodage": "utf-16", "separateur": ";"}}),
        "json": (b'[{"id": "' + text.encode() + b'"]', {"format": {"type": "json"}}),
        "classeur": (book.getvalue(), {"format": {"type": "xlsx"}}),
        "membres": (named.getvalue(), {}),
        "large": (f"{NAMES[0]};{NAMES[0]}\n1;2\n".encode(), {"format": {**CSV, **wide}}),
        "vecteur": (text.encode(), {"format": {"type": "vecteur"}}),
    }
    for ident, (data, more) in feeds.items():
        mini.declare(
            points_clause(ident, **{**said, "source": {"url": f"https://donnees.mini.example/{ident}"}, **more})
        )
        mini.deliver(ident, data)
    return mini


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file under `folder` but the raw store, as it is, and decoded when it is a Parquet, an Arrow file or a base."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(folder))
        if name.startswith("raw/"):
            continue
        data = path.read_bytes()
        yield name, name.encode() + data
        if data.startswith(b"PAR1"):
            table = pq.ParquetFile(path).read()
            yield name, repr(table.schema).encode() + repr(table.to_pylist()).encode()
        elif data.startswith(b"ARROW1") and data.endswith(b"ARROW1"):
            yield name, repr(pa.ipc.open_file(pa.BufferReader(data)).read_all().to_pylist()).encode()
        elif path.suffix == ".duckdb" and data:
            with duckdb.connect(str(path), read_only=True) as con:
                for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    yield f"{name}:{table}", repr(con.execute(f'SELECT * FROM "{table}"').fetchall()).encode()


def found(name: str, data: bytes) -> list[str]:
    ways = ("utf-8", "latin-1", "utf-16-le", "cp1252")
    return [f"{secret} dans {name}" for secret in SECRETS for way in ways if secret.encode(way) in data]


def leaks(folder: Path) -> list[str]:
    return [leak for name, data in written(folder) for leak in found(name, data)]
