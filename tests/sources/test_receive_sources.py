"""Every type of source through a whole run: from its protocol or its deposit to a release, and from a mirror."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from factory import IN_A, IN_B, POINT_HEADER, Mini, csv_of, point, points_clause
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.receive import receive
from qpv_data.runs import Expected, exclusive

ROWS = csv_of([point("a1", IN_A), point("b1", IN_B)], POINT_HEADER)
FIXED = {"periode": {"origine": "fixe", "frequence": "A", "debut": "2023"}}


def deposit(folder: Path, **more: Any) -> dict[str, Any]:
    return {"type": "depot", "url": f"file://{folder}", "motif": "points-{periode}*.csv", "ecriture": "stable", **more}


def dropped(folder: Path, name: str, body: bytes, date: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(body)
    os.utime(folder / name, (date, date))


def received(mini: Mini, periode: str | None = "2024-T1") -> Any:
    from qpv_data.clause.check import checked_clauses

    cfg = mini.configuration(miroir=None)
    [clause] = [c for c in checked_clauses(mini.clauses).jeux if c.id == "points"]
    with exclusive(cfg):
        return receive(cfg, clause, Expected("points", periode), None)


def test_a_deposit_gives_deliveries_in_order_with_their_receipts(tmp_path: Path) -> None:
    mini, folder = Mini(tmp_path), tmp_path / "depot"
    mini.referentials()
    mini.declare(points_clause("points", source=deposit(folder)))
    dropped(folder, "points-2024-T1.csv", ROWS, 100)
    dropped(
        folder, "points-2024-T1 corrigé.csv", ROWS + csv_of([point("c", IN_A)], POINT_HEADER).split(b"\n", 1)[1], 200
    )
    dropped(folder, "points-2024-T2.csv", ROWS, 300)
    first = received(mini)
    assert (first.statut, first.livraison, first.recues) == ("recue", "points-2024-T1-v2", 3)
    told = [json.loads(p.read_text()) for p in (folder / "recus").glob("*.json")]
    assert sorted(r["livraison"] for r in told) == ["points-2024-T1-v1", "points-2024-T1-v2"]
    assert received(mini).statut == "inchangee"
    assert received(mini, "2024-T2").livraison == "points-2024-T2-v1"
    assert received(mini, "2024-T3").statut == "manquante"
    assert str(folder) not in first.url


def test_a_folder_that_is_here_is_read_beside_a_mirror(tmp_path: Path) -> None:
    mini, folder = Mini(tmp_path), tmp_path / "depot"
    mini.referentials()
    mini.declare(points_clause("points", source=deposit(folder, attente_s=0)))
    dropped(folder, "points-2024-T1.csv", ROWS, 100)
    report = mini.run(periode="2024-T1")
    assert [(r.jeu, r.statut) for r in report.receptions if r.jeu == "points"] == [("points", "recue")]
    assert len(list((folder / "recus").glob("*.json"))) == 1
    assert mini.value("points_n", "QN09901A", "2024-T1")[0] == 1


def test_a_bad_file_in_the_deposit_leaves_the_last_good_delivery_standing(tmp_path: Path) -> None:
    mini, folder = Mini(tmp_path), tmp_path / "depot"
    mini.referentials()
    mini.declare(points_clause("points", source=deposit(folder)))
    dropped(folder, "points-2024-T1.csv", ROWS, 100)
    received(mini)
    dropped(folder, "points-2024-T1-v2.csv", b"<!doctype html><p>Connexion", 200)
    stale = received(mini)
    assert (stale.statut, stale.probleme, stale.recues) == ("perimee", "format_inattendu", 2)


def test_no_secret_reaches_what_a_run_writes_or_says(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QPV_SECRET_VILLE", "sesame-4242")
    mini = Mini(tmp_path)
    mini.referentials()
    source = {
        "url": httpserver.url_for("/points-{periode}.csv"), "hote_interne": "127.0.0.1", "secret": "QPV_SECRET_VILLE",
        "secret_envoi": "parametre", "secret_nom": "cle",
    }  # fmt: skip
    mini.declare(points_clause("points", source=source))

    def answer(request: Request) -> Response:
        return Response(ROWS if request.args.get("cle") == "sesame-4242" else b"", 200 if request.args else 403)

    httpserver.expect_request("/points-2024-T1.csv").respond_with_handler(answer)
    httpserver.expect_request("/points-2024-T2.csv").respond_with_data("", 403)
    good, bad = received(mini), received(mini, "2024-T2")
    assert (good.statut, bad.statut) == ("recue", "refusee")
    out, err = capfd.readouterr()
    written = b"".join(p.read_bytes() for p in mini.out.rglob("*") if p.is_file())
    for where in (repr(good), repr(bad), out, err, written.decode("latin-1")):
        assert "sesame" not in where


def test_a_private_address_behind_a_public_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the name resolves to is what is judged: the resolver is replaced, the socket is real."""
    import socket

    mini = Mini(tmp_path)
    mini.referentials()
    with HTTPServer(host="127.0.0.1") as server:
        url = f"http://donnees.ville.example:{server.port}/points-{{periode}}.csv"
        mini.declare(points_clause("points", source={"url": url}))
        told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: told)
        refused = received(mini)
        assert (refused.statut, refused.probleme) == ("refusee", "url_refusee")
        assert server.log == []
        # A name that is public when it is looked up, and private when it is connected to.
        answers = iter([[(*told[0][:4], ("93.184.215.14", server.port))]])
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: next(answers, told))
        assert received(mini).probleme == "url_refusee"
        assert server.log == []


SOURCES: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = {
    "opendatasoft": (
        {"type": "opendatasoft", "domaine": "o.example", "jeu_de_donnees": "pts", "export": "csv"},
        {"o.example/api/explore/v2.1/catalog/datasets/pts/exports/csv?delimiter=;&use_labels=false": ROWS},
    ),
    "datagouv": (
        {"type": "datagouv", "jeu_de_donnees": "pts", "ressource": "Points"},
        {
            "www.data.gouv.fr/api/1/datasets/pts/index": json.dumps(
                {"resources": [{"title": "Points", "url": "https://s.example/p.csv"}]}
            ).encode(),
            "s.example/p.csv": ROWS,
        },
    ),
    "datagouv, fichier seul": (
        {"type": "datagouv", "jeu_de_donnees": "pts", "ressource": "Points"},
        {"table": b"https://www.data.gouv.fr/datasets/pts/?ressource=Points"},
    ),
    "dido": (
        {"type": "dido", "fichier": "pts", "millesime": "2025-01"},
        {"table": (
            b"https://data.statistiques.developpement-durable.gouv.fr/dido/api/v1/datafiles/pts/csv?millesime=2025-01"
            b"&withColumnName=true&withColumnDescription=false&withColumnUnit=false"
        )},
    ),
    "depot": (
        {"type": "depot", "url": "file:///nulle/part", "motif": "points-*.csv", "ecriture": "stable"},
        {"points/points-2024 (1).csv": ROWS},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SOURCES))
def test_a_mirror_answers_for_every_type(tmp_path: Path, kind: str) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    source, files = SOURCES[kind]
    mini.declare(points_clause("points", source=source, **FIXED))
    lines = ["url;fichier"]
    for name, body in files.items():
        if name == "table":
            (mini.mirror / "seul.csv").write_bytes(ROWS)
            lines.append(f"{body.decode()};seul.csv")
        elif name.endswith("/index"):
            (mini.mirror / "api.json").write_bytes(body)
            lines.append(f"https://{name.removesuffix('index')};api.json")
        else:
            (mini.mirror / name).parent.mkdir(parents=True, exist_ok=True)
            (mini.mirror / name).write_bytes(body)
    (mini.mirror / "miroir.csv").write_text("\n".join(lines) + "\n")
    report = mini.run()
    [reception] = [r for r in report.receptions if r.jeu == "points"]
    assert (reception.statut, reception.recues) == ("recue", 2), reception
    assert mini.value("points_n", "QN09901A", "2023")[0] == 1


def test_services_answer_from_a_mirror_request_by_request(tmp_path: Path) -> None:
    """A WFS and a GBFS, each request at its own address, without a network."""
    from protocols import ask, source

    from qpv_data.sources.mirror import Mirror

    wfs = source(
        type="wfs", url="https://w.example/wfs", couche="a:b", crs="EPSG:4326", tri="id", page=2,
        emprise=[-5, 41, 10, 51.5],
    )  # fmt: skip
    gbfs = source(type="gbfs", url="https://g.example/gbfs.json")
    features = [
        {
            "type": "Feature",
            "id": str(n),
            "properties": {"code": "x"},
            "geometry": {"type": "Point", "coordinates": [2, 48]},
        }
        for n in range(3)
    ]
    pages = {
        wfs.requete(COUNT="2", STARTINDEX=str(at)): {"features": features[at : at + 2], "numberMatched": 3}
        for at in (0, 2)
    }
    feeds = [{"name": n, "url": f"https://g.example/{n}.json"} for n in ("station_information", "station_status")]
    documents: dict[str, Any] = {
        **pages,
        "https://g.example/gbfs.json": {"data": {"feeds": feeds}},
        "https://g.example/station_information.json": {"data": {"stations": [{"station_id": "1"}]}},
        "https://g.example/station_status.json": {"last_updated": 0, "data": {"stations": []}},
    }
    lines = ["url;fichier"]
    for n, (url, document) in enumerate(documents.items()):
        (tmp_path / f"{n}.json").write_text(json.dumps(document))
        lines.append(f"{url};{n}.json")
    (tmp_path / "miroir.csv").write_text("\n".join(lines) + "\n")
    with Mirror.open(tmp_path, []).serve() as session:
        layer = ask(wfs, tmp_path / "w", transport=session.address)
        stations = ask(gbfs, tmp_path / "g", transport=session.address)
    assert len(json.loads(layer.path.read_text())["features"]) == 3
    assert len(json.loads(stations.path.read_text())["stations"]) == 1
