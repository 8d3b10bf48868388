"""What a shapefile does not say by itself: whether it is whole, and the encoding of its texts."""

from __future__ import annotations

import codecs
import re
import struct
from pathlib import Path

from qpv_data.problems import FeedError, Problem, cited

_CHUNK = 1 << 20


def shapefile_of(directory: Path, *, jeu: str, couche: str | None) -> Path:
    """The .shp of a directory: the only one, or the one named `couche`. Raises FeedError otherwise."""
    found = sorted(p for p in directory.iterdir() if p.suffix.lower() == ".shp")
    if couche is not None:
        found = [p for p in found if p.stem == couche]
    if len(found) == 1:
        return found[0]
    names = cited(", ".join(p.stem for p in found)) if found else "aucun"
    message = f"un seul fichier .shp attendu, trouvé : {names}"
    raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "préciser `format.couche` ou `source.membre`")


def check_whole(shp: Path, *, jeu: str) -> Path:
    """Hold a shapefile to the sizes that its headers declare, and give its .dbf back.

    Raises FeedError: format_inattendu when .shx or .dbf is absent, source_tronquee when a file is cut.
    """
    members = {p.suffix.lower(): p for p in shp.parent.iterdir() if p.stem == shp.stem}
    absent = [suffix for suffix in (".shp", ".shx", ".dbf") if suffix not in members]
    if absent:
        message = f"shapefile {cited(shp.name)} incomplet : {', '.join(absent)} absent"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander l'archive complète au producteur")
    for suffix in (".shp", ".shx", ".dbf"):
        declared = (dbf_size if suffix == ".dbf" else _shp_size)(members[suffix])
        if members[suffix].stat().st_size < declared:
            message = f"{cited(members[suffix].name)} : {members[suffix].stat().st_size} octets sur {declared}"
            raise FeedError(jeu, Problem.SOURCE_TRONQUEE, message, "télécharger de nouveau le fichier")
    return members[".dbf"]


def _shp_size(path: Path) -> int:
    with path.open("rb") as f:
        head = f.read(28)
    return 2 * int(struct.unpack(">i", head[24:28])[0]) if len(head) == 28 else 100


def dbf_size(path: Path) -> int:
    """Header and records; the end-of-file mark (0x1A) is optional."""
    rows, header, width = _dbf_layout(path)
    return header + rows * width


def _dbf_layout(path: Path) -> tuple[int, int, int]:
    with path.open("rb") as f:
        head = f.read(12)
    if len(head) < 12:
        return 0, 32, 0
    rows, header, width = struct.unpack("<IHH", head[4:12])
    return int(rows), int(header), int(width)


def text_encoding(dbf: Path, *, jeu: str, encodage: str | None) -> str | None:
    """GDAL's name for the encoding of a .dbf; None: its .cpg says it.

    What the clause declares wins over the .cpg; with neither, UTF-8 if every byte agrees, else Windows-1252. The
    byte of the header that should tell is ignored: files carry it at random.
    Raises FeedError when the bytes are not in the declared encoding.
    """
    if encodage is None and any(p.stem == dbf.stem and p.suffix.lower() == ".cpg" for p in dbf.parent.iterdir()):
        return None
    for candidate in ("utf-8", "cp1252") if encodage is None else (encodage,):
        if _decodes(dbf, candidate):
            return _gdal_name(candidate, jeu)
    tried = encodage or "utf-8, puis cp1252"
    message = f"les textes de {cited(dbf.name)} ne sont pas en {tried}"
    raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "déclarer le bon `format.encodage`")


def _decodes(dbf: Path, encoding: str) -> bool:
    rows, header, width = _dbf_layout(dbf)
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    left = rows * width
    with dbf.open("rb") as f:
        f.seek(header)
        try:
            while left > 0 and (block := f.read(min(_CHUNK, left))):
                left -= len(block)
                decoder.decode(block, final=left <= 0)
        except UnicodeDecodeError:
            return False
    return True


def _gdal_name(encoding: str, jeu: str) -> str:
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig", "ascii"):
        return "UTF-8"
    if re.fullmatch(r"cp\d{3,4}|iso8859-\d{1,2}", name):
        return name.upper().replace("ISO8859", "ISO-8859")
    message = f"encodage de shapefile non pris en charge : {encoding}"
    raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "déclarer utf-8, cp1252 ou iso-8859-15")
