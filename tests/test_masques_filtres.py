"""A masked record hides the indicators that it may be of, and not those that another column leaves it out of."""

from __future__ import annotations

import pytest
from factory import Mini, codes_clause, indicator, number_column, text_column

ROWS = """code;mesure;valeur
QN09901A;d1;s
QN09901A;mediane;12
QN09902B;d1;8
QN09902B;mediane;s
QN09903C;;s
QN09903C;mediane;7
"""


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    made = Mini(tmp_path_factory.mktemp("masques"))
    made.referentials()
    made.declare(
        codes_clause(
            "revenus",
            "qpv2024",
            colonnes=[
                text_column("code", obligatoire=True), text_column("mesure"),
                number_column("valeur", masques={"s": "masque_producteur"}),
            ],
            cle={"colonnes": ["code"], "doublons": "garder"},
            indicateurs=[
                indicator("mediane", "somme", filtre="mesure = 'mediane'", numerateur="valeur"),
                indicator("grandes", "somme", filtre="valeur > 5 AND mesure = 'mediane'", numerateur="valeur"),
                indicator("connues", "somme", filtre="mesure = 'mediane' AND valeur IS NOT NULL", numerateur="valeur"),
            ],
        )
    )  # fmt: skip
    made.deliver("revenus.csv", ROWS)
    made.run(periode="2024-T4")
    return made


@pytest.mark.parametrize("name", ["mediane", "grandes", "connues"])
def test_a_mask_of_another_measure_hides_nothing(mini: Mini, name: str) -> None:
    assert mini.value(name, "QN09901A", "2023") == (12, "normale", "diffusee")


@pytest.mark.parametrize("name", ["mediane", "grandes", "connues"])
def test_a_mask_of_the_measure_hides_it_even_where_the_filter_reads_the_masked_value(mini: Mini, name: str) -> None:
    assert mini.value(name, "QN09902B", "2023") == (None, "normale", "masque_producteur")


@pytest.mark.parametrize("name", ["mediane", "grandes", "connues"])
def test_a_masked_record_that_the_filter_cannot_judge_hides_the_cell(mini: Mini, name: str) -> None:
    assert mini.value(name, "QN09903C", "2023") == (None, "normale", "masque_producteur")
