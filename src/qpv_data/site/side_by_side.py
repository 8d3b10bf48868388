"""Render many sheets by several processes: each reads its quarters in the database and writes their files.

What the pages share goes to each process once; what was written comes back. Files do not depend on who wrote them.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from qpv_data.cores import cores
from qpv_data.site.model import Zone
from qpv_data.site.reading import BLOCK, Sheet, connected, sheets
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site, nobody

STAGE = "feuilles"
FEW = 200
"""Up to this many sheets, starting processes would cost more than they save."""

Writer = Callable[[Site, Shared, Sheet, str], None]


@dataclass(frozen=True)
class _Hands:
    """What a process has."""

    site: Site
    shared: Shared
    write: Writer
    known: str


_hands: list[_Hands] = []


def write_all(site: Site, shared: Shared, write: Writer, known: str) -> None:
    """Call `write` for each quarter with its series, here or in other processes; `site` knows what was written.

    `write` is a function of a module. Whatever it raises is raised here.
    """
    quarters = shared.release.quartiers
    if len(quarters) <= FEW or cores() == 1:
        for n, sheet in enumerate(sheets(shared.release, quarters), 1):
            write(site, shared, sheet, known)
            site.suivi(STAGE, n, len(quarters))
        return
    alone = replace(shared, release=replace(shared.release, con=None))
    hands = _Hands(_blank(site), alone, write, known)
    blocks = [quarters[n : n + BLOCK] for n in range(0, len(quarters), BLOCK)]
    context = multiprocessing.get_context("spawn")
    site.suivi(STAGE, 0, len(quarters))
    with ProcessPoolExecutor(cores(), mp_context=context, initializer=_take, initargs=(hands,)) as pool:
        for n, part in enumerate(pool.map(_write_block, blocks), 1):
            site.suivi(STAGE, min(n * BLOCK, len(quarters)), len(quarters))
            site.ecrites.extend(part.ecrites)
            site.gardees.extend(part.gardees)
            site.entrees.update(part.entrees)


def _blank(site: Site) -> Site:
    return replace(site, ecrites=[], gardees=[], entrees={}, suivi=nobody)


def _take(hands: _Hands) -> None:
    release = hands.shared.release
    con = connected(release.base, threads=1)
    _hands[:] = [replace(hands, shared=replace(hands.shared, release=replace(release, con=con)))]


def _write_block(block: tuple[Zone, ...]) -> Site:
    """Returns what was written and kept; what all of them share stays here."""
    (hands,) = _hands
    site = _blank(hands.site)
    for sheet in sheets(hands.shared.release, block):
        hands.write(site, hands.shared, sheet, hands.known)
    return replace(site, commun={}, avant={})
