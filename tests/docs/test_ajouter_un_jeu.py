"""docs/ajouter-un-jeu.md, followed to the letter: its files, its commands, its queries, its answers."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from lire_la_doc import REPOSITORY, Step, shown, steps

PAGE = REPOSITORY / "docs" / "ajouter-un-jeu.md"
REFUSED = 3


def run(step: Step, demonstration: Path) -> subprocess.CompletedProcess[str]:
    """As in a shell whose PATH holds `qpv-data`. The demonstration, long, is that of the session: same command."""
    if step.text == "qpv-data demo --out data/demo --quiet":
        shutil.copytree(demonstration, "data/demo", symlinks=True)
        return subprocess.CompletedProcess(step.text, 0, "", "")
    command = step.text.replace("qpv-data ", f"{shlex.quote(sys.executable)} -m qpv_data ", 1)
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository's root, where the guide may write."""
    (tmp_path / "referentiels").symlink_to(REPOSITORY / "referentiels")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_guide_gives_what_it_says(clone: Path, demonstration: Path) -> None:
    done = {"file": 0, "command": 0, "query": 0}
    for step in steps(PAGE):
        done[step.kind] += 1
        if step.kind == "file":
            target = clone / step.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(step.text, "utf-8")
        elif step.kind == "command":
            result = run(step, demonstration)
            faulty = any("rien n'est écrit" in line for (line,) in step.answer)
            assert result.returncode == (REFUSED if faulty else 0), (step.text, result.stdout, result.stderr)
            printed = tuple((line,) for line in (result.stdout + result.stderr).splitlines())
            assert printed == step.answer, step.text
        else:
            with duckdb.connect("data/essai/sortie/qpv.duckdb", read_only=True) as con:
                rows = con.execute(step.text).fetchall()
            assert tuple(tuple(shown(v) for v in row) for row in rows) == step.answer, step.text
    assert done == {"file": 2, "command": 9, "query": 3}


def test_the_sample_stays_small() -> None:
    sample = next(step for step in steps(PAGE) if step.name.endswith(".csv"))
    assert len(sample.text.splitlines()) <= 17
