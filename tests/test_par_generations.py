"""A rate takes, in each zoning, the population of that zoning: the first of its denominators that has a value there."""

from __future__ import annotations

from pathlib import Path

import pytest
from factory import IN_A, IN_B, Mini, codes_clause, indicator, point

from qpv_data.problems import InvalidDeclarationError


def project(root: Path, par: object, old: str, new: str) -> Mini:
    mini = Mini(root)
    mini.referentials()
    for ident, zonage, rows in (("ancienne", "qpv2015", old), ("nouvelle", "qpv2024", new)):
        mini.declare(codes_clause(ident, zonage, indicateurs=[indicator(ident, "releve", numerateur="valeur")]))
        mini.deliver(f"{ident}.csv", "code;valeur\n" + rows)
    rate = indicator("taux_par", "taux", par=par, facteur=1000)
    mini.points({"2024-T4": [point("a", IN_A), point("b", IN_B)]}, indicateurs=[rate])
    mini.run(periode="2024-T4")
    return mini


OLD, NEW = "QP099001;1000\nQP099002;500\n", "QN09901A;2000\nQN09902B;400\nQN09903C;100\n"


@pytest.mark.parametrize("par", [["ancienne", "nouvelle"], ["nouvelle", "ancienne"]])
def test_each_generation_is_divided_by_its_own_population(tmp_path: Path, par: list[str]) -> None:
    mini = project(tmp_path, par, OLD, NEW)
    found = {code: mini.value("taux_par", code, "2024-T4")[0] for code in ("QP099001", "QN09901A", "QN09902B")}
    assert found == {"QP099001": 1.0, "QN09901A": 0.5, "QN09902B": 2.5}
    # Neither says anything of a commune: the rate is of no object there.
    assert mini.value("taux_par", "99001", "2024-T4") == (None, "sans_objet", "diffusee")
    used = mini.query(
        "SELECT DISTINCT jeu FROM valeurs_livraisons WHERE indicateur = 'taux_par' AND role = 'denominateur' ORDER BY 1"
    )
    assert used == [("ancienne",), ("nouvelle",)]
    assert mini.query("SELECT par FROM indicateurs WHERE indicateur = 'taux_par'") == [(", ".join(par),)]


def test_one_denominator_alone_leaves_the_other_generation_without_a_rate(tmp_path: Path) -> None:
    mini = project(tmp_path, "ancienne", OLD, NEW)
    assert mini.value("taux_par", "QP099002", "2024-T4")[0] == 2.0
    assert mini.value("taux_par", "QN09901A", "2024-T4") == (None, "sans_objet", "diffusee")


def test_a_zone_that_its_population_lacks_has_no_rate_and_is_not_divided_by_another(tmp_path: Path) -> None:
    mini = project(tmp_path, ["nouvelle", "ancienne"], OLD, "QN09902B;400\n")
    assert mini.value("taux_par", "QN09901A", "2024-T4") == (None, "non_livree", "diffusee")


def test_every_denominator_of_a_list_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError) as caught:
        project(tmp_path, ["nouvelle", "absente"], OLD, NEW)
    assert "dénominateur absente inconnu" in str(caught.value)
    assert [v.probleme.value for v in caught.value.violations] == ["reference_inconnue"]
