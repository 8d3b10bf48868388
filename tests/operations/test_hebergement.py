"""What the project ships to be hosted by asks for least privileges, and runs commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from qpv_data.cli import app

REPOSITORY = Path(__file__).resolve().parents[2]
UNITS = REPOSITORY / "outils" / "exploitation"
EXPOSED = 2.0
"""The most that systemd may say of the service's exposure, from 0 to 10."""


def test_the_container_is_not_root_its_base_is_pinned_and_nothing_secret_goes_in() -> None:
    text = (REPOSITORY / "Containerfile").read_text("utf-8")
    base = re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", base[0])
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER ") < last.index("ENTRYPOINT")
    assert "--require-hashes" in text
    assert not re.search(r"QPV_SECRET_|QPV_DATA_CLE", text)


def test_only_what_the_image_needs_reaches_the_builder() -> None:
    for name in (".containerignore", ".dockerignore"):
        lines = (REPOSITORY / name).read_text("utf-8").split()
        assert lines[0] == "*"
        kept = {line[1:] for line in lines if line.startswith("!")}
        assert not kept & {"data", ".git", "tests", ".venv"}
        copied = set(
            re.findall(r"^COPY (?!--from)(.+) \S+$", (REPOSITORY / "Containerfile").read_text("utf-8"), re.MULTILINE)
        )
        assert kept == {part for line in copied for part in line.split()}


def test_every_timer_runs_a_command_that_exists() -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    timers = sorted(UNITS.glob("*.timer"))
    assert len(timers) == 4
    for timer in timers:
        (command,) = re.findall(r"^Unit=qpv-data@(\w+)\.service$", timer.read_text("utf-8"), re.MULTILINE)
        assert command in known
        assert timer.name == f"qpv-data-{command}.timer"


def test_the_guide_gives_every_enabled_timer_arguments_that_its_command_takes() -> None:
    guide = (REPOSITORY / "docs" / "exploitation.md").read_text("utf-8")
    enabled = re.findall(r"qpv-data-(\w+)\.timer", guide)
    assert len(enabled) == 4
    lines = re.findall(r"echo 'ARGUMENTS=(.*)'(?: \\\n)? +\| sudo tee /etc/qpv-data/(\w+)\.env", guide)
    written = {name: text for text, name in lines}
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for command in enabled:
        known = {option for p in commands[command].params for option in p.opts}
        assert set(re.findall(r"--[\w-]+", written[command])) <= known, command


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze n'est pas sur cette machine")
def test_systemd_finds_no_fault_in_the_units_and_little_exposed(tmp_path: Path) -> None:
    service = (UNITS / "qpv-data@.service").read_text("utf-8").replace("/opt/qpv-data/bin/qpv-data", "/bin/true")
    for timer in UNITS.glob("*.timer"):
        shutil.copy(timer, tmp_path)
        command = timer.stem.removeprefix("qpv-data-")
        (tmp_path / f"qpv-data@{command}.service").write_text(service, "utf-8")
    names = [str(p) for p in tmp_path.iterdir()]
    asked = ["systemd-analyze", "verify", "--man=no", *names]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    asked = ["systemd-analyze", "security", "--offline=true", "--no-pager", "./qpv-data@run.service"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=tmp_path).stdout
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert float(level) <= EXPOSED
