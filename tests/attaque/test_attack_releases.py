"""Published releases, attacked by who reads their files."""

from __future__ import annotations

import csv
from pathlib import Path

from publications import ZONES_COMMUNES, everywhere, indicator, release

from qpv_data.attaque.findings import Finding, Kind, Report
from qpv_data.attaque.releases import attack_releases

SAFE = {"territoire_territoire": 90, "commune_99001": 50, "commune_99002": 40, "epci_E1": 90}


def found(report: Report) -> dict[str, Finding]:
    return {f.cell: f for f in report.findings}


def held(path: Path, **zones: int) -> Path:
    with path.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["indicateur", "modalite", "zonage", "code_zone", "periode", "valeur"])
        out.writerows([*key, value] for key, value in everywhere("i", **zones).items())
    return path


def text(finding: Finding) -> str:
    assert finding.proof is not None
    return finding.proof.text()


def test_a_release_whose_populations_are_all_large_has_no_finding(tmp_path: Path) -> None:
    done = attack_releases([release(tmp_path / "r", everywhere("i", **SAFE, qpv2024_QN1=20, qpv2024_QN2=20))])
    assert [f.line() for f in done.findings] == []
    assert (done.published, done.hidden) == (6, 0)


def test_a_hidden_commune_is_recovered_from_the_whole(tmp_path: Path) -> None:
    figures = everywhere("i", territoire_territoire=93, commune_99001=90, commune_99002=None, epci_E1=93)
    (finding,) = attack_releases([release(tmp_path / "r", figures)]).findings
    assert (finding.kind, finding.cell, text(finding)) == (Kind.EXACTE, "i commune 99002 2024-T4", "93 − 90 = 3")


def test_the_rest_of_a_commune_is_a_population(tmp_path: Path) -> None:
    figures = everywhere("i", **SAFE, qpv2015_QP1=47)
    (finding,) = attack_releases([release(tmp_path / "r", figures)]).findings
    assert (finding.statut, text(finding)) == ("derivable", "50 − 47 = 3")
    assert finding.cell == "i hors qpv2015 à 99001 2024-T4"


def test_records_of_unknown_place_are_taken_off_the_rest(tmp_path: Path) -> None:
    figures = everywhere("i", **SAFE, qpv2015_QP1=20, non_localise_99001=27)
    assert [text(f) for f in attack_releases([release(tmp_path / "r", figures)]).findings] == ["50 − 27 − 20 = 3"]


def test_two_generations_of_one_neighbourhood_give_each_other_away(tmp_path: Path) -> None:
    figures = everywhere("i", **SAFE, qpv2015_QP1=None, qpv2024_QN1=12, qpv2024_QN2=20)
    same = release(tmp_path / "same", figures, links=[("QP1", "QN1", 0.0, 0.0)])
    assert text(found(attack_releases([same]))["i qpv2015 QP1 2024-T4"]) == "12 = 12"
    figures = everywhere("i", **SAFE, qpv2015_QP1=20, qpv2024_QN1=24, qpv2024_QN2=20)
    grown = release(tmp_path / "grown", figures, links=[("QP1", "QN1", 0.0, 0.2)])
    assert text(found(attack_releases([grown]))["i QN1 hors de l'autre génération 2024-T4"]) == "24 − 20 = 4"


def test_the_complement_of_a_share_is_a_population(tmp_path: Path) -> None:
    share = indicator("part", nature="part", numerateur="femmes", denominateur="1", unite="%")
    place = ("part", "ensemble", "commune", "99001", "2024-T4")
    (finding,) = attack_releases([release(tmp_path / "r", {place: (21, 22)}, [share])]).findings
    assert text(finding) == "22 − 21 = 1"


def test_a_hidden_ratio_is_made_again_from_its_two_sides_published_apart(tmp_path: Path) -> None:
    share = indicator("part", nature="part", numerateur="CASE WHEN f THEN 1 ELSE 0 END", denominateur="1", unite="%")
    top = indicator("femmes", nature="somme", numerateur="CASE WHEN f THEN 1 ELSE 0 END")
    at = ("ensemble", "commune", "99001", "2024-T4")
    figures = {("part", *at): None, ("femmes", *at): 30.0, ("i", *at): 40.0}
    done = attack_releases([release(tmp_path / "r", figures, [share, top, indicator("i")])])
    (finding,) = [f for f in done.findings if f.kind is Kind.RECONSTITUEE]
    assert finding.cell == "part commune 99001 2024-T4"
    assert text(finding) == "30 + 40 donnent le rapport 0,75"


def test_a_rate_published_with_its_denominator_gives_the_count_that_no_row_publishes(tmp_path: Path) -> None:
    rate = indicator("taux", nature="taux", par="population", facteur=100.0, decimales=1)
    people = indicator("population", nature="releve", numerateur="p", regime_secret="producteur", seuil=None)
    figures = {
        ("taux", "ensemble", "commune", "99001", "2024-T4"): (None, 2.5),
        ("population", "ensemble", "commune", "99001", "2024"): 160.0,
    }
    (finding,) = attack_releases([release(tmp_path / "r", figures, [rate, people])]).findings
    assert (finding.cell, finding.low, finding.high) == ("numérateur de taux commune 99001 2024-T4", 4, 4)
    assert finding.method == "taux publié, arrondi compris, fois son dénominateur"


def test_the_digits_of_a_ratio_give_its_count_when_no_denominator_is_published(tmp_path: Path) -> None:
    share = indicator("part", nature="part", numerateur="CASE WHEN f THEN 1 ELSE 0 END", denominateur="1", decimales=7)
    figures = {
        ("part", "ensemble", "commune", "99001", "2024-T4"): (None, round(3 / 1234, 7)),
        ("i", "ensemble", "territoire", "territoire", "2024-T4"): 2000,
    }
    done = attack_releases([release(tmp_path / "r", figures, [share, indicator("i")])])
    (finding,) = done.findings
    assert (finding.low, finding.high, finding.method) == (3, 3, "les décimales de part désignent 3/1234")
    rounder = {**figures, ("part", "ensemble", "commune", "99001", "2024-T4"): (None, round(3 / 1234, 4))}
    assert not attack_releases(
        [release(tmp_path / "r2", rounder, [{**share, "decimales": 4}, indicator("i")])]
    ).findings


def test_the_quarters_of_a_published_year_give_the_hidden_one(tmp_path: Path) -> None:
    quarters = {f"2024-T{q}": v for q, v in ((1, 12), (2, None), (3, 15), (4, 13))}
    figures = {("i", "ensemble", "commune", "99001", p): v for p, v in quarters.items()}
    figures["an", "ensemble", "commune", "99001", "2024"] = 44
    done = attack_releases([release(tmp_path / "r", figures, [indicator("i"), indicator("an")])])
    (finding,) = done.findings
    assert text(finding) == "44 − 15 − 13 − 12 = 4"


def test_distinct_units_do_not_add_up_and_are_only_bounded(tmp_path: Path) -> None:
    people = indicator("i", numerateur="ref_personne")
    figures = everywhere("i", territoire_territoire=93, commune_99001=90, commune_99002=None)
    done = attack_releases([release(tmp_path / "r", figures, [people])])
    assert "i commune 99002 2024-T4" not in found(done)
    assert found(done)["i territoire territoire sans commune 99001 2024-T4"].high == 3


def test_a_number_of_something_else_than_the_unit_has_no_threshold(tmp_path: Path) -> None:
    """Of four landlords in the territory, a commune hidden for its few households has four at most: it says nothing."""
    landlords = indicator("i", numerateur="ref_bailleur", unite="bailleurs", unite_secret="ménage")
    figures = everywhere("i", territoire_territoire=4, commune_99001=3, commune_99002=None)
    other = attack_releases([release(tmp_path / "r1", figures, [{**landlords, "compte_unites": False}])])
    assert not other.findings
    unit = attack_releases([release(tmp_path / "r2", figures, [{**landlords, "compte_unites": True}])])
    assert Kind.SOUS_SEUIL in {f.kind for f in unit.findings}
    unsaid = attack_releases([release(tmp_path / "r3", figures, [landlords])])  # an earlier release: the cautious side
    assert found(unsaid) == found(unit)


def test_a_number_of_something_else_than_the_unit_is_still_not_to_be_known(tmp_path: Path) -> None:
    landlords = indicator("i", numerateur="ref_bailleur", unite="bailleurs", unite_secret="ménage", compte_unites=False)
    figures = everywhere("i", territoire_territoire=1, commune_99001=1, commune_99002=None)
    done = attack_releases([release(tmp_path / "r", figures, [landlords])])
    assert [(f.cell, f.low, f.high) for f in done.findings] == [("i commune 99002 2024-T4", 1, 1)]


def test_a_revision_of_few_units_is_a_population_even_where_it_is_hidden(tmp_path: Path) -> None:
    first = release(tmp_path / "r1", everywhere("i", **SAFE, qpv2024_QN1=None, qpv2024_QN2=None))
    later = {**SAFE, "territoire_territoire": 92, "commune_99002": 42, "epci_E1": 92}
    second = release(tmp_path / "r2", everywhere("i", **later, qpv2024_QN1=None, qpv2024_QN2=None))
    revised = {f.cell: f for f in attack_releases([first, second]).findings if f.kind is Kind.REVISION}
    assert text(revised["i commune 99002 2024-T4"]) == "42 − 40 = 2"
    hidden = release(
        tmp_path / "r3", everywhere("i", **{**later, "commune_99002": None, "epci_E1": None}, qpv2024_QN1=None)
    )
    derived = [f for f in attack_releases([first, hidden]).findings if f.cell == "i commune 99002 2024-T4"]
    assert {(f.kind, f.low) for f in derived} >= {(Kind.REVISION, 2)}


def test_a_successive_stock_is_no_revision(tmp_path: Path) -> None:
    figures = {("i", "ensemble", "commune", "99001", p): v for p, v in (("2024-T3", 40), ("2024-T4", 42))}
    first = release(tmp_path / "r1", {k: v for k, v in figures.items() if k[-1] == "2024-T3"})
    assert not attack_releases([first, release(tmp_path / "r2", figures)]).findings


def test_a_figure_hidden_after_it_was_published_is_known(tmp_path: Path) -> None:
    place = {"territoire_territoire": None, "commune_99001": 50}
    first = release(tmp_path / "r1", everywhere("i", **place, commune_99002=7))
    second = release(tmp_path / "r2", everywhere("i", **place, commune_99002=None))
    (finding,) = [f for f in attack_releases([first, second]).findings if f.kind is Kind.RECONSTITUEE]
    assert (finding.cell, finding.low, finding.method) == ("i commune 99002 2024-T4", 7, "caché dans r2, publié par r1")


def test_a_figure_published_later_is_no_finding_and_what_it_completes_is_one(tmp_path: Path) -> None:
    hidden = everywhere("i", territoire_territoire=60, commune_99001=None, commune_99002=None)
    first = release(tmp_path / "r1", hidden)
    assert not attack_releases([first]).findings
    later = release(tmp_path / "r2", everywhere("i", territoire_territoire=60, commune_99001=52))
    (finding,) = attack_releases([first, later]).findings
    assert (finding.kind, finding.cell, text(finding)) == (Kind.EXACTE, "i commune 99002 2024-T4", "60 − 52 = 8")


def test_an_official_table_is_known_to_the_attacker(tmp_path: Path) -> None:
    hidden = everywhere("i", territoire_territoire=None, commune_99001=50, commune_99002=None, epci_E1=None)
    alone = release(tmp_path / "r", hidden)
    assert "i commune 99002 2024-T4" not in found(attack_releases([alone]))
    known = held(tmp_path / "officiel.csv", territoire_territoire=53)
    done = found(attack_releases([alone], [known]))
    assert text(done["i commune 99002 2024-T4"]) == "53 − 50 = 3"
    assert "i territoire territoire 2024-T4" not in done, "what others publish is theirs"


def test_an_equation_that_figures_refute_is_dropped_and_said(tmp_path: Path) -> None:
    figures = everywhere("i", territoire_territoire=90, commune_99001=50, commune_99002=40, epci_E1=60)
    done = attack_releases([release(tmp_path / "r", figures)])
    assert [n for n in done.notes if "epci = communes" in n]
    assert not done.findings


def test_amounts_that_may_be_negative_are_not_bounded_below(tmp_path: Path) -> None:
    balance = indicator("i", nature="somme", numerateur="solde", unite="EUR")
    figures = everywhere("i", territoire_territoire=10.5, commune_99001=None, commune_99002=None, qpv2015_QP1=-3.25)
    assert not attack_releases([release(tmp_path / "r", figures, [balance])]).findings
    figures["i", "ensemble", "commune", "99001", "2024-T4"] = -2.0
    (finding,) = attack_releases([release(tmp_path / "r2", figures, [balance])]).findings
    assert text(finding) == "10,5 − (−2) = 12,5"


def test_a_straddling_neighbourhood_is_cut_in_pieces(tmp_path: Path) -> None:
    zones = [z for z in ZONES_COMMUNES if z[1] != "QN1" and z[0] != "qpv2015"]
    figures = everywhere("i", territoire_territoire=53, commune_99001=50, commune_99002=3, qpv2024_QN2=30)
    cells = found(attack_releases([release(tmp_path / "r", figures, zones=zones)]))
    assert cells["i QN2 dans 99002 2024-T4"].high == 3
    assert "i QN2 dans 99001 2024-T4" not in cells


def test_partners_subtract_what_they_delivered_alone_and_by_pairs(tmp_path: Path) -> None:
    folder = release(tmp_path / "r", everywhere("i", **SAFE, qpv2024_QN1=None, qpv2024_QN2=20))
    one = held(tmp_path / "bailleur.csv", commune_99002=30, qpv2024_QN1=1)
    two = held(tmp_path / "regie.csv", commune_99002=7)
    done = attack_releases([folder], partners=[one, two])
    assert [(f.attacker, f.cell, f.kind) for f in done.findings] == [
        ("bailleur + regie", "i commune 99002 2024-T4, sans bailleur + regie", Kind.CONTRIBUTEUR)
    ]
    assert text(done.findings[0]) == "40 − 37 = 3"
    most = held(tmp_path / "operateur.csv", qpv2024_QN1=48)
    assert {f.cell: f.high for f in attack_releases([folder], partners=[most]).findings} == {
        "i qpv2024 QN1 2024-T4, sans operateur": 2,
        "i QN2 dans 99001 2024-T4": 2,
        "i hors qpv2024 à 99001 2024-T4": 2,
    }


def test_a_running_total_gives_who_came_since(tmp_path: Path) -> None:
    """Of sums and of distinct units; a new year starts again."""
    values = {"2023-T4": 90, "2024-T1": 40, "2024-T2": 43, "2024-T3": None}
    figures = {("i", "ensemble", "commune", "99001", p): v for p, v in values.items()}
    for top in (None, "ref_personne"):
        total = indicator("i", nature_temporelle="cumul", numerateur=top)
        (finding,) = attack_releases([release(tmp_path / f"r{top}", figures, [total])]).findings
        assert (finding.cell, text(finding)) == ("i commune 99001 2024-T2 depuis 2024-T1", "43 − 40 = 3")
    assert not attack_releases(
        [release(tmp_path / "stock", figures, [indicator("i", nature_temporelle="stock")])]
    ).findings
