"""What the policy of zeros says of a hidden cell, and where it says nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from publications import everywhere, indicator, release
from typer.testing import CliRunner

from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.releases import attack_releases
from qpv_data.cli import app

# k is 5: with a zero somewhere one of the three may hold 12; without, none has more than 10.
THREE = {"territoire_territoire": 12, "commune_99001": None, "commune_99002": None, "commune_99003": None}
ZONES = [("commune", f"9900{n}", f"9900{n}", "declare") for n in (1, 2, 3)]
STRICT = indicator("i", seuil=11)
TOP = "CASE WHEN f THEN 1 ELSE 0 END"


def findings(folder: Path, zeros_published: bool | None = None) -> list[tuple[str, int]]:
    done = attack_releases([folder], zeros_published=zeros_published)
    return [(f.cell, int(f.high or 0)) for f in done.findings]


ALL = [(f"i commune 9900{n} 2024-T4", 10) for n in (1, 2, 3)]


def test_three_hidden_counts_are_bounded_by_one_another_when_zeros_are_published(tmp_path: Path) -> None:
    said = {}
    for zeros in (None, "publies", "caches"):
        folder = release(tmp_path / str(zeros), everywhere("i", **THREE), [STRICT], zones=ZONES, zeros=zeros)
        said[zeros] = findings(folder)
        assert findings(folder, zeros_published=True) == ALL
        assert findings(folder, zeros_published=False) == []
    assert said == {None: ALL, "publies": ALL, "caches": []}


def test_the_option_of_the_command_overrides_the_manifest(tmp_path: Path) -> None:
    folder = str(release(tmp_path / "r", everywhere("i", **THREE), [STRICT], zones=ZONES, zeros="caches"))
    codes = [CliRunner().invoke(app, ["attack", folder, *more]).exit_code for more in ([], ["--zeros", "publies"])]
    assert codes == [0, 1]


def test_a_policy_that_is_neither_is_refused(tmp_path: Path) -> None:
    folder = release(tmp_path / "r", everywhere("i", **THREE), [STRICT], zones=ZONES, zeros="parfois")
    with pytest.raises(RefusedInputError, match="zeros : parfois"):
        attack_releases([folder])


def test_a_sum_over_few_units_is_hidden_even_when_it_is_nothing(tmp_path: Path) -> None:
    total = indicator("i", nature="somme", numerateur="n", seuil=11)
    assert not findings(release(tmp_path / "r", everywhere("i", **THREE), [total], zones=ZONES))


def share(**changes: object) -> dict[str, object]:
    return indicator(
        "part", **{"nature": "part", "numerateur": TOP, "denominateur": "1", "unite": "%", "seuil": 11, **changes}
    )


def test_the_numerator_of_a_share_of_any_release_may_be_nothing(tmp_path: Path) -> None:
    """The count is the numerator of the share: a share of 0 % is hidden with both."""
    counted = indicator("i", seuil=11)
    same = share(numerateur=None, denominateur="n")
    figures = everywhere("i", **THREE)
    alone = release(tmp_path / "r1", figures, [counted], zones=ZONES)
    both = release(tmp_path / "r2", everywhere("part", "2024-T3", commune_99001=None), [counted, same], zones=ZONES)
    assert [c for c, _ in findings(alone)] == [c for c, _ in ALL]
    assert not attack_releases([alone, both]).findings


def test_the_complement_of_a_share_under_another_name_may_be_nothing(tmp_path: Path) -> None:
    men = indicator("i", filtre="NOT f", seuil=11)
    figures: dict[tuple[str, ...], object] = dict(everywhere("i", **THREE))
    at = ("part", "ensemble", "commune", "99004", "2024-T4")
    figures[at] = (30, 50)
    figures["i", "ensemble", "commune", "99004", "2024-T4"] = 20.0
    zones = [*ZONES, ("commune", "99004", "99004", "declare")]
    figures["i", "ensemble", "territoire", "territoire", "2024-T4"] = 32.0
    assert not findings(release(tmp_path / "r1", figures, [men, share()], zones=zones))
    figures["i", "ensemble", "commune", "99004", "2024-T4"] = 21.0
    figures["i", "ensemble", "territoire", "territoire", "2024-T4"] = 33.0
    assert findings(release(tmp_path / "r2", figures, [men, share()], zones=zones)) == ALL, "21 is not 50 − 30"


def test_what_a_share_divides_by_is_no_side_of_it(tmp_path: Path) -> None:
    counted = indicator("i", seuil=11)
    folder = release(tmp_path / "r", everywhere("i", **THREE), [counted, share()], zones=ZONES)
    assert findings(folder) == ALL


def test_a_draft_is_attacked_where_it_is_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its manifest, with annual periods alone, or with no value at all."""
    draft = release(tmp_path / "travail" / "r", everywhere("i", "2024", **THREE), [STRICT], zones=ZONES)
    empty = release(tmp_path / "travail" / "vide", everywhere("i", **THREE), [STRICT], zones=ZONES)
    shutil.rmtree(empty / "valeurs")
    elsewhere = tmp_path / "ici"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = sorted(draft.rglob("*"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(attack_releases([empty, draft]).findings) == 3
    assert not attack_releases([empty]).findings
    assert sorted(draft.rglob("*")) == before
    assert list(elsewhere.iterdir()) == []
    assert [path for path in open_files() if path.is_relative_to(tmp_path)] == []


def open_files() -> list[Path]:
    """What this process holds open: others of its threads open and close theirs meanwhile, hence no count."""
    return [handle.resolve() for handle in Path("/proc/self/fd").iterdir()]
