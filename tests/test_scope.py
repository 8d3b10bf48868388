"""Audience and purpose: what an output may not hold is not in it, and nothing tells that it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from factory import IN_A, Mini, indicator, point

from qpv_data.clause.model import Diffusion
from qpv_data.pipeline import RunReport
from qpv_data.problems import Problem
from qpv_data.runs import RunError


def three_levels(root: Path) -> Mini:
    """An open count, a rate of partners over it, a count for the team, and an open rate over that one."""
    mini = Mini(root)
    mini.referentials()
    mini.points(
        {"2024-T4": [point("a", IN_A), point("b", IN_A)]},
        indicateurs=[
            indicator("ouverts"),
            indicator("partages", "somme", numerateur="montant", diffusion="partenaires"),
            indicator("tus", diffusion="interne"),
            indicator("taux_des_tus", "taux", numerateur="montant", par="tus"),
        ],
        finalites={"suivi": "suivre", "habitat": "habiter"},
    )
    mini.points({"2024-T4": [point("a", IN_A)]}, ident="autres", finalites={"suivi": "suivre"})
    return mini


def published(mini: Mini) -> set[str]:
    return {i for (i,) in mini.query("SELECT DISTINCT indicateur FROM valeurs")}


@pytest.mark.parametrize(
    ("audience", "there"),
    [
        (Diffusion.OUVERT, {"ouverts"}),
        (Diffusion.PARTENAIRES, {"ouverts", "partages"}),
        (Diffusion.INTERNE, {"ouverts", "partages", "tus", "taux_des_tus"}),
    ],
)
def test_an_indicator_narrower_than_the_audience_is_left_out_with_the_rates_it_divides(
    audience: Diffusion, there: set[str], tmp_path: Path
) -> None:
    mini = three_levels(tmp_path)
    report = mini.begin(diffusion=audience)
    assert published(mini) == there | {"autres_n", "autres_somme"}
    assert {left.indicateur for left in report.ecartes} == {"ouverts", "partages", "tus", "taux_des_tus"} - there
    assert mini.query("SELECT diffusion FROM publications") == [(audience.value,)]
    every = " ".join(p.read_bytes().decode("latin-1") for p in report.release.complet.rglob("*") if p.is_file())
    for name in {"partages", "tus", "taux_des_tus"} - there:
        assert f'"{name}"' not in every
        assert mini.query("SELECT count(*) FROM indicateurs WHERE indicateur = ?", name) == [(0,)]


def test_a_feed_whose_clause_does_not_list_the_purpose_is_refused_and_not_even_received(tmp_path: Path) -> None:
    mini = three_levels(tmp_path)
    report: RunReport = mini.run(finalite="habitat")
    assert published(mini) == {"ouverts", "partages"}
    refused = [left for left in report.ecartes if left.indicateur is None]
    assert [(left.jeu, left.probleme) for left in refused] == [("autres", Problem.FINALITE_NON_PREVUE)]
    assert not (mini.out / "raw" / "autres").exists()


def test_a_purpose_that_no_clause_lists_publishes_nothing_and_names_the_clauses(tmp_path: Path) -> None:
    mini = three_levels(tmp_path)
    with pytest.raises(RunError) as refused:
        mini.run(finalite="prospection")
    assert refused.value.probleme is Problem.RIEN_A_PUBLIER
    assert "points" in str(refused.value)
    assert "suivi" in str(refused.value)
    assert not mini.out.exists()


def test_one_folder_publishes_for_one_audience(tmp_path: Path) -> None:
    mini = three_levels(tmp_path)
    mini.begin(diffusion=Diffusion.INTERNE)
    with pytest.raises(RunError) as refused:
        mini.run(diffusion=Diffusion.OUVERT)
    assert refused.value.probleme is Problem.DIFFUSION_TROP_LARGE
    done = mini.cli("--diffusion", "ouvert")
    assert (done.returncode, "choisir un autre dossier" in done.stderr) == (4, True)
