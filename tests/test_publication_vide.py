"""A release of which every period is still to come holds no value: it is refused in plain words, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from factory import Mini, codes_clause

from qpv_data.problems import Problem
from qpv_data.runs import RunError


def test_a_release_of_no_value_is_refused_and_the_year_is_published_once_it_is_over(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.declare(codes_clause("annuel", "qpv2024", periode={"origine": "fixe", "frequence": "A", "debut": "2024"}))
    mini.deliver("annuel.csv", "code;valeur\nQN09901A;12\nQN09902B;9\n")
    with pytest.raises(RunError, match="2024-T1") as caught:
        mini.run(periode="2024-T1")
    assert caught.value.probleme is Problem.RIEN_A_PUBLIER
    assert list((mini.out / "releases").glob("*")) == []
    mini.run(periode="2024-T4")
    assert mini.value("annuel_v", "QN09901A", "2024") == (12, "normale", "diffusee")
