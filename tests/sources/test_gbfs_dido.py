"""GBFS and DiDo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from protocols import ask, local, refused, source
from pytest_httpserver import HTTPServer

from qpv_data.problems import Problem

INFO = {"data": {"stations": [{"station_id": "1", "lat": 43.6, "lon": 1.4}, {"station_id": "2"}]}}
STATUS = {
    "last_updated": 1_719_475_200,
    "data": {"stations": [{"station_id": "2", "num_bikes_available": 3}, {"station_id": "9"}]},
}


def serve(server: HTTPServer, discovery: Any, info: Any = INFO, status: Any = STATUS) -> Any:
    server.expect_request("/gbfs.json").respond_with_json(discovery)
    server.expect_request("/info").respond_with_json(info)
    server.expect_request("/status").respond_with_json(status)
    return local(type="gbfs", url=f"http://127.0.0.1:{server.port}/gbfs.json")


def feeds(server: HTTPServer) -> list[dict[str, str]]:
    base = f"http://127.0.0.1:{server.port}"
    return [{"name": "station_information", "url": f"{base}/info"}, {"name": "station_status", "url": f"{base}/status"}]


@pytest.mark.parametrize("version", ["2.3", "3.0", "2 en anglais"])
def test_stations_and_their_state_are_joined_and_none_is_lost(
    httpserver: HTTPServer, tmp_path: Path, version: str
) -> None:
    found = {"feeds": feeds(httpserver)}
    data = {"2.3": {"en": {"feeds": []}, "fr": found}, "3.0": found, "2 en anglais": {"en": found}}[version]
    got = ask(serve(httpserver, {"version": version, "data": data}), tmp_path)
    content = json.loads(got.path.read_text())
    assert content["releve_le"] == "2024-06-27T08:00:00+00:00"
    assert [s["station_id"] for s in content["stations"]] == ["1", "2", "9"]
    assert content["stations"][0]["station_status"] is None
    assert content["stations"][1]["station_status"]["num_bikes_available"] == 3
    assert content["stations"][2]["station_information"] is None


@pytest.mark.parametrize("moment", ["2024-06-27T10:00:00+02:00", 1_719_475_200])
def test_the_time_of_the_state_is_in_utc(httpserver: HTTPServer, tmp_path: Path, moment: Any) -> None:
    declared = serve(httpserver, {"data": {"feeds": feeds(httpserver)}}, status={**STATUS, "last_updated": moment})
    assert json.loads(ask(declared, tmp_path).path.read_text())["releve_le"] == "2024-06-27T08:00:00+00:00"


@pytest.mark.parametrize("moment", ["hier", None, True, 10**30, "2024-06-27T10:00:00"])
def test_a_state_of_unknown_time_is_refused(httpserver: HTTPServer, tmp_path: Path, moment: Any) -> None:
    declared = serve(httpserver, {"data": {"feeds": feeds(httpserver)}}, status={**STATUS, "last_updated": moment})
    with refused(Problem.FORMAT_INATTENDU, "last_updated"):
        ask(declared, tmp_path)


def test_a_station_twice_and_a_missing_feed_are_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    twice = {"data": {"stations": [{"station_id": "1"}, {"station_id": "1"}]}}
    with refused(Problem.FORMAT_INATTENDU, "double"):
        ask(serve(httpserver, {"data": {"feeds": feeds(httpserver)}}, info=twice), tmp_path)
    httpserver.clear()
    with refused(Problem.RESSOURCE_INTROUVABLE, "station_status"):
        ask(serve(httpserver, {"data": {"feeds": feeds(httpserver)[:1]}}), tmp_path)


def test_dido_is_asked_one_vintage_and_the_columns_needed(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = {
        "millesime": "2025-01", "columns": "DEPCOM,QPV", "withColumnName": "true", "withColumnDescription": "false",
        "withColumnUnit": "false", "DEPCOM": "eq:31555",
    }  # fmt: skip
    path = "/dido/api/v1/datafiles/abc-1/csv"
    httpserver.expect_request(path, query_string=asked).respond_with_data(b"DEPCOM;QPV\n31555;\n")
    declared = local(
        type="dido", hote=f"http://127.0.0.1:{httpserver.port}", fichier="abc-1", millesime="{annee}-01",
        champs=["DEPCOM", "QPV"], filtres={"DEPCOM": "eq:31555"},
    )  # fmt: skip
    assert declared.par_periode
    assert ask(declared.pour("2025"), tmp_path).taille == 18


def test_the_public_address_of_dido_is_the_one_that_its_page_gives() -> None:
    declared = source(type="dido", fichier="abc", millesime="2025-01", champs=["A", "B"])
    assert declared.adresse("x").startswith(
        "https://data.statistiques.developpement-durable.gouv.fr/dido/api/v1/datafiles/abc/csv?millesime=2025-01&columns=A,B"
    )
