"""Many releases are one ledger: repetitions cost nothing and lose nothing, audiences are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publications import everywhere, indicator, release

from qpv_data.attaque import ledger as module
from qpv_data.attaque.findings import Finding, Kind
from qpv_data.attaque.ledger import read_ledger
from qpv_data.attaque.releases import attack_releases

SAFE = {"territoire_territoire": 90, "commune_99001": 50, "commune_99002": 40, "epci_E1": 90}
OPEN, PARTNERS = {"diffusion": "ouvert", "periode": "2024-T4"}, {"diffusion": "partenaires", "periode": "2024-T4"}


def told(*folders: Path) -> list[tuple[str, str, Any, Any, str]]:
    found = attack_releases(folders).findings
    return sorted((f.kind.value, f.cell, f.low, f.high, f.method) for f in found)


def of_kind(kind: Kind, *folders: Path) -> list[Finding]:
    return [f for f in attack_releases(folders).findings if f.kind is kind]


def test_a_period_that_later_releases_repeat_is_read_once(tmp_path: Path) -> None:
    figures: dict[tuple[str, ...], Any] = {}
    folders = []
    for quarter in range(1, 5):
        figures |= everywhere("i", f"2024-T{quarter}", **SAFE, qpv2015_QP1=quarter + 20)
        folders.append(release(tmp_path / f"r{quarter}", figures))
    read = read_ledger(folders).feed("f")
    assert [len(r.rows) for r in read] == [5, 5, 5, 5]
    assert [dict(r.until) for r in read] == [{"2024-T1": 3}, {"2024-T2": 3}, {"2024-T3": 3}, {}]


@pytest.mark.parametrize("change", ["perimeters", "catalogue", "zeros", "denominator", "audience"])
def test_the_same_rows_of_another_meaning_are_read_again(tmp_path: Path, change: str) -> None:
    rate = indicator("taux", nature="taux", par="population", facteur=100.0, decimales=1)
    people = indicator("population", jeu="g", nature="releve", numerateur="p", regime_secret="producteur", seuil=None)
    at = ("ensemble", "commune", "99001")
    figures: dict[tuple[str, ...], Any] = {("taux", *at, "2024-T4"): (None, 2.5), ("population", *at, "2024"): 160.0}
    first = release(tmp_path / "r1", figures, [rate, people], manifest=OPEN)
    changed: dict[str, Any] = {"manifest": PARTNERS if change == "audience" else OPEN}
    if change == "perimeters":
        changed["zones"] = [("commune", "99001", "99001", "declare")]
    if change == "zeros":
        changed["zeros"] = "caches"
    catalogue = [{**rate, "seuil": 11} if change == "catalogue" else rate, people]
    later = {**figures, ("population", *at, "2024"): 170.0} if change == "denominator" else figures
    second = release(tmp_path / "r2", later, catalogue, **changed)
    assert [len(r.rows) for r in read_ledger([first, second]).feed("f")] == [2, 2]


def test_a_figure_that_returns_to_what_it_was_opens_a_new_state(tmp_path: Path) -> None:
    values = (40, 42, 40)
    folders = [release(tmp_path / f"r{n}", everywhere("i", commune_99002=v)) for n, v in enumerate(values)]
    assert len(of_kind(Kind.REVISION, *folders)) == 2


def test_what_one_audience_hides_and_another_is_shown_is_found_whatever_the_order(tmp_path: Path) -> None:
    hidden = release(tmp_path / "o", everywhere("i", **{**SAFE, "commune_99002": None}), manifest=OPEN)
    same = [indicator("i"), indicator("autre")]
    shown = release(tmp_path / "p", everywhere("autre", commune_99002=40), same, manifest=PARTNERS)
    for folders in ((hidden, shown), (shown, hidden)):
        (finding,) = of_kind(Kind.RECONSTITUEE, *folders)
        assert (finding.cell, finding.low) == ("autre commune 99002 2024-T4", 40)
    later = release(
        tmp_path / "q", everywhere("autre", commune_99002=40), same, manifest={**PARTNERS, "periode": "2025-T1"}
    )
    assert not of_kind(Kind.RECONSTITUEE, hidden, later), "published since"


def test_what_one_audience_is_shown_completes_what_another_is(tmp_path: Path) -> None:
    """Indicators of different names, in releases of different catalogues, are one quantity."""
    whole = release(tmp_path / "o", everywhere("i", territoire_territoire=93, commune_99002=None), manifest=OPEN)
    part = release(tmp_path / "p", everywhere("autre", commune_99001=90), [indicator("autre")], manifest=PARTNERS)
    for folders in ((whole, part), (part, whole)):
        (finding,) = of_kind(Kind.EXACTE, *folders)
        assert (finding.low, finding.proof and finding.proof.text()) == (3, "93 − 90 = 3")
    assert told(whole) == told(part) == []


def test_a_share_of_one_audience_is_made_again_from_counts_of_another(tmp_path: Path) -> None:
    top = "CASE WHEN f THEN 1 ELSE 0 END"
    share = indicator("part", nature="part", numerateur=top, denominateur="1", unite="%")
    women, all_of_them = indicator("femmes", nature="somme", numerateur=top), indicator("i")
    at = ("ensemble", "commune", "99001", "2024-T4")
    hidden = release(tmp_path / "o", {("part", *at): None}, [share], manifest=OPEN)
    counts = {("femmes", *at): 30.0, ("i", *at): 40.0}
    shown = release(tmp_path / "p", counts, [women, all_of_them], manifest=PARTNERS)
    for folders in ((hidden, shown), (shown, hidden)):
        (finding,) = of_kind(Kind.RECONSTITUEE, *folders)
        assert finding.cell == "part commune 99001 2024-T4"


@settings(max_examples=20)
@given(
    states=st.lists(st.lists(st.sampled_from([None, 3, 12, 30]), min_size=3, max_size=3), min_size=2, max_size=4),
    repeated=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_repetitions_change_nothing_to_what_is_found(
    states: list[list[int | None]], repeated: list[bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    folders = []
    for number, state in enumerate(states):
        kept = states[number - 1] if number and repeated[number] else state
        states[number] = kept
        figures = everywhere(
            "i",
            territoire_territoire=60,
            **dict(zip(("commune_99001", "commune_99002", "qpv2015_QP1"), kept, strict=True)),
        )
        folders.append(release(folder / f"r{number}", figures))
    found = told(*folders)
    with pytest.MonkeyPatch.context() as patch:
        numbers = iter(range(1000))
        patch.setattr(module.Ledger, "_meaning", lambda *_: next(numbers))
        assert told(*folders) == found
