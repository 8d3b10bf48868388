"""A site made again over an older one has the bytes of one made anew, whatever changed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from publications_ecrites import COMMUNE, Ecrite, Mesure, Quartier, steady

from qpv_data.site.build import Options, build

QUARTIERS = [Quartier(f"QN099{n:02d}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0)) for n in range(30)]
MESURES = [Mesure(f"m{n}", f"Part n° {n}", f"theme_{n % 3}") for n in range(5)]
NAMED = {("commune", COMMUNE): "Commune"}


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def world(seed: int) -> Ecrite:
    """The first, or the same after some changes drawn by the seed: values, among which extremes, hidden ones, names."""
    draw = random.Random(seed)
    moved = {(draw.choice(MESURES).id, draw.choice(QUARTIERS).code): draw.choice((0.0, 400.0, 41.3, "secret", None))
             for _ in range(seed and draw.randint(1, 4))}  # fmt: skip
    named = [q if seed == 0 or draw.random() < 0.97 else Quartier(q.code, "Autre nom", ou=q.ou) for q in QUARTIERS]

    def told(i: str, code: str, period: str) -> float | str | None:
        return moved[(i, code)] if (i, code) in moved and period == "2024-T4" else steady(i, code, period)

    breaks = [{"indicateur": "m0", "periode": "2024-T2", "motif": "autre collecte"}] if seed % 4 == 3 else []
    return Ecrite(named, MESURES, told, noms=NAMED, ruptures=breaks)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(0).site(tmp_path_factory.mktemp("premier"))


def test_the_greatest_value_grows_and_every_sheet_that_draws_it_is_made_again(tmp_path: Path) -> None:
    greatest = max(QUARTIERS, key=lambda q: steady("m0", q.code, "2024-T4")).code

    def told(i: str, code: str, period: str) -> float:
        return steady(i, code, period) * (2 if (i, code, period) == ("m0", greatest, "2024-T4") else 1)

    anew = Ecrite(QUARTIERS, MESURES, told).site(tmp_path / "neuf")
    again = Ecrite(QUARTIERS, MESURES, steady).site(tmp_path / "refait")
    Ecrite(QUARTIERS, MESURES, told).site(tmp_path / "refait")
    assert files(again) == files(anew)


@pytest.mark.parametrize("seed", range(1, 5))
def test_made_again_over_an_older_one_a_site_is_the_one_made_anew(tmp_path: Path, first: Path, seed: int) -> None:
    anew = world(seed).site(tmp_path / "neuf")
    again = tmp_path / "refait" / "site"
    world(0).site(tmp_path / "refait")
    assert files(again) == files(first)
    world(seed).site(tmp_path / "refait")
    assert files(again) == files(anew)


def test_whoever_watches_is_told_of_each_stage_to_its_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    release = world(0).ecrire(tmp_path / "publication")
    build(release, tmp_path / "site", Options(), lambda *step: told.append(step))
    assert [step for step in told if step[1] == step[2]] == [("lecture", 2, 2), ("feuilles", 30, 30)]
    assert all(told[n][1] <= told[n + 1][1] or told[n][0] != told[n + 1][0] for n in range(len(told) - 1))
