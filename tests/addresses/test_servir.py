"""`make addok` says what it needs before it does anything."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
OUTILS = REPOSITORY / "outils" / "addok"
PINS = (OUTILS / "requirements.txt").read_text("utf-8")


def served(folder: Path, *words: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(OUTILS / "servir.py"), "--dossier", str(folder / "addok"), *map(str, words)]
    environment = {**os.environ, "PATH": path if path is not None else os.environ["PATH"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_without_an_extract_it_says_what_to_give(tmp_path: Path) -> None:
    done = served(tmp_path, "--ban")
    assert done.returncode == 2
    assert "make addok BAN=" in done.stderr
    assert not (tmp_path / "addok").exists()


def test_without_redis_it_says_how_to_install_it_and_installs_nothing(tmp_path: Path) -> None:
    done = served(tmp_path, "--ban", "adresses-99.csv.gz", path=str(tmp_path))
    assert done.returncode == 2
    assert "apt-get install redis-server" in done.stderr
    assert not (tmp_path / "addok").exists()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    (tmp_path / "redis-server").write_text("#!/bin/sh\n")
    (tmp_path / "redis-server").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = served(tmp_path, "--ban", "x", "--port", port, path=str(tmp_path))
    assert done.returncode == 2
    assert f"le port {port} est pris" in done.stderr


def test_the_target_of_make_says_it_too() -> None:
    text = (REPOSITORY / "Makefile").read_text("utf-8")
    assert re.search(r"^addok: install", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["addok==1.3.2", "addok-fr==1.1.0", "addok-france==1.2.0", "addok-sqlite-store==1.1.0",
                                  "redis==6.4.0"])  # fmt: skip
def test_addok_and_what_it_needs_are_pinned_with_their_hashes_and_without_an_address(name: str) -> None:
    assert re.search(rf"^{re.escape(name)} \\\n    --hash=sha256:", PINS, re.MULTILINE)
    assert "://" not in PINS
    assert len(re.findall(r"^[\w.\-]+==", PINS, re.MULTILINE)) == len(re.findall(r"==\S+ (;.*)?\\", PINS))


def test_the_project_itself_needs_neither_redis_nor_addok() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    assert not re.search(r"^addok", lock, re.MULTILINE)
