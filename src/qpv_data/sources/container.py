"""What a delivered file is, by its first bytes and never by its name, and the one file to read inside it."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
import zipfile
from enum import StrEnum
from pathlib import Path

from qpv_data.problems import cited, listed
from qpv_data.sources.archive import Limits, Unpacker, is_workbook, parts_of

__all__ = ["Kind", "Limits", "open_delivery", "open_members", "safe_name", "sniff", "verify"]

_DATA = (".geojson", ".json", ".csv", ".shp", ".gpkg", ".parquet", ".geoparquet", ".fgb", ".mif")
_LESSER = (".txt", ".xlsx", ".dbf")  # each taken when nothing before it is there: notices are texts and workbooks
_NESTED = (".zip", ".gz")
# whether it cannot be done without
_SIBLINGS = {".shp": {".dbf": True, ".shx": True, ".prj": False, ".cpg": False}, ".mif": {".mid": True}}
_HTML = re.compile(rb"<(!doctype\s+html|html[\s>])", re.IGNORECASE)


class Kind(StrEnum):
    """What the first bytes say. `texte` is anything readable that is nothing else, csv for one."""

    ZIP = "zip"
    GZIP = "gzip"
    PARQUET = "parquet"
    SQLITE = "sqlite"
    SHAPEFILE = "shapefile"
    HTML = "html"
    PDF = "pdf"
    XML = "xml"
    JSON = "json"
    TEXTE = "texte"
    INCONNU = "inconnu"


_MAGIC = {
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,  # no entry
    b"\x1f\x8b": Kind.GZIP,
    b"PAR1": Kind.PARQUET,
    b"SQLite format 3\x00": Kind.SQLITE,
    b"\x00\x00\x27\x0a": Kind.SHAPEFILE,
    b"%PDF-": Kind.PDF,
}
NO_DATA = {Kind.HTML: "page HTML reçue", Kind.PDF: "document PDF reçu"}
"""What no feed is delivered as, in words."""


def sniff(path: Path) -> Kind:
    """The kind of `path`, from its first bytes. A GeoPackage is `sqlite`; an empty file is `texte`."""
    with path.open("rb") as f:
        head = f.read(1024)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML.match(text):
        return Kind.HTML
    if text.startswith(b"<"):
        return Kind.XML
    if text.startswith((b"{", b"[")):
        return Kind.JSON
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return Kind.INCONNU if b"\x00" in head and not utf16 else Kind.TEXTE


def safe_name(text: str, default: str = "livraison") -> str:
    """A file name of at most 100 ASCII letters, digits, `.`, `_`, `-`, that never starts with a dot."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", letters).lstrip("._-").rstrip(".")
    stem, dot, suffix = name.rpartition(".")
    if dot and len(suffix) <= 10:
        return f"{stem[: 99 - len(suffix)]}.{suffix}"
    return name[:100] or default


def open_delivery(path: Path, *, jeu: str, membre: str | None, into: Path, limite: Limits) -> Path:
    """The file to read: `path` itself, or what its archive holds, written in `into` (not `path`'s own folder).

    `membre` is a glob (`*`, `?`, any case) on the full name inside a zip, else on the last part of it; exactly
    one file must match. Without it, the only data file is taken; a .txt, then a .xlsx, then a .dbf count only when
    nothing else does. A .shp or a .mif comes with its siblings; a workbook (XLSX) is no archive. One nested archive
    is opened. A bare file is returned even when `membre` is declared: producers turn archives into files and back.
    Raises FeedError: conteneur_invalide, conteneur_hostile.
    """
    _not_beside(path, into)
    return _descend(Unpacker(jeu, limite), path, membre, into, depth=0)


def open_members(path: Path, *, jeu: str, into: Path, limite: Limits) -> dict[str, Path]:
    """Every file of a zip (a GTFS for one), written in `into`, by the last part of its name, as written there.

    Raises FeedError: conteneur_invalide when it is not a zip or when two files have one name; conteneur_hostile.
    """
    _not_beside(path, into)
    unpacker = Unpacker(jeu, limite)
    if sniff(path) is not Kind.ZIP:
        raise unpacker.invalid("la livraison n'est pas une archive zip", "vérifier `source.url`")
    found: dict[str, Path] = {}
    with unpacker.zip(path) as archive:
        for rank, info in enumerate(_files(archive)):
            name = parts_of(info.filename)[-1]
            if name in found:
                message = f"deux fichiers nommés {cited(repr(name))} dans l'archive"
                raise unpacker.invalid(message, "prévenir le producteur")
            found[name] = _extract(unpacker, archive, info, into / f"{rank:03d}-{safe_name(name)}")
    return found


def verify(path: Path, *, jeu: str, limite: Limits) -> None:
    """Read a container to its end: CRC of every member of a zip, of a gzip, both marks of a parquet.

    Nothing is written. Any other file passes. Raises FeedError: conteneur_invalide, conteneur_hostile.
    """
    unpacker, kind = Unpacker(jeu, limite), sniff(path)
    if kind is Kind.ZIP:
        with unpacker.zip(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    for _ in unpacker.chunks(member):
                        pass
    elif kind is Kind.GZIP:
        with unpacker.gzip(path) as stream:
            for _ in unpacker.chunks(stream):
                pass
    elif kind is Kind.PARQUET:
        with path.open("rb") as f:
            size = f.seek(-4, 2) + 4
            if size < 12 or f.read(4) != b"PAR1":
                raise unpacker.invalid("fichier parquet tronqué")


def _not_beside(path: Path, into: Path) -> None:
    if into.resolve() == path.parent.resolve():
        raise ValueError("unpacking beside the delivery could overwrite it")


def _descend(unpacker: Unpacker, path: Path, membre: str | None, into: Path, depth: int) -> Path:
    kind = sniff(path)
    if kind not in (Kind.ZIP, Kind.GZIP):
        return path
    if depth > 1:
        raise unpacker.hostile("plus d'une archive emboîtée dans l'archive")
    rest = membre
    if kind is Kind.GZIP:
        with unpacker.gzip(path) as stream:
            found = unpacker.write(stream, into / safe_name(path.name.removesuffix(".gz")))
    else:
        with unpacker.zip(path) as archive:
            if is_workbook(archive.namelist()):
                return path
            info, rest = _choose(unpacker, _files(archive), membre)
            if info.filename.casefold().endswith((".shp", ".mif")):
                return _with_siblings(unpacker, archive, info, into)
            found = _extract(unpacker, archive, info, into / safe_name(parts_of(info.filename)[-1]))
    inside = _descend(unpacker, found, rest, into / "interieur", depth + 1)
    if inside != found:
        found.unlink()
    return inside


def _choose(unpacker: Unpacker, files: list[zipfile.ZipInfo], membre: str | None) -> tuple[zipfile.ZipInfo, str | None]:
    """The member to extract, and the pattern that is still to be satisfied inside it."""
    nested, rest = _with_suffix(files, _NESTED), membre
    if membre is None:
        ranks = [_DATA, *((suffix,) for suffix in _LESSER), _NESTED]
        found = next((some for suffixes in ranks if (some := _with_suffix(files, suffixes))), [])
    elif matching := _matching(files, membre):
        found, rest = matching, None
    else:
        found = nested
    if len(found) != 1:
        names = [repr(i.filename[:100]) for i in files]
        shown = cited(listed(names, 20)) if names else "rien"
        sought = "fichier de données" if membre is None else f"membre {membre!r}"
        raise unpacker.invalid(
            f"{len(found)} {sought} dans l'archive, il en faut un ; elle contient : {shown}",
            "déclarer `source.membre` dans la clause",
        )
    return found[0], rest


def _matching(files: list[zipfile.ZipInfo], pattern: str) -> list[zipfile.ZipInfo]:
    glob = pattern.replace("\\", "/").replace("[", "[[]").casefold()
    whole = [i for i in files if fnmatch.fnmatchcase("/".join(parts_of(i.filename)).casefold(), glob)]
    return whole or [i for i in files if fnmatch.fnmatchcase(parts_of(i.filename)[-1].casefold(), glob)]


def _files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Entries that are files, without hidden ones and those that macOS adds."""
    return [
        i
        for i in archive.infolist()
        if not i.is_dir() and not any(p.startswith((".", "__MACOSX")) for p in parts_of(i.filename))
    ]


def _with_suffix(files: list[zipfile.ZipInfo], suffixes: tuple[str, ...]) -> list[zipfile.ZipInfo]:
    return [i for i in files if i.filename.casefold().endswith(suffixes)]


def _with_siblings(unpacker: Unpacker, archive: zipfile.ZipFile, info: zipfile.ZipInfo, into: Path) -> Path:
    """A shapefile or a MIF, with the files that it is read with."""
    stem, end = info.filename[:-4], info.filename[-4:].casefold()
    target = into / safe_name(f"{parts_of(stem)[-1]}{end}")
    siblings = {i.filename.casefold(): i for i in _files(archive)}
    for suffix, needed in _SIBLINGS[end].items():
        if found := siblings.get(stem.casefold() + suffix):
            _extract(unpacker, archive, found, target.with_suffix(suffix))
        elif needed:
            raise unpacker.invalid(f"{cited(repr(info.filename))} sans son fichier {suffix}", "prévenir le producteur")
    return _extract(unpacker, archive, info, target)


def _extract(unpacker: Unpacker, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> Path:
    with archive.open(info) as member:
        return unpacker.write(member, target)
