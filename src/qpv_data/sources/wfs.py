"""WFS 2.0: one layer, page after page, written as one GeoJSON whose axes and count have been checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from qpv_data.clause.source import SourceWfs
from qpv_data.fetch import Fetched
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.asking import Asking
from qpv_data.sources.axes import AxesWatch
from qpv_data.sources.http import redact
from qpv_data.sources.xml_guard import HostileXmlError, walk

_PAGE_MAX = 200_000_000
_AGAIN = "relancer ; si cela dure, prévenir le producteur"
_LON_LAT = {"EPSG:4326", "OGC:CRS84", "EPSG:CRS84", "OGC:4326"}


@dataclass
class _Reading:
    """What the pages already read have shown."""

    matched: int | None = None
    received: int = 0
    ids: set[str] = field(default_factory=set)


def layer(asking: Asking, source: SourceWfs) -> Fetched:
    """The whole layer as one GeoJSON: the features of each page, in the order asked for, nothing else of it.

    Pages start where the last one ended, so that a server which gives fewer than asked loses nothing.
    Raises FeedError: service_en_erreur (the service's own words), source_tronquee (fewer features than announced),
    source_instable (the announced number changed, or a feature came twice), crs_inattendu (wrong system or axes).
    """
    reading, axes = _Reading(), AxesWatch(source, asking.jeu)
    target = asking.into / ".couche.part"
    asking.into.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as out:
            head = {"type": "FeatureCollection", "crs": _named(source.crs)}
            out.write(json.dumps(head).encode()[:-1] + b', "features": [\n')
            _write_pages(asking, source, reading, axes, out)
            out.write(b"\n]}\n")
        axes.conclude()
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = target.rename(asking.into / f"{digest[:16]}-couche.geojson")
    finally:
        target.unlink(missing_ok=True)
    url = redact(source.adresse(asking.jeu))
    return Fetched(path, digest, path.stat().st_size, "couche.geojson", url, None, None)


def _write_pages(asking: Asking, source: SourceWfs, reading: _Reading, axes: AxesWatch, out: IO[bytes]) -> None:
    while True:
        url = source.requete(COUNT=str(source.page), STARTINDEX=str(reading.received))
        page = asking.read(url, _PAGE_MAX)
        answer = _collection(asking, url, page)
        _hold_system(asking, url, source, answer)
        features = list(_features(asking, url, answer, reading))
        _hold_number(asking, source, url, answer, reading)
        for feature in features:
            axes.see(feature)
            out.write(b",\n" if reading.received else b"")
            out.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")).encode())
            reading.received += 1
        if out.tell() > asking.policy.taille_max:
            message = f"plus de {asking.policy.taille_max} octets"
            raise asking.error(Problem.SOURCE_TROP_GRANDE, url, message, "relever `source.taille_max_mo`")
        if reading.received == reading.matched:
            return
        if not features or reading.received > (reading.matched or 0):
            message = f"{reading.received} objets reçus, {reading.matched} annoncés"
            raise asking.error(Problem.SOURCE_TRONQUEE, url, message, _AGAIN)


def _collection(asking: Asking, url: str, data: bytes) -> dict[str, Any]:
    if data.lstrip().removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise asking.error(Problem.SERVICE_EN_ERREUR, url, _exception(asking, data), "vérifier `source` et le service")
    answer = asking.parsed(data, url)
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        message = "la réponse n'est pas une collection GeoJSON"
        raise asking.error(Problem.FORMAT_INATTENDU, url, message, "vérifier `source.sortie`")
    return answer


def _exception(asking: Asking, data: bytes) -> str:
    """The service's words in an XML answer, cut short and cleaned: they come from outside."""
    codes: list[str] = []
    texts: list[str] = []
    roots: list[str] = []

    def started(name: str, attributes: dict[str, str]) -> None:
        roots.append(name) if not roots else None
        codes.extend(v for k, v in attributes.items() if k in ("exceptionCode", "code"))

    try:
        walk(data[:1_000_000], started, texts.append)
    except HostileXmlError as e:
        raise FeedError(
            asking.jeu, Problem.CONTENEUR_HOSTILE, f"réponse XML refusée : {e}", "prévenir le producteur"
        ) from None
    except ValueError:
        return "réponse XML illisible à la place de GeoJSON"
    if not roots[0].endswith(("ExceptionReport",)):
        return f"le service répond en XML ({roots[0][:40]}) à la place de GeoJSON : voir `source.sortie`"
    words = "".join(c if c.isprintable() else " " for c in " ".join([*codes, *texts]))
    return f"exception du service : {' '.join(words.split())[:200]}"


def _features(asking: Asking, url: str, answer: dict[str, Any], reading: _Reading) -> Iterator[dict[str, Any]]:
    for feature in answer["features"]:
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            message = "un objet de la réponse n'en est pas un"
            raise asking.error(Problem.FORMAT_INATTENDU, url, message, "prévenir le producteur")
        ident = feature.get("id")
        if ident is not None:
            if str(ident) in reading.ids:
                message = "un objet revient sur deux pages : l'ordre du service n'est pas stable"
                raise asking.error(Problem.SOURCE_INSTABLE, url, message, "trier par une clé unique (`source.tri`)")
            reading.ids.add(str(ident))
        yield feature


def _hold_number(asking: Asking, source: SourceWfs, url: str, answer: dict[str, Any], reading: _Reading) -> None:
    told = answer.get("numberMatched", answer.get("totalFeatures"))
    matched = told if isinstance(told, int) and not isinstance(told, bool) else _hits(asking, source)
    if reading.matched is None:
        reading.matched = matched
    elif reading.matched != matched:
        message = f"{matched} objets annoncés, {reading.matched} à la page d'avant : la couche change"
        raise asking.error(Problem.SOURCE_INSTABLE, url, message, "relancer, hors des heures de mise à jour")
    returned = answer.get("numberReturned")
    if isinstance(returned, int) and returned != len(answer["features"]):
        message = f"page de {len(answer['features'])} objets, {returned} annoncés"
        raise asking.error(Problem.SOURCE_TRONQUEE, url, message, _AGAIN)


def _hits(asking: Asking, source: SourceWfs) -> int:
    """The number of features by RESULTTYPE=hits, for services whose GeoJSON does not tell it."""
    url = source.requete(RESULTTYPE="hits", OUTPUTFORMAT="", SORTBY="", PROPERTYNAME="")
    found: list[str] = []

    def started(name: str, attributes: dict[str, str]) -> None:
        found.extend([attributes["numberMatched"]] if "numberMatched" in attributes else [])

    data = asking.read(url, 1_000_000)
    try:
        walk(data, started, lambda _: None)
    except HostileXmlError as e:
        raise asking.error(Problem.CONTENEUR_HOSTILE, url, f"réponse XML refusée : {e}", _AGAIN) from None
    except ValueError:
        found.clear()
    if len(found) != 1 or not found[0].isdecimal():
        message = "le service ne dit pas combien il a d'objets (numberMatched)"
        raise asking.error(Problem.SERVICE_EN_ERREUR, url, message, "prévenir le producteur")
    return int(found[0])


def _hold_system(asking: Asking, url: str, source: SourceWfs, answer: dict[str, Any]) -> None:
    crs = answer.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        return
    words = [w for w in name.upper().replace("/", ":").replace("#", ":").split(":") if w]
    authority = next((w for w in ("EPSG", "OGC") if w in words), "")
    told = f"{authority}:{words[-1]}" if words else ""
    if told != source.crs and not {told, source.crs} <= _LON_LAT:
        message = f"système {told[:40]} reçu, {source.crs} demandé"
        raise asking.error(Problem.CRS_INATTENDU, url, message, "corriger `source.crs`")


def _named(crs: str) -> dict[str, Any]:
    code = crs.removeprefix("EPSG:")
    name = "urn:ogc:def:crs:OGC:1.3:CRS84" if code == "4326" else f"urn:ogc:def:crs:EPSG::{code}"
    return {"type": "name", "properties": {"name": name}}
