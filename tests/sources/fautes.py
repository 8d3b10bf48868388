"""What a source can do wrong, as it does it over a socket, and what is promised of each: the rows of a table that
docs/exploitation.md shows. A server answers each feed by its own fault, once told that the faults begin.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qpv_data.problems import Problem


@dataclass(frozen=True)
class Asked:
    """One request, to be answered wrongly. `good`: what the feed should give; `rank`: of the request, from 0."""

    conn: socket.socket
    good: bytes
    older: bytes
    rank: int
    secure: str

    def send(self, status: str = "200 OK", body: bytes = b"", length: bool = True, **headers: object) -> None:
        named = {"Content_Length": len(body)} if length else {}
        lines = [f"{k.replace('_', '-')}: {v}" for k, v in {**named, **headers, "Connection": "close"}.items()]
        self.conn.sendall(("\r\n".join([f"HTTP/1.1 {status}", *lines]) + "\r\n\r\n").encode() + body)

    @property
    def half(self) -> bytes:
        return self.good[: len(self.good) // 2]


@dataclass(frozen=True)
class Fault:
    """`probleme`: why the last good delivery stands in; None when the delivery is received all the same."""

    faute: str
    script: Callable[[Asked], None]
    probleme: Problem | None
    astreinte: str

    @property
    def issue(self) -> str:
        return "reçue" if self.probleme is None else "périmée : la dernière bonne est gardée"


def _drip(asked: Asked) -> None:
    asked.send(length=False, Content_Length=len(asked.good))
    for n in range(len(asked.good)):
        asked.conn.sendall(asked.good[n : n + 1])
        time.sleep(0.05)


def _burst(asked: Asked) -> None:
    asked.send("500 Erreur") if asked.rank < 2 else asked.send(body=asked.good)


def _quota(asked: Asked) -> None:
    asked.send("429 Trop", Retry_After=0) if asked.rank == 0 else asked.send(body=asked.good)


def _two_versions(asked: Asked) -> None:
    if asked.rank == 0:
        asked.send(length=False, body=asked.half, Content_Length=len(asked.good) + 9, ETag='"une"')
    else:
        asked.send(body=asked.good, ETag='"autre"')


def _versions_for_ever(asked: Asked) -> None:
    asked.send(length=False, body=asked.half, Content_Length=len(asked.good) + asked.rank, ETag=f'"{asked.rank}"')


def _half_the_rows(asked: Asked) -> None:
    lines = asked.good.splitlines(keepends=True)
    asked.send(body=b"".join(lines[: len(lines) // 2]))


RELAUNCH = "rien d'abord : relancer plus tard ; si cela dure, prévenir le producteur"
CALL = "prévenir le producteur, qui livre de nouveau"
FAULTS = {
    "tronquee": Fault(
        "réponse coupée, longueur annoncée", lambda a: a.send(length=False, body=a.half, Content_Length=len(a.good)),
        Problem.SOURCE_TRONQUEE, RELAUNCH,
    ),
    "tronquee_muette": Fault(
        "réponse coupée, longueur tue", lambda a: a.send(length=False, body=a.half), Problem.LIGNES_EN_BAISSE,
        "relancer ; la clause doit porter `baisse_max` ou un `lignes_min` serré : HTTP n'en dit rien",
    ),
    "archive_coupee": Fault(
        "archive coupée, longueur tue", lambda a: a.send(length=False, body=gzip.compress(a.good)[:-12]),
        Problem.CONTENEUR_INVALIDE, RELAUNCH,
    ),
    "goutte": Fault("octet par octet", _drip, Problem.SOURCE_TROP_LENTE, RELAUNCH),
    "quota": Fault("429 et `Retry-After`, puis la réponse", _quota, None, "rien"),
    "quota_sans_fin": Fault(
        "429 et `Retry-After`, toujours", lambda a: a.send("429 Trop", Retry_After=60), Problem.SOURCE_INJOIGNABLE,
        "relancer plus tard ; demander un quota au producteur",
    ),
    "rafale": Fault("rafale de 500, puis la réponse", _burst, None, "rien"),
    "rafale_sans_fin": Fault(
        "500 à chaque essai", lambda a: a.send("500 Erreur"), Problem.SOURCE_INJOIGNABLE, RELAUNCH,
    ),
    "page": Fault(
        "page HTML avec le code 200", lambda a: a.send(body=b"<!doctype html><p>maintenance"),
        Problem.FORMAT_INATTENDU, "lire la page à l'adresse ; corriger `source.url` si elle a changé",
    ),
    "autre_type": Fault(
        "un PDF à la place du tableau", lambda a: a.send(body=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\n"),
        Problem.FORMAT_INATTENDU, CALL,
    ),
    "vide": Fault("réponse vide avec le code 200", lambda a: a.send(), Problem.ENTETE_INATTENDU, CALL),
    "boucle": Fault(
        "redirection en boucle", lambda a: a.send("302 Trouvé", Location="boucle.csv"), Problem.URL_REFUSEE,
        "suivre l'adresse à la main ; corriger `source.url`",
    ),
    "certificat": Fault(
        "certificat que rien ne garantit", lambda a: a.send("302 Trouvé", Location=a.secure),
        Problem.SOURCE_INJOIGNABLE, "prévenir le producteur ; ne jamais passer outre",
    ),
    "schema": Fault(
        "colonne renommée", lambda a: a.send(body=a.good.replace(b"montant", b"somme", 1)),
        Problem.ENTETE_INATTENDU, "demander si c'est voulu : alors, version nouvelle de la clause",
    ),
    "moitie": Fault("deux fois moins de lignes", _half_the_rows, Problem.LIGNES_EN_BAISSE, CALL),
    "ancienne": Fault(
        "version d'avant redonnée", lambda a: a.send(body=a.older), Problem.VERSION_ANTERIEURE,
        "prévenir le producteur ; s'il revient bien à elle, déclarer `source.sha256`",
    ),
    "deux_versions": Fault("deux requêtes, deux versions, la seconde entière", _two_versions, None, "rien"),
    "versions_sans_fin": Fault(
        "une autre version à chaque reprise", _versions_for_ever, Problem.SOURCE_TRONQUEE, RELAUNCH,
    ),
    "absente": Fault(
        "404", lambda a: a.send("404 Absente"), Problem.SOURCE_ABSENTE,
        "corriger `source.url`, ou demander la livraison au producteur",
    ),
    "muette": Fault("raccroche sans répondre", lambda a: None, Problem.SOURCE_INJOIGNABLE, RELAUNCH),
}  # fmt: skip
WITNESS = "temoin"


def table() -> list[str]:
    """The rows of docs/exploitation.md."""
    head = ["| Faute | Issue | `probleme` | Ce que fait l'astreinte |", "|---|---|---|---|"]
    rows = [
        f"| {f.faute} | {f.issue} | {f'`{f.probleme}`' if f.probleme else '—'} | {f.astreinte} |"
        for f in FAULTS.values()
    ]
    return [*head, *rows]


class Sources:
    """Serves `files`, by name. Once `faulty`, a feed of FAULTS is answered by its fault."""

    def __init__(self, secure: str) -> None:
        self.files, self.older, self.faulty = dict[str, bytes](), dict[str, bytes](), False
        self._secure, self._counts = secure, Counter[str]()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=_accepting, args=(self._socket, self._one), daemon=True).start()

    def _one(self, conn: socket.socket) -> None:
        with conn:
            text = b""
            while b"\r\n\r\n" not in text and (data := conn.recv(4096)):
                text += data
            if not text:
                return
            name = text.split()[1].decode().lstrip("/")
            asked = Asked(conn, self.files[name], self.older.get(name, b""), self._counts[name], self._secure)
            known = self.fault_of(name)
            if known is None:
                asked.send(body=asked.good)
            else:
                self._counts[name] += 1
                known.script(asked)

    def fault_of(self, name: str) -> Fault | None:
        """How a file is to be answered wrongly, if it is."""
        return FAULTS.get(Path(name).stem) if self.faulty else None

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


Served = TypeVar("Served", bound=Sources)


def _accepting(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    def one(conn: socket.socket) -> None:
        try:
            answer(conn)
        except OSError:
            return  # whoever asked has gone

    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=one, args=(conn,), daemon=True).start()


@contextmanager
def serving(folder: Path, kind: Callable[[str], Served] = Sources) -> Iterator[Served]:
    """The server, and one more on TLS whose certificate nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(folder / "certificat.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse(conn: socket.socket) -> None:
            with context.wrap_socket(conn, server_side=True):
                raise AssertionError("a certificate that nobody vouches for was taken")

        threading.Thread(target=_accepting, args=(listener, refuse), daemon=True).start()
        sources = kind(f"https://127.0.0.1:{listener.getsockname()[1]}/certificat.csv")
        try:
            yield sources
        finally:
            sources.close()
            listener.shutdown(socket.SHUT_RDWR)


def _self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
