"""`qpv-data doctor`: what is wrong is found, with its remedy; what is right costs nobody a line too many."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from factory import clause_of, points_clause, small_run
from pytest_httpserver import HTTPServer as Fake
from typer.testing import CliRunner

from qpv_data.clause.model import Clause
from qpv_data.cli import app
from qpv_data.compliance.availability import availability
from qpv_data.compliance.journal import read_journal
from qpv_data.operations import host_checks, lake_checks
from qpv_data.operations.check import Check, Etat
from qpv_data.operations.events import append
from qpv_data.operations.probing import note_probes, probe_all
from qpv_data.operations.source_checks import clock, secrets, source_checks
from qpv_data.problems import Problem
from qpv_data.sources.probe import Probed

NOW = datetime(2025, 1, 5, 4, tzinfo=UTC)
SECRET = "zorglub-1234"


def feed(server: Fake, path: str, ident: str = "points", **source: Any) -> Clause:
    declared = {"url": server.url_for(path), "hote_interne": "127.0.0.1", **source}
    return clause_of(
        points_clause(ident, source=declared, periode={"origine": "fixe", "frequence": "A", "debut": "2023"})
    )


def told(checks: Iterator[Check], etat: Etat = Etat.ATTENTION) -> list[Check]:
    return [c for c in checks if c.etat is etat]


def test_a_source_is_asked_once_with_its_secret_which_nobody_sees(
    httpserver: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_SECRET_ESSAI", SECRET)
    httpserver.expect_request("/a", headers={"Authorization": f"Bearer {SECRET}"}).respond_with_data("x" * 5_000_000)
    checks = list(source_checks([feed(httpserver, "/a", secret="QPV_SECRET_ESSAI")], datetime.now(UTC)))
    assert {c.etat for c in checks} == {Etat.OK}
    assert len(httpserver.log) == 1
    assert SECRET not in str(checks)


@pytest.mark.parametrize(
    ("path", "probleme", "etat"),
    [
        ("/404", Problem.SOURCE_ABSENTE, Etat.ATTENTION),
        ("/500", Problem.SOURCE_INJOIGNABLE, Etat.ATTENTION),
        ("/403", Problem.SOURCE_INJOIGNABLE, Etat.ATTENTION),
        ("/html", Problem.FORMAT_INATTENDU, Etat.ATTENTION),
        ("/ailleurs", Problem.URL_REFUSEE, Etat.ERREUR),
    ],
)
def test_what_does_not_answer_as_it_should_is_told_with_its_host_and_remedy(
    path: str, probleme: Problem, etat: Etat, httpserver: Fake
) -> None:
    for status in (404, 500, 403):
        httpserver.expect_request(f"/{status}").respond_with_data("", status)
    httpserver.expect_request("/html").respond_with_data("<html>", content_type="text/html; charset=utf-8")
    httpserver.expect_request("/ailleurs").respond_with_data("", 302, {"Location": "http://169.254.169.254/"})
    (found,) = told(source_checks([feed(httpserver, path)], NOW), etat)
    assert (found.probleme, found.sujet) == (probleme, "sources")
    assert found.constat.startswith("127.0.0.1 : ")
    assert found.remede


def test_feeds_that_fail_alike_on_a_host_are_one_line_and_a_dead_network_is_one_error(httpserver: Fake) -> None:
    httpserver.expect_request("/la").respond_with_data("ok")
    feeds = [feed(httpserver, "/non", f"jeu_{n}") for n in range(20)]
    (found,) = told(source_checks([feed(httpserver, "/la", "bon"), *feeds], NOW))
    assert "jeu_0, jeu_1, jeu_10, …" in found.constat
    dead = [
        clause_of(
            points_clause(
                f"mort_{n}",
                source={"url": f"http://{n}.hote.invalid/x"},
                periode={"origine": "fixe", "frequence": "A", "debut": "2023"},
            )
        )
        for n in range(3)
    ]
    (fault,) = told(source_checks(dead, NOW), Etat.ERREUR)
    assert fault.constat == "aucune des 3 ne répond"


def test_a_secret_that_is_not_there_is_an_error_with_or_without_the_network(httpserver: Fake) -> None:
    clause = feed(httpserver, "/a", secret="QPV_SECRET_ABSENT")
    for found in (told(secrets([clause], {}), Etat.ERREUR), told(source_checks([clause], NOW), Etat.ERREUR)):
        assert [c.probleme for c in found] == [Problem.SECRET_ABSENT]
    assert httpserver.log == []


def certificate(folder: Path, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "certificat.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return path


@contextmanager
def over_tls(pem: Path, late: timedelta) -> Iterator[int]:
    """A server whose certificate is `pem` and whose clock is `late`."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", format_datetime(datetime.now(UTC) - late, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_certificate_that_ends_soon_and_a_clock_that_is_off_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, 10)
    period = {"origine": "fixe", "frequence": "A", "debut": "2023"}
    with over_tls(pem, timedelta(minutes=10)) as port:
        source = {"url": f"https://127.0.0.1:{port}/x", "hote_interne": "127.0.0.1"}
        clause = clause_of(points_clause(source=source, periode=period))
        (refused,) = told(source_checks([clause], datetime.now(UTC)))
        assert "certificat refusé" in refused.constat
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(pem))
        checks = list(source_checks([clause], datetime.now(UTC)))
    assert [c.probleme for c in checks if c.etat is Etat.ATTENTION] == [Problem.CERTIFICAT_BIENTOT_PERIME]
    (off,) = [c for c in checks if c.etat is Etat.ERREUR]
    assert (off.probleme, off.sujet) == (Problem.HORLOGE_DECALEE, "horloge")
    assert "avance" in off.constat


def test_a_mirror_says_nothing_of_our_clock_and_no_source_at_all_is_not_a_good_answer(httpserver: Fake) -> None:
    httpserver.expect_request("/a").respond_with_data("ok")
    source = feed(httpserver, "/a")
    subjects = {c.sujet: c for c in source_checks([source], NOW, lambda address: address)}
    assert "pas comparée" in subjects["horloge"].constat
    checks = list(source_checks([feed(httpserver, "/non")], NOW))
    assert [c.etat for c in checks if c.sujet == "sources"] == [Etat.ATTENTION]


@pytest.mark.parametrize(
    ("seconds", "etat"),
    [([0.0, 1.0, 900.0], Etat.OK), ([-60.0], Etat.ATTENTION), ([400.0], Etat.ERREUR), ([], Etat.OK)],
)
def test_one_server_that_is_wrong_does_not_make_our_clock_wrong(seconds: list[float], etat: Etat) -> None:
    assert clock([Probed("j", None, "u", horloge=s) for s in seconds]).etat is etat


def test_probes_count_for_availability_and_for_no_promise(tmp_path: Path, httpserver: Fake) -> None:
    httpserver.expect_request("/oui").respond_with_data("ok")
    feeds = [feed(httpserver, "/oui", "oui"), feed(httpserver, "/non", "non")]
    note_probes(tmp_path, probe_all(feeds, NOW.date()), NOW - timedelta(days=1))
    journals = [read_journal(tmp_path, c.id) for c in feeds]
    assert all(j.receptions == () for j in journals)
    parts = {a.jeu: a.part for j in journals for a in availability(j.sondes, NOW)}
    assert parts == {"oui": 1.0, "non": 0.0}


def test_what_is_open_to_others_is_an_error_and_the_remedy_closes_it_whatever_the_folder_s_name(
    tmp_path: Path,
) -> None:
    lake = tmp_path / "dossier d'été; $HOME"
    assert "pas encore" in host_checks.permissions(lake).constat, "nothing was looked at"
    for name in ("raw", "cles", "journal", "acces"):
        (lake / name).mkdir(mode=0o750, parents=True)
    (lake / "cles" / "a.cle").touch(mode=0o644)
    (lake / "exploitation.duckdb").touch(mode=0o640)
    found = host_checks.permissions(lake)
    assert (found.etat, found.probleme) == (Etat.ERREUR, Problem.DROITS_TROP_LARGES)
    assert os.system(found.remede) == 0
    assert host_checks.permissions(lake).etat is Etat.OK


def test_a_version_out_of_its_bounds_is_named() -> None:
    assert host_checks.versions().etat is Etat.OK
    for wrong in ("duckdb==1.0.0", "numpy<1", "numpy>=99", "paquet_imaginaire>=1"):
        assert host_checks._beyond(wrong), wrong
    for right in ("duckdb==1.5.5", "numpy>=2.1", "rich"):
        assert host_checks._beyond(right) is None, right


def test_prefect_s_folder_is_its_own_and_its_database_whole(tmp_path: Path) -> None:
    home = tmp_path / "prefect"
    home.mkdir(mode=0o700)
    named = {"PREFECT_HOME": str(home)}
    assert host_checks.prefect_home(named).etat is Etat.OK
    with sqlite3.connect(home / "prefect.db") as con:
        con.execute("CREATE TABLE t AS SELECT 1")
    assert host_checks.prefect_home(named).etat is Etat.OK
    (home / "prefect.db").write_bytes(b"SQLite format 3\0" + b"abime" * 400)
    found = host_checks.prefect_home(named)
    assert (found.etat, found.probleme) == (Etat.ERREUR, Problem.PREFECT_MAL_REGLE)


def test_prefect_s_folder_may_be_named_from_here_or_from_home_or_be_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / "à part ?#"
    home.mkdir(mode=0o700)
    with sqlite3.connect(home / "prefect.db") as con:
        con.execute("CREATE TABLE t AS SELECT 1")
    for named in ("à part ?#", "~/à part ?#"):
        found = host_checks.prefect_home({"PREFECT_HOME": named})
        assert (found.etat, found.constat) == (Etat.OK, str(home))
    assert host_checks.prefect_home({"PREFECT_HOME": " "}).etat is Etat.OK, "as if it were not there"


@pytest.mark.skipif(os.geteuid() != 0, reason="il faut être root pour devenir quelqu'un d'autre")
def test_an_account_that_may_not_look_is_told_so_and_never_that_all_is_well(tmp_path: Path) -> None:
    package = Path(sys.prefix).resolve()
    if closed_above := [p for p in (package, *package.parents) if not p.stat().st_mode & 0o001]:
        pytest.skip(f"{closed_above[-1]} est fermé aux autres comptes : aucun ne peut y exécuter le paquet")
    lake = tmp_path / "lac"
    (lake / "journal").mkdir(mode=0o700, parents=True)
    code = (
        "import os, sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from qpv_data.operations.host_checks import host_checks; from qpv_data.operations.lake_checks import lake_checks\n"
        "lake = Path(sys.argv[1]); os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "found = [*host_checks(lake, {'PREFECT_HOME': sys.argv[1] + '/p'}), *lake_checks(lake, [], datetime.now(UTC), {})]\n"
        "print(*(f'{c.sujet}={c.etat}' for c in found))"
    )
    for closed in (lake, tmp_path):
        for folder in (*tmp_path.parents[:-2], tmp_path, lake):
            folder.chmod(0o755)
        closed.chmod(0o700)
        asked = [sys.executable, "-c", code, str(lake)]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        assert {"écriture=erreur", "droits=erreur", "PREFECT_HOME=erreur"} <= set(done.stdout.split())
    tmp_path.chmod(0o755)
    lake.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, str(lake)], capture_output=True, text=True, check=True)
    assert "droits=erreur" in done.stdout


def test_a_bundle_of_authorities_that_is_not_one_is_an_error(tmp_path: Path) -> None:
    assert host_checks.certificates({}).etat is Etat.OK
    (tmp_path / "vide.pem").touch()
    for wrong in (tmp_path / "vide.pem", tmp_path / "absent.pem"):
        assert host_checks.certificates({"REQUESTS_CA_BUNDLE": str(wrong)}).etat is Etat.ERREUR


def test_a_log_ahead_of_the_clock_a_run_without_an_end_and_no_backup_are_told(tmp_path: Path) -> None:
    event = {"quand": "2025-02-01T00:00:00+00:00", "execution": "x", "evenement": "debut", "commande": "run"}
    append(tmp_path, [event])
    assert lake_checks.clock_went_on([event], NOW).probleme is Problem.HORLOGE_DECALEE
    assert lake_checks.last_run([event], running=False).probleme is Problem.EXECUTION_INTERROMPUE
    assert lake_checks.last_run([event], running=True).etat is Etat.OK
    assert lake_checks.backups([event], NOW, True).probleme is Problem.SAUVEGARDE_ANCIENNE
    saved = [{**event, "evenement": "sauvegarde", "quand": "2025-01-04T00:00:00+00:00"}]
    assert lake_checks.backups(saved, NOW, True).etat is Etat.OK
    assert lake_checks.backups(saved, NOW + timedelta(days=30), True).etat is Etat.ATTENTION


def test_the_command_ends_by_1_on_errors_alone_and_off_line_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    mini = small_run(tmp_path)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    asked = ["doctor", "--out", str(mini.out), "--clauses", str(mini.clauses), "--hors-ligne"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "erreurs" not in done.output.splitlines()[-1]
    (mini.clauses / "points.yml").write_text("id: [", "utf-8")
    (mini.clauses.parent / "exploitation.yml").write_text("inconnu: 1", "utf-8")
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 1
    checks = {c["sujet"]: c for c in json.loads(done.output)}
    assert checks["clauses"]["etat"] == checks["notifications"]["etat"] == "erreur"
    assert "points.yml" in checks["clauses"]["constat"]
    assert str(mini.clauses) in checks["clauses"]["remede"]
    assert "exploitation.yml" in checks["notifications"]["constat"]
    assert checks["exécution"]["etat"] == "ok", "what does not read the clauses is looked at all the same"


def test_a_folder_with_records_and_no_log_of_runs_still_wants_a_backup(tmp_path: Path) -> None:
    assert lake_checks.backups([], NOW, False).etat is Etat.OK
    found = lake_checks.backups([], NOW, True)
    assert found.etat is Etat.ATTENTION
    command = found.remede.split(",")[0].split()
    assert command[0] == "qpv-data"
    assert command[1] in typer.main.get_command(app).commands  # type: ignore[attr-defined]
