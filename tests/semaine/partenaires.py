"""Partners who correct what they deliver, and whose servers fail as those of tests/sources/fautes.py do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from factory import (
    COMMUNES,
    IN_A,
    IN_B,
    IN_C,
    IN_COMMUNE_1,
    POINT_HEADER,
    QPV2024,
    Mini,
    csv_of,
    geojson,
    indicator,
    perimeters_clause,
    point,
    points_clause,
)  # fmt: skip
from fautes import FAULTS, Fault, Sources

PLACES = {"QN09901A": IN_A, "QN09902B": IN_B, "QN09903C": IN_C, "": IN_COMMUNE_1}
PERIOD = "2024-T3"
LOOP = "boucle"  # where its redirection leads, again and again


@dataclass
class Feed:
    """What a partner has delivered: versions in order, each a place a row, and the rank of the one that was taken."""

    nom: str
    versions: list[list[str]]
    taken: list[int] = field(default_factory=list)
    fault: str | None = None

    def bytes_of(self, rank: int) -> bytes:
        rows = [point(f"p{n}", PLACES[place]) for n, place in enumerate(self.versions[rank])]
        return csv_of(rows, POINT_HEADER)

    @property
    def expected(self) -> dict[str, int]:
        """What a release should count by quarter, from the version that was taken last."""
        rows = self.versions[self.taken[-1]]
        return {zone: rows.count(zone) for zone in PLACES if zone}

    @property
    def stale(self) -> bool:
        return self.fault is not None and FAULTS[self.fault].probleme is not None


class Week(Sources):
    """The server of every partner: the fault of a feed is drawn each day."""

    def __init__(self, secure: str) -> None:
        super().__init__(secure)
        self.files[f"{LOOP}.csv"] = b""
        self.drawn = dict[str, Fault]()

    def fault_of(self, name: str) -> Fault | None:
        return FAULTS[LOOP] if Path(name).stem == LOOP else self.drawn.get(Path(name).stem)

    def begin(self, feeds: list[Feed]) -> None:
        """A day, or a new try: requests are counted anew."""
        self._counts.clear()
        self.drawn = {f.nom: FAULTS[f.fault] for f in feeds if f.fault is not None}
        for feed in feeds:
            self.files[f"{feed.nom}.csv"] = feed.bytes_of(len(feed.versions) - 1)
            if len(feed.taken) > 1:
                self.older[f"{feed.nom}.csv"] = feed.bytes_of(feed.taken[-2])


def declare(mini: Mini, sources: Sources, feeds: list[Feed]) -> None:
    """Their clauses, over HTTP on this machine."""
    local = {"hote_interne": "127.0.0.1"}
    for name, family, shapes, motif in (
        ("qpv2024", "qpv", QPV2024, r"QN\d{5}[A-Z]"), ("commune", "commune", COMMUNES, r"\d{5}"),
    ):  # fmt: skip
        sources.files[f"{name}.geojson"] = geojson(shapes)
        mini.declare(perimeters_clause(name, family, motif, source={"url": f"{sources.base}/{name}.geojson", **local}))
    for feed in feeds:
        mini.declare(points_clause(
            feed.nom, source={"url": f"{sources.base}/{feed.nom}.csv", **local},
            indicateurs=[indicator(f"{feed.nom}_n")],
            periode={"origine": "fixe", "frequence": "T", "debut": PERIOD},
            controles={"lignes_min": 10, "rejets_max": 0.2, "baisse_max": 0.2},
        ))  # fmt: skip


def corrected(draw: random.Random, feed: Feed) -> None:
    """A new version: a few rows more, or moved; never fewer by more than what the clause allows."""
    rows = [*feed.versions[-1], *draw.choices(list(PLACES), k=draw.randint(1, 4))]
    rows[draw.randrange(len(rows))] = draw.choice(list(PLACES))
    feed.versions.append(rows)


def new_feed(draw: random.Random, number: int) -> Feed:
    """A partner who has never delivered."""
    return Feed(f"jeu{number:02}", [draw.choices(list(PLACES), k=draw.randint(40, 60))])


def draw_fault(draw: random.Random, feed: Feed) -> str | None:
    """The fault of a feed for a day; an earlier version can only be given again when two were taken."""
    known = [name for name in FAULTS if name != "ancienne" or len(set(feed.taken)) > 1]
    return draw.choice(known) if draw.random() < 0.3 else None
