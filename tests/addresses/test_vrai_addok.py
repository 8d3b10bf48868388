"""A real Addok over a real Redis, on a generated extract. Skips, saying so, without redis-server or Addok's environment.

Addok's environment: `ADDOK_DOSSIER`, else data/addok (made by `make addok`, or by `python outils/addok/servir.py
--installer`).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qpv_data.addresses.addok import Addok
from qpv_data.addresses.geocode import geocode
from qpv_data.addresses.model import Answer, Question, Service
from qpv_data.addresses.questions import AddressColumns, PointColumns
from qpv_data.addresses.reading import spelled_out

REPOSITORY = Path(__file__).resolve().parents[2]
OUTILS = REPOSITORY / "outils" / "addok"
BAN_ROWS = 2_000


@dataclass(frozen=True)
class Served:
    """A geocoder that answers, the rows of its extract, and what it wrote."""

    service: Service
    rows: list[dict[str, str]]
    log: Path
    folder: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    installed = Path(os.environ.get("ADDOK_DOSSIER") or REPOSITORY / "data" / "addok") / "venv"
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server absent (apt-get install redis-server) : Addok n'est pas essayé pour de vrai")
    if not (installed / ".installe").is_file():
        pytest.skip("Addok absent (python outils/addok/servir.py --installer) : il n'est pas essayé pour de vrai")
    folder = tmp_path_factory.mktemp("addok")
    (folder / "dossier").mkdir()
    (folder / "dossier" / "venv").symlink_to(installed)
    sys.path.insert(0, str(OUTILS))
    try:
        from ban_fictive import write
    finally:
        sys.path.remove(str(OUTILS))
    rows = write(folder / "adresses-99.csv.gz", BAN_ROWS)
    port, log = _free_port(), folder / "journal.txt"
    command = [sys.executable, OUTILS / "servir.py", "--dossier", folder / "dossier", "--port", str(port),
               "--ban", folder / "adresses-99.csv.gz"]  # fmt: skip
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            limit = time.monotonic() + 120
            while "Géocodeur prêt" not in log.read_text("utf-8"):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < limit, log.read_text("utf-8")
                time.sleep(0.2)
            yield Served(Service("addok", f"http://127.0.0.1:{port}", True), rows, log, folder / "dossier")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, "ends well, and ends its Redis and its Addok"
    with pytest.raises(OSError, match=r"."):
        socket.create_connection(("127.0.0.1", port), 1).close()
    assert not list((folder / "dossier").glob("index-*/redis.sock")), "its Redis has gone"


def ask(served: Served, text: str, commune: str | None = None, postcode: str | None = None) -> Answer | None:
    reply = Addok(served.service).ask([Question(text, commune, postcode)])[0]
    assert reply is None or isinstance(reply, Answer)
    return reply


def test_every_address_of_the_extract_is_found_where_it_is(served: Served, tmp_path: Path) -> None:
    some = random.Random(1).sample(served.rows, 300)
    table = pa.table(
        {
            "adresse": [f"{r['numero']} {r['nom_voie']}" for r in some],
            "insee": [r["code_insee"] for r in some],
            "x": [float(r["x"]) for r in some],
            "y": [float(r["y"]) for r in some],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    columns = AddressColumns(("adresse",), "insee", reference=PointColumns("x", "y", 2154))
    report = geocode(tmp_path / "a.parquet", tmp_path / "g.parquet", jeu="e", columns=columns, service=served.service)
    assert (report.lus, report.acceptes, report.panne) == (300, 300, None)
    assert max(pq.read_table(tmp_path / "g.parquet").column("adresse_distance_m").to_pylist()) <= 0.1


def test_how_people_write_addresses_is_read(served: Served) -> None:
    row = next(r for r in served.rows if r["nom_voie"].startswith("avenue"))
    street = row["nom_voie"].replace("’", "'")
    for text in (f"{row['numero']} {street}", f"{row['numero']}, {street.upper()}", f"{row['numero']} av. {street[7:]}",
                 f"{row['numero']} {street} {row['code_postal']} {row['nom_commune']}"):  # fmt: skip
        found = ask(served, spelled_out(text), row["code_insee"])
        assert found is not None, text
        assert (found.lon, found.lat, found.type) == (float(row["lon"]), float(row["lat"]), "housenumber"), text
        assert found.score >= 0.8, text


def test_what_the_extract_lacks_is_no_house_number_with_a_good_score(served: Served) -> None:
    row = served.rows[0]
    street = ask(served, row["nom_voie"], row["code_insee"])
    assert street is not None
    assert street.type == "street"
    beyond = ask(served, f"9999 {row['nom_voie']}", row["code_insee"])
    assert beyond is None or beyond.type == "street"
    nonsense = ask(served, "12 xyzzy plugh", row["code_insee"])
    assert nonsense is None or nonsense.score < 0.8 or nonsense.type != "housenumber"
    assert ask(served, f"{row['numero']} {row['nom_voie']}", "75056") is None, "asked in another commune"
    town = ask(served, row["nom_commune"], row["code_insee"])
    assert town is not None
    assert town.type == "municipality"


def test_a_namesake_of_another_commune_makes_the_address_ambiguous_when_nothing_says_which(served: Served) -> None:
    by_address: dict[str, set[str]] = {}
    for row in served.rows:
        by_address.setdefault(f"{row['numero']} {row['nom_voie']}", set()).add(row["code_insee"])
    twice = next(a for a, communes in by_address.items() if len(communes) > 2)
    everywhere = ask(served, twice)
    assert everywhere is not None
    assert everywhere.rivale
    commune = sorted(by_address[twice])[0]
    there = ask(served, twice, commune)
    assert there is not None
    assert (there.rivale, there.communes) == (False, (commune,))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_asked_it_answers_and_writes_nothing_of_it(served: Served, seed: int) -> None:
    rng = random.Random(seed)
    letters = "abc 12é’'\"=;,./\\%&#?()[]{}<>|~^*0123456789 bis rue 10 quai des"
    texts = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 60))).strip() or "x" for _ in range(60)]
    Addok(served.service).ask([Question(t, "99001") for t in [*texts, "x" * 200, "\U0001f600 quai", "1 rue Secrete"]])
    written = served.log.read_text("utf-8")
    assert written.count("\n") == 3, written
    assert "Secrete" not in written
    for path in served.folder.rglob("*"):
        if path.is_file() and "venv" not in path.parts:
            assert b"Secrete" not in path.read_bytes()


def test_redis_listens_on_no_port_and_addok_on_loopback_alone(served: Served) -> None:
    listening = Path("/proc/net/tcp")
    if not listening.is_file():
        pytest.skip("pas de /proc/net/tcp ici")
    port = int(served.service.url.rsplit(":", 1)[1])
    lines = [line.split() for line in listening.read_text("utf-8").splitlines()[1:]]
    ours = [fields[1] for fields in lines if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port]
    assert ours == [f"0100007F:{port:04X}"]
    [index] = served.folder.glob("index-*")
    assert (index / "redis.sock").stat().st_mode & 0o077 == 0
    assert index.stat().st_mode & 0o077 == 0
