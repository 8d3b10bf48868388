"""Two geocoders on real sockets that check every request strictly, and know a few fictitious addresses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.addresses.exchange import Patience
from qpv_data.addresses.model import Service

# Impatient: tests do not sleep.
VITE = Patience(essais=3, attente=0.0, connexion=2.0, lecture=2.0, duree_max=20.0)
SECRET = "13 impasse du Secret-Bien-Gardé"


@dataclass(frozen=True)
class Lieu:
    """A place that the fake geocoders know."""

    lon: float = 1.5
    lat: float = 46.5
    score: float = 0.95
    type: str = "housenumber"
    commune: str = "99001"
    postcode: str = "99000"
    more: Mapping[str, Any] = field(default_factory=dict)

    def feature(self, label: str) -> dict[str, Any]:
        about = {"label": label, "score": self.score, "type": self.type, "citycode": self.commune,
                 "postcode": self.postcode, **self.more}  # fmt: skip
        return {"geometry": {"type": "Point", "coordinates": [self.lon, self.lat]}, "properties": about}


Known = Mapping[str, Sequence[Lieu]]


class FauxAddok:
    """`GET /search/?q&autocomplete=0&limit[&citycode|&postcode]`, anything else is a 400."""

    def __init__(self, server: HTTPServer, known: Known) -> None:
        self.known, self.asked = known, list[dict[str, str]]()
        self.service = Service("addok", server.url_for("").rstrip("/"), personnelles=True)
        server.expect_request("/search/").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        asked = dict(request.args.items())
        self.asked.append(asked)
        strict = request.method == "GET" and request.get_data() == b"" and not request.authorization
        wanted = {"q", "autocomplete", "limit", *({"citycode", "postcode"} & set(asked))}
        if not strict or set(asked) != wanted or {"citycode", "postcode"} <= wanted or asked["autocomplete"] != "0":
            return Response("mal demandé", 400)
        found = self.known.get(asked["q"], ())
        if "citycode" in asked:  # a filter that a careless service ignores is tested apart
            found = [p for p in found if p.commune == asked["citycode"] or p.more.get("indocile")]
        features = [p.feature(asked["q"]) for p in found[: int(asked["limit"])]]
        return Response(json.dumps({"type": "FeatureCollection", "features": features, "query": asked["q"]}))


COLUMNS = ["latitude", "longitude", "result_label", "result_score", "result_score_next", "result_type",
           "result_citycode", "result_postcode", "result_status"]  # fmt: skip


class FausseGeoplateforme:
    """`POST /search/csv`, multipart: `data`, `columns=adresse`, the names of the filters. `alter` spoils the answer."""

    def __init__(
        self, server: HTTPServer, known: Known, alter: Callable[[list[list[str]]], list[list[str]]] | None = None
    ) -> None:
        self.known, self.alter, self.asked = known, alter or (lambda rows: rows), list[list[dict[str, str]]]()
        self.forms = list[dict[str, list[str]]]()
        self.service = Service("geoplateforme", server.url_for("").rstrip("/"), personnelles=False)
        server.expect_request("/search/csv").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        form = {k: request.form.getlist(k) for k in request.form}
        self.forms.append(form)
        files = request.files
        allowed = {"columns": ["adresse"], "citycode": ["code_commune"], "postcode": ["code_postal"]}
        if (
            request.method != "POST"
            or list(files) != ["data"]
            or request.query_string
            or "columns" not in form
            or any(allowed.get(k) != v for k, v in form.items())
        ):
            return Response("mal demandé", 400)
        rows = list(csv.DictReader(io.StringIO(files["data"].read().decode(), newline=""), strict=True))
        self.asked.append(rows)
        out = io.StringIO()
        csv.writer(out).writerows(self.alter([[*rows[0], *COLUMNS], *(self._row(r) for r in rows)]))
        return Response(out.getvalue(), content_type="text/csv; charset=utf-8")

    def _row(self, row: dict[str, str]) -> list[str]:
        found = [p for p in self.known.get(row["adresse"], ()) if row["code_commune"] in ("", p.commune)]
        if not found:
            return [*row.values(), *[""] * (len(COLUMNS) - 1), "not-found"]
        p, following = found[0], found[1].score if len(found) > 1 else 0
        about = [p.lat, p.lon, row["adresse"], p.score, following, p.type, p.commune, p.postcode, "ok"]
        return [*row.values(), *map(str, about)]
