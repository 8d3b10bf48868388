"""The README and the pages that it leads to hold what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pytest
import typer
from lire_la_doc import REPOSITORY, shown, steps

from qpv_data.cli import app

PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *(REPOSITORY / "docs").rglob("*.md")])
README = (REPOSITORY / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/donnees-publiees.md"])
def test_every_query_gives_the_answer_that_is_shown(
    page: str, demonstration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo").symlink_to(demonstration)
    monkeypatch.chdir(tmp_path)
    queries = [step for step in steps(REPOSITORY / page) if step.kind == "query"]
    assert len(queries) == {"README.md": 3}.get(page, 1)
    for query in queries:
        with duckdb.connect("data/demo/qpv.duckdb", read_only=True) as con:
            rows = con.execute(query.text).fetchall()
        assert tuple(tuple(shown(v) for v in row) for row in rows) == query.answer, query.text


def test_every_command_shown_exists_with_its_options() -> None:
    group = typer.main.get_command(app)
    shown_commands = re.findall(r"^(qpv-data [^\n#]*)", README, re.MULTILINE)
    assert len(shown_commands) > 4
    for line in shown_commands:
        name, *words = shlex.split(re.sub(r"[\[\]]", " ", line))[1:]
        command = group.commands[name]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {w for w in words if w.startswith("--")} <= options, line


def test_the_exit_codes_are_those_of_the_command() -> None:
    documented = re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
    assert documented == re.findall(
        r"\b(\d+) (?=fait|constats|commande|déclarations|exécution|interrompue)", str(app.info.help)
    )


def test_every_folder_of_the_table_exists() -> None:
    table = README.split("## Folders")[1]
    folders = re.findall(r"^\| `([^`]+)/` \|", table, re.MULTILINE)
    assert len(folders) > 7
    assert [f for f in folders if not (REPOSITORY / f).is_dir()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = [unquote(t.split("#")[0]) for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    assert [t for t in targets if t and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_page_speaks_of_a_machine(page: Path) -> None:
    assert not re.search(r"(/home/|/Users/|/tmp/|/root/|/work/)", page.read_text("utf-8"))


def test_the_first_screen_shows_a_result_and_the_two_commands() -> None:
    first = "\n".join(README.splitlines()[:15])
    assert all(wanted in first for wanted in ("docs/capture.svg", "make demo", "make test"))
