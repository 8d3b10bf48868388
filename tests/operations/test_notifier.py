"""Who is declared is told, over real sockets; a hook that fails breaks nothing and is written down."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from factory import small_run
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.operations.events import read_events
from qpv_data.operations.notify import notify
from qpv_data.operations.recording import recording
from qpv_data.operations.settings import Exploitation, operation_of
from qpv_data.operations.summary import Failing, Summary, failing
from qpv_data.problems import InvalidDeclarationError, Problem
from qpv_data.runs import RunError

RUN = Summary(
    "20250105T040012Z-3f2a", "publication", "machine", "reussie", 41.0, None, "2024-T4-r1", True,
    (Failing("mutuelle", "2024-T3", "manquante", "source_absente"),), ("club 2024-T1",),
)  # fmt: skip


class _Smtp(socketserver.StreamRequestHandler):
    """As little of SMTP as a message takes."""

    def handle(self) -> None:
        said: list[bytes] = self.server.said  # type: ignore[attr-defined]
        self.wfile.write(b"220 essai\r\n")
        while line := self.rfile.readline():
            said.append(line)
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 oui\r\n")
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    said.append(line)
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.said = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.said  # type: ignore[attr-defined]
        server.shutdown()


def declared(*hooks: dict[str, Any]) -> Any:
    return Exploitation.model_validate({"notifications": hooks}).notifications


def hook(server: HTTPServer, **more: Any) -> dict[str, Any]:
    return {
        "type": "webhook",
        "quand": ["toujours"],
        "url": server.url_for("/alerte"),
        "hote_interne": "127.0.0.1",
        **more,
    }


def test_a_webhook_is_told_states_and_problems_and_no_count_of_rows(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/alerte", method="POST", headers={"Authorization": "Bearer chut"}).respond_with_data("")
    sent = list(notify(declared(hook(httpserver, secret="QPV_SECRET_ALERTE")), RUN, {"QPV_SECRET_ALERTE": "chut"}))
    assert [s.faute for s in sent] == [None]
    told = httpserver.log[0][0].json
    assert told["text"].splitlines()[0] == "qpv-data : publication réussie, publication 2024-T4-r1, 1 en défaut"
    assert "mutuelle 2024-T3 manquante : source_absente" in told["text"]
    assert set(told) == {"text", *Summary.__dataclass_fields__}
    assert not {"entrees", "sorties", "rejetees"} & set(str(told).split("'"))


def test_a_message_goes_by_mail_with_what_happened_in_its_subject() -> None:
    with mail_server() as (port, said):
        mail = {
            "type": "courriel",
            "quand": ["echec"],
            "serveur": "127.0.0.1",
            "port": port,
            "chiffrement": "aucun",
            "de": "qpv@exemple.fr",
            "a": ["garde@exemple.fr", "chef@exemple.fr"],
        }
        failed = Summary("x", "publication", "machine", "echec", 2.0, "ecriture_impossible")
        assert [s.faute for s in notify(declared(mail), failed, {})] == [None]
        assert list(notify(declared(mail), RUN, {})) == [], "its moment has not come"
    text = b"".join(said).decode()
    assert text.upper().count("RCPT TO:") == 2
    assert "ecriture_impossible" in text
    assert "Auto-Submitted: auto-generated" in text


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (404, 1), (302, 1)])
def test_a_hook_that_refuses_is_told_back_and_tried_again_only_when_that_may_help(
    status: int, tries: int, httpserver: HTTPServer
) -> None:
    asked = []

    def refuse(request: Request) -> Response:
        asked.append(request.path)
        return Response("", status, {"Location": "http://127.0.0.1:1/"})

    httpserver.expect_request("/alerte").respond_with_handler(refuse)
    (sent,) = notify(declared(hook(httpserver)), RUN, {}, pause=lambda _: None)
    assert sent.faute is not None
    assert str(status) in sent.faute
    assert len(asked) == tries


def test_nobody_there_no_variable_and_a_private_host_are_faults_and_not_errors(httpserver: HTTPServer) -> None:
    hooks = declared(
        hook(httpserver, url="http://127.0.0.1:9/"),
        {"type": "webhook", "quand": ["toujours"], "url_secrete": "QPV_SECRET_ADRESSE"},
        {"type": "webhook", "quand": ["toujours"], "url": httpserver.url_for("/alerte")},
        {"type": "courriel", "quand": ["toujours"], "serveur": "127.0.0.1", "port": 9, "chiffrement": "aucun", "de": "a@b.fr", "a": ["c@d.fr"]},
    )  # fmt: skip
    faults = [s.faute for s in notify(hooks, RUN, {}, pause=lambda _: None)]
    assert len(faults) == 4
    assert "ConnectionError" in str(faults[0])
    assert faults[1] == "la variable QPV_SECRET_ADRESSE est absente"
    assert "boucle locale" in str(faults[2])
    assert faults[3] == "ConnectionRefusedError"
    assert not httpserver.log


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://a.fr/x", "url_secrete": "QPV_SECRET_A"}, {}, {"url": "https://a.fr/x?token=secret"},
        {"url": "https://a.fr/x", "quand": []}, {"url": "https://a.fr/x", "secret": "mot-de-passe"},
    ],
)  # fmt: skip
def test_a_secret_never_stands_in_the_file(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        declared({"type": "webhook", "quand": ["toujours"], **wrong})
    mail = {
        "type": "courriel",
        "quand": ["echec"],
        "serveur": "s",
        "port": 25,
        "chiffrement": "aucun",
        "de": "a@b.fr",
        "a": ["c@d.fr"],
    }
    with pytest.raises(ValidationError):
        declared({**mail, "secret": "QPV_SECRET_COURRIEL"})


def test_a_run_tells_and_its_log_says_what_left_even_when_the_run_fails(tmp_path: Path, httpserver: HTTPServer) -> None:
    mini = small_run(tmp_path)
    (mini.out / "journal").mkdir(parents=True)
    hooks = [hook(httpserver), hook(httpserver, url="http://127.0.0.1:9/", quand=["publication"])]
    (tmp_path / "exploitation.yml").write_text(yaml.safe_dump({"notifications": hooks}), "utf-8")
    httpserver.expect_request("/alerte").respond_with_data("")
    refused = RunError(Problem.RIEN_A_PUBLIER, "rien", "attendre")
    with pytest.raises(RunError), recording(mini.configuration(), "publication"):
        raise refused
    told = [e for e in read_events(mini.out / "journal") if e["evenement"] == "notification"]
    assert [(e["rang"], e["etat"]) for e in told] == [(1, "envoyee")]
    assert httpserver.log[0][0].json["probleme"] == "rien_a_publier"


def test_a_file_that_is_wrong_is_refused_with_its_line_and_breaks_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mini = small_run(tmp_path)
    (tmp_path / "exploitation.yml").write_text("notifications:\n  - {type: pigeon}\n", "utf-8")
    with pytest.raises(InvalidDeclarationError, match=r"exploitation.yml:2"):
        operation_of(mini.clauses)
    with recording(mini.configuration(), "run"):
        pass
    assert "personne n'est prévenu" in capsys.readouterr().err


def test_a_delivery_that_was_stopped_then_replaced_is_told_once_as_it_ended() -> None:
    event = {"evenement": "livraison", "jeu": "a", "periode": "2024-T1"}
    stopped, replaced = {**event, "etat": "echec"}, {**event, "etat": "perimee", "probleme": "source_trop_lente"}
    fine = {**event, "periode": "2024-T2", "etat": "inchangee"}
    placed = {"evenement": "jeu", "jeu": "a", "etat": "fait"}
    assert failing([stopped, replaced, fine, placed]) == (Failing("a", "2024-T1", "perimee", "source_trop_lente"),)
    assert failing([{**placed, "etat": "refuse", "probleme": "sql_invalide"}]) == (
        Failing("a", None, "refuse", "sql_invalide"),
    )
