"""Sources that do everything wrong, in a run: each feed keeps its last good delivery and says why, no other moves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from factory import (
    COMMUNES,
    IN_A,
    POINT_HEADER,
    QPV2024,
    Mini,
    csv_of,
    geojson,
    indicator,
    perimeters_clause,
    point,
    points_clause,
)
from fautes import FAULTS, WITNESS, Sources, serving, table

from qpv_data.clause.check import checked_clauses
from qpv_data.pipeline import RunReport
from qpv_data.receive import Reception, receive
from qpv_data.runs import Expected, Patience, exclusive

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/exploitation.md"
PATIENCE = Patience(essais=3, attente=0.01, duree_max=1.5)
OLDER, GOOD, NEXT = 19, 20, 24


@dataclass(frozen=True)
class Quarters:
    """A good quarter (`before`), then the next one with every fault at once (`faulty`), and the next one with none: of
    the feeds that are received then all the same."""

    before: Mini
    faulty: Mini
    sound: Mini
    report: RunReport

    def reception(self, feed: str) -> Reception:
        return next(r for r in self.report.receptions if r.jeu == feed)


def rows(count: int) -> bytes:
    return csv_of([point(f"p{n}", IN_A) for n in range(count)], POINT_HEADER)


def declare(mini: Mini, sources: Sources, feeds: list[str]) -> None:
    local = {"hote_interne": "127.0.0.1"}
    for name, shapes, motif in (("qpv2024", QPV2024, r"QN\d{5}[A-Z]"), ("commune", COMMUNES, r"\d{5}")):
        sources.files[f"{name}.geojson"] = geojson(shapes)
        source = {"url": f"{sources.base}/{name}.geojson", **local}
        mini.declare(perimeters_clause(name, name[:3] if name != "commune" else name, motif, source=source))
    for feed in feeds:
        mini.declare(points_clause(
            feed, source={"url": f"{sources.base}/{feed}.csv", **local}, indicateurs=[indicator(f"{feed}_n")],
            periode={"origine": "fixe", "frequence": "T", "debut": "2024-T3"},
            controles={"lignes_min": 10, "rejets_max": 0.2, "baisse_max": 0.2},
        ))  # fmt: skip


def run(mini: Mini, quarter: str) -> RunReport:
    return mini.run(miroir=None, periode=quarter, patience=PATIENCE)


def receive_alone(mini: Mini, feed: str) -> None:
    cfg = mini.configuration(miroir=None, patience=PATIENCE)
    [clause] = [c for c in checked_clauses(mini.clauses).jeux if c.id == feed]
    with exclusive(cfg):
        assert receive(cfg, clause, Expected(feed, None), None).statut == "recue"


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarters]:
    root = tmp_path_factory.mktemp("fautes")
    feeds = [WITNESS, *FAULTS]
    with serving(root) as sources:
        first = Mini(root / "avant")
        declare(first, sources, ["ancienne"])
        sources.files["ancienne.csv"] = sources.older["ancienne.csv"] = rows(OLDER)
        receive_alone(first, "ancienne")
        declare(first, sources, feeds)
        sources.files |= {f"{feed}.csv": rows(GOOD) for feed in feeds}
        assert {r.statut for r in run(first, "2024-T3").receptions} <= {"recue", "inchangee"}
        sources.files |= {f"{feed}.csv": rows(NEXT) for feed in feeds}
        others = [Mini(Path(shutil.copytree(first.root, root / name, symlinks=True))) for name in ("fautes", "sain")]
        for feed, fault in FAULTS.items():
            if fault.probleme is not None:
                (others[1].clauses / f"{feed}.yml").unlink()
        run(others[1], "2024-T4")
        sources.faulty = True
        yield Quarters(first, *others, run(others[0], "2024-T4"))


def count(mini: Mini, feed: str) -> Any:
    return mini.value(f"{feed}_n", "QN09901A", "2024-T3")[0]


def values(mini: Mini, feed: str) -> list[tuple[Any, ...]]:
    return mini.query("SELECT * EXCLUDE (visible_de) FROM valeurs WHERE indicateur = ? ORDER BY ALL", f"{feed}_n")


def stored(mini: Mini, feed: str) -> dict[str, bytes]:
    """What the stages before the release hold of a feed, receipts apart."""
    folders = [mini.out / stage / feed for stage in ("conformed", "rejets", "located", "aggregated")]
    found = {p for folder in folders for p in folder.rglob("*.parquet") if ".refus" not in p.name}
    return {str(p.relative_to(mini.out)): p.read_bytes() for p in found}


@pytest.mark.parametrize("feed", FAULTS)
def test_a_faulty_source_has_its_stated_outcome(quarters: Quarters, feed: str) -> None:
    fault, reception = FAULTS[feed], quarters.reception(feed)
    stale = json.loads((quarters.report.release.complet / "manifest.json").read_text("utf-8"))["jeux_perimes"]
    if fault.probleme is None:
        assert (reception.statut, reception.probleme) == ("recue", None)
        assert count(quarters.faulty, feed) == NEXT
        assert stored(quarters.faulty, feed) == stored(quarters.sound, feed)
        assert feed not in stale
        return
    assert (reception.statut, reception.probleme) == ("perimee", fault.probleme.value), reception.message
    assert reception.remede
    assert count(quarters.faulty, feed) == GOOD, "and not that of the next quarter"
    assert stored(quarters.faulty, feed).items() >= stored(quarters.before, feed).items(), "the last good one is kept"
    assert feed in stale


def test_a_feed_without_a_fault_gives_what_it_gives_when_no_other_one_has_any(quarters: Quarters) -> None:
    assert quarters.reception(WITNESS).statut == "recue"
    assert stored(quarters.faulty, WITNESS) == stored(quarters.sound, WITNESS)
    assert values(quarters.faulty, WITNESS) == values(quarters.sound, WITNESS)
    assert count(quarters.faulty, WITNESS) == NEXT


def test_the_release_says_every_stale_feed_and_no_other(quarters: Quarters) -> None:
    release = quarters.report.release
    assert set(release.jeux_perimes) == {feed for feed, fault in FAULTS.items() if fault.probleme is not None}
    assert release.jeux_absents == ()


def test_the_documentation_shows_this_table() -> None:
    assert "\n".join(table()) in DOCUMENT.read_text("utf-8")
