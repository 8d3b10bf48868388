"""`dcat.ttl`: the release in a catalogue of DCAT-AP 3, for portals that harvest one.

Two datasets, the values and the perimeters, a distribution a file. Every reference to what is ours is relative to the
file itself: it is true wherever the release is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qpv_data.exports.files import PublishedFile, PublishedTable, published_tables
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.licences import Licence, licences
from qpv_data.exports.parquet import SCHEMA_VERSION, TableComments
from qpv_data.exports.series import with_series
from qpv_data.exports.turtle import Blank, Iri, Literal, Name, Properties, Term, turtle
from qpv_data.periods import parse_period

_EU = "http://publications.europa.eu/resource/authority"
PREFIXES = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_RIGHTS = {"ouvert": "PUBLIC", "partenaires": "RESTRICTED", "interne": "NON_PUBLIC"}
_PERIMETERS = frozenset({"zones", "zones_communes", "zones_epci", "zones_contrats", "passages", "en_vigueur"})
_GEOPARQUET = "https://geoparquet.org/releases/v1.1.0/"
_PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
_PUBLISHER = Iri("#diffuseur")
_TYPE = Name("rdf", "type")


def dcat(folder: AudienceFolder, root: Path, comments: Mapping[str, TableComments]) -> bytes:
    """The catalogue of an audience's tables, in Turtle, to be written at `root`, which paths are relative to."""
    publication = folder.publication()
    tables = published_tables(folder, root)
    return turtle(PREFIXES, _subjects(folder, publication, tables, with_series(comments))).encode()


def _subjects(
    folder: AudienceFolder, publication: Mapping[str, Any], tables: list[PublishedTable],
    comments: Mapping[str, TableComments],
) -> Iterator[tuple[Iri, Properties]]:  # fmt: skip
    name, day = f"{publication['diffuseur']}, {publication['publication']}", _day(publication["publiee_le"])
    parts = {
        "indicateurs": [t for t in tables if t.nom not in _PERIMETERS],
        "perimetres": [t for t in tables if t.nom in _PERIMETERS],
    }
    yield (
        Iri("#catalogue"),
        [
            (_TYPE, Name("dcat", "Catalog")),
            (Name("dct", "title"), _fr(f"Publications de {publication['diffuseur']}")),
            (Name("dct", "description"), _fr(f"Ce que contient la publication {name}.")),
            (Name("dct", "publisher"), _PUBLISHER),
            (Name("dct", "language"), Iri(f"{_EU}/language/FRA")),
            (Name("dct", "modified"), day),
            *((Name("dcat", "dataset"), Iri(f"#{part}")) for part in parts),
        ],
    )
    yield (
        _PUBLISHER,
        [
            (_TYPE, Name("foaf", "Agent")),
            (Name("foaf", "name"), _fr(str(publication["diffuseur"]))),
        ],
    )
    yield (
        Iri("#indicateurs"),
        [
            *_dataset(
                folder, publication, "Indicateurs par quartier prioritaire et par trimestre", parts["indicateurs"]
            ),
            (Name("dct", "description"), _fr(f"Valeurs des indicateurs, protégées par le secret. {folder.warning()}")),
            (Name("dct", "temporal"), _temporal(folder)),
            (Name("dct", "accrualPeriodicity"), Iri(f"{_EU}/frequency/QUARTERLY")),
        ],
    )
    yield (
        Iri("#perimetres"),
        [
            *_dataset(
                folder, publication, "Périmètres et leurs passages d'une génération à l'autre", parts["perimetres"]
            ),
            (Name("dct", "description"), _fr("Contours des zones, communes et contrats dont elles sont, et passages.")),
            (Name("dct", "accrualPeriodicity"), Iri(f"{_EU}/frequency/IRREG")),
        ],
    )
    rights = _licence(licences(folder))
    for table in tables:
        for file in table.fichiers:
            yield _distribution(table, file), _file(table, file, comments, rights)


def _dataset(
    folder: AudienceFolder, publication: Mapping[str, Any], title: str, tables: list[PublishedTable]
) -> Properties:
    day = _day(publication["publiee_le"])
    return [
        (_TYPE, Name("dcat", "Dataset")),
        (Name("dct", "title"), _fr(f"{title} ({publication['periode']})")),
        (Name("dct", "identifier"), Literal(f"{publication['diffuseur']}/{publication['publication']}")),
        (Name("dcat", "version"), Literal(str(publication["publication"]))),
        (Name("dct", "publisher"), _PUBLISHER),
        (Name("dct", "issued"), day),
        (Name("dct", "modified"), day),
        (Name("dct", "language"), Iri(f"{_EU}/language/FRA")),
        (Name("dct", "accessRights"), Iri(f"{_EU}/access-right/{_RIGHTS[publication['diffusion']]}")),
        (Name("dcat", "theme"), Iri(f"{_EU}/data-theme/REGI")),
        (Name("dcat", "theme"), Iri(f"{_EU}/data-theme/SOCI")),
        *((Name("dcat", "keyword"), _fr(word)) for word in ("QPV", "contrat de ville", "politique de la ville")),
        (Name("dct", "conformsTo"), _standard(f"Schéma des publications de qpv-data, version {SCHEMA_VERSION}")),
        *_spatial(folder),
        *((Name("dcat", "distribution"), _distribution(t, f)) for t in tables for f in t.fichiers),
    ]


def _file(
    table: PublishedTable, file: PublishedFile, comments: Mapping[str, TableComments], rights: Term
) -> Properties:
    said = comments.get(table.nom, TableComments("", {})).table or table.nom
    return [
        (_TYPE, Name("dcat", "Distribution")),
        (Name("dct", "title"), _fr(_title(table, file))),
        (Name("dct", "description"), _fr(said)),
        (Name("dcat", "accessURL"), Iri(file.chemin)),
        (Name("dcat", "downloadURL"), Iri(file.chemin)),
        (Name("dct", "format"), Iri(f"{_EU}/file-type/PARQUET")),
        (Name("dcat", "mediaType"), Iri(_PARQUET)),
        (Name("dcat", "byteSize"), Literal(str(file.octets), type=Name("xsd", "nonNegativeInteger"))),
        (Name("spdx", "checksum"), _checksum(file.sha256)),
        *([(Name("dct", "conformsTo"), Iri(_GEOPARQUET))] if table.nom == "zones" else []),
        (Name("dct", "license"), rights),
    ]


def _checksum(sha256: str) -> Blank:
    return Blank(
        [
            (_TYPE, Name("spdx", "Checksum")),
            (Name("spdx", "algorithm"), Name("spdx", "checksumAlgorithm_sha256")),
            (Name("spdx", "checksumValue"), Literal(sha256, type=Name("xsd", "hexBinary"))),
        ]
    )


def _licence(found: list[Licence]) -> Term:
    """DCAT-AP has one licence a distribution: ours is the address of the only one, or a document that names them."""
    if len(found) == 1 and found[0].adresse:
        return Iri(found[0].adresse)
    title = "Chaque indicateur et chaque périmètre suit la licence de son jeu, que dit la table clauses : "
    document: Properties = [
        (_TYPE, Name("dct", "LicenseDocument")),
        (Name("dct", "title"), _fr(title + _listed(found))),
    ]
    return Blank(document)


def _listed(found: list[Licence]) -> str:
    return " ; ".join(f"{licence.titre} ({licence.adresse})" if licence.adresse else licence.titre for licence in found)


def _standard(title: str) -> Blank:
    return Blank([(_TYPE, Name("dct", "Standard")), (Name("dct", "title"), _fr(title))])


def _temporal(folder: AudienceFolder) -> Blank:
    """From the first day of the first period to the last day of the last; the periods are in the paths."""
    periods = [parse_period(p.parent.name.split("=", 1)[1]) for p in folder.values()]
    return Blank(
        [
            (_TYPE, Name("dct", "PeriodOfTime")),
            (Name("dcat", "startDate"), _day(min(p.debut for p in periods))),
            (Name("dcat", "endDate"), _day(max(p.fin for p in periods))),
        ]
    )


def _spatial(folder: AudienceFolder) -> Properties:
    """The bounds of all contours as WKT, in longitude and latitude; nothing when no zone has one."""
    boxes = [b for b in folder.table("zones").column("bbox").to_pylist() if b]
    if not boxes:
        return []
    west, south = (min(b[side] for b in boxes) for side in ("xmin", "ymin"))
    east, north = (max(b[side] for b in boxes) for side in ("xmax", "ymax"))
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    wkt = f"POLYGON(({', '.join(f'{x} {y}' for x, y in corners)}))"
    place: Properties = [
        (_TYPE, Name("dct", "Location")),
        (Name("dcat", "bbox"), Literal(wkt, type=Name("geo", "wktLiteral"))),
    ]
    return [(Name("dct", "spatial"), Blank(place))]


def _distribution(table: PublishedTable, file: PublishedFile) -> Iri:
    return Iri("#" + ".".join(["fichier", table.nom, *_parts(file)]))


def _title(table: PublishedTable, file: PublishedFile) -> str:
    return ", ".join([table.nom, *_parts(file)])


def _parts(file: PublishedFile) -> list[str]:
    """The zoning and the period of a file of `valeurs`."""
    return [p.split("=", 1)[1] for p in file.chemin.split("/") if "=" in p]


def _fr(text: str) -> Literal:
    return Literal(text, "fr")


def _day(day: Any) -> Literal:
    return Literal(f"{day:%Y-%m-%d}", type=Name("xsd", "date"))
