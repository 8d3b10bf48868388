"""Opendatasoft: whole exports, held to the catalogue."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from protocols import Pauses, ask, local, refused
from pytest_httpserver import HTTPServer

from qpv_data.problems import Problem

API = "/api/explore/v2.1/catalog/datasets/fr-en-annuaire"
CSV = b'nom;note\n"\xc3\x89cole; du\nBois";1\nB;2\nC;3\n'


@pytest.fixture
def server(httpserver: HTTPServer) -> HTTPServer:
    return httpserver


def portal(server: HTTPServer, **more: Any) -> Any:
    keys = {"jeu_de_donnees": "fr-en-annuaire", "export": "csv", **more}
    return local(type="opendatasoft", domaine=f"http://127.0.0.1:{server.port}", **keys)


def catalogue(server: HTTPServer, *counts: int) -> None:
    for count in counts[:-1]:
        server.expect_oneshot_request(API).respond_with_json({"metas": {"default": {"records_count": count}}})
    server.expect_request(API).respond_with_json({"metas": {"default": {"records_count": counts[-1]}}})


def test_the_export_is_asked_whole_with_what_the_clause_selects(server: HTTPServer, tmp_path: Path) -> None:
    asked = {"select": "nom,note", "where": "note > 0", "order_by": "nom", "delimiter": ";", "use_labels": "false"}
    server.expect_request(f"{API}/exports/csv", query_string=asked).respond_with_data(CSV)
    counting = {"where": "note > 0", "limit": "0"}
    server.expect_request(f"{API}/records", query_string=counting).respond_with_json({"total_count": 3, "results": []})
    got = ask(portal(server, selection=["nom", "note"], filtre="note > 0", tri="nom"), tmp_path)
    assert got.path.read_bytes() == CSV
    assert not any("offset" in r.url for r, _ in server.log), "never the paginated records"


@pytest.mark.parametrize("count", [2, 4])
def test_an_export_that_is_not_what_the_catalogue_counts_is_refused(
    server: HTTPServer, tmp_path: Path, count: int
) -> None:
    catalogue(server, count)
    server.expect_request(f"{API}/exports/csv").respond_with_data(CSV)
    with refused(Problem.SOURCE_TRONQUEE, "3 enregistrements", str(count), into=tmp_path / "in"):
        ask(portal(server), tmp_path / "in")


def test_a_dataset_updated_under_way_is_held_to_its_new_count(server: HTTPServer, tmp_path: Path) -> None:
    server.expect_oneshot_request(API).respond_with_json({"metas": {"default": {"records_count": 2}}})
    server.expect_request(f"{API}/exports/csv").respond_with_data(CSV)
    server.expect_oneshot_request(API).respond_with_json({"metas": {"default": {"records_count": 3}}})
    assert ask(portal(server), tmp_path).taille == len(CSV)


def test_every_kind_of_export_is_counted_as_it_is(server: HTTPServer, tmp_path: Path) -> None:
    table = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, 3]}), table)
    features = [{"type": "Feature", "properties": {"x": [1, {"y": 2}]}, "geometry": None}] * 3
    bodies = {
        "parquet": table.getvalue(),
        "geojson": json.dumps({"type": "FeatureCollection", "features": features}).encode(),
        "json": json.dumps([{"a": [1, 2]}, {"a": []}, {}]).encode(),
    }
    catalogue(server, 3)
    for kind, body in bodies.items():
        server.expect_request(f"{API}/exports/{kind}").respond_with_data(body)
        assert ask(portal(server, export=kind), tmp_path / kind).taille == len(body)


def test_a_rate_limit_is_waited_for_as_long_as_the_server_says(server: HTTPServer, tmp_path: Path) -> None:
    catalogue(server, 3)
    server.expect_oneshot_request(f"{API}/exports/csv").respond_with_data("", 429, {"Retry-After": "7"})
    server.expect_request(f"{API}/exports/csv").respond_with_data(CSV)
    pauses = Pauses()
    ask(portal(server), tmp_path, pause=pauses)
    assert pauses == [7.0]


def test_the_key_is_shown_to_the_portal_and_to_nobody_else(
    server: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_SECRET_CAF", "tresor-cache")
    catalogue(server, 3)
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/f.csv").respond_with_data(CSV)
        moved = {"Location": other.url_for("/f.csv")}
        server.expect_request(f"{API}/exports/csv").respond_with_data("", 302, moved)
        got = ask(portal(server, secret="QPV_SECRET_CAF", secret_envoi="apikey"), tmp_path)
        assert all(r.headers["Authorization"] == "Apikey tresor-cache" for r, _ in server.log)
        assert [r.headers.get("Authorization") for r, _ in other.log] == [None]
    assert "tresor" not in repr(got)


def test_a_missing_secret_is_named_and_nothing_is_asked(server: HTTPServer, tmp_path: Path) -> None:
    with refused(Problem.SECRET_ABSENT, "QPV_SECRET_ABSENT"):
        ask(portal(server, secret="QPV_SECRET_ABSENT"), tmp_path)
    assert server.log == []
