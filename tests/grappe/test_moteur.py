"""The options of the command, and what it says when the cluster is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from factory import Mini, small_run
from typer.testing import CliRunner

from qpv_data.cli import app


def asked(mini: Mini, *more: str) -> list[str]:
    return ["run", "--clauses", str(mini.clauses), "--miroir", str(mini.mirror), "--out", str(mini.out), *more]


@pytest.mark.parametrize(
    "words",
    [["--moteur", "dask"], ["--adresse", "tcp://127.0.0.1:1"], ["--echange", "memory://x"], ["--moteur", "spark"]],
)
def test_options_that_do_not_go_together_are_a_mistake_of_the_command(tmp_path: Path, words: list[str]) -> None:
    mini = small_run(tmp_path)
    assert CliRunner().invoke(app, asked(mini, *words)).exit_code == 2
    assert not mini.out.exists()


def test_without_the_extension_the_command_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    mini = small_run(tmp_path)
    refused = CliRunner().invoke(app, asked(mini, "--moteur", "dask", "--adresse", "tcp://127.0.0.1:1"))
    assert refused.exit_code == 4
    assert "extension_absente" in refused.output
    assert "pip install 'qpv-data[dask]'" in refused.output
    assert not mini.out.exists()


def test_a_scheduler_that_is_not_there_is_said_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="la grappe demande l'extension `dask`")
    monkeypatch.setattr("qpv_data.grappe.cluster._ANSWER", 0.5)
    mini = small_run(tmp_path)
    refused = CliRunner().invoke(app, asked(mini, "--moteur", "dask", "--adresse", "tcp://127.0.0.1:1"))
    assert refused.exit_code == 4, refused.output
    assert "grappe_indisponible: pas de réponse à tcp://127.0.0.1:1" in refused.output
    assert not mini.out.exists()
