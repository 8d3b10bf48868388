"""What changed between two deliveries of a feed, in words: columns, number of rows, how filled its columns are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qpv_data.compliance.journal import Attempt
from qpv_data.problems import listed

ROWS, FILLED = 0.2, 0.1
"""Changes below these shares are ordinary: rows, relative to the delivery before; filled share of a column."""


def drift(before: Attempt, now: Attempt) -> tuple[str, ...]:
    """Sentences in French, none when the two deliveries are alike. The same delivery has not changed.

    Of a delivery that is refused, the headers alone are known.
    """
    if before.livraison == now.livraison:
        return ()
    columns = tuple(_columns(before.entete, now.entete))
    return (*columns, *_rows(before.recues, now.recues), *_filled(before, now)) if now.acceptee else columns


def _columns(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    if not before or not now:
        return
    gone, new = [c for c in before if c not in now], [c for c in now if c not in before]
    renamed = [(a, b) for a, b in zip(before, now, strict=False) if a in gone and b in new]
    if len(before) == len(now) and len(renamed) == len(gone) == len(new):
        if renamed:
            yield f"colonnes renommées : {listed(f'{a} → {b}' for a, b in renamed)}"
        gone, new = [], []
    if gone:
        yield f"colonnes disparues : {listed(gone)}"
    if new:
        yield f"colonnes nouvelles : {listed(new)}"
    if [c for c in before if c in now] != [c for c in now if c in before]:
        yield "ordre des colonnes changé"


def _rows(before: int, now: int) -> Iterator[str]:
    if before and abs(now - before) > ROWS * before:
        yield f"lignes : {before} → {now} ({100 * (now - before) / before:+.0f} %)"


def _filled(before: Attempt, now: Attempt) -> Iterator[str]:
    for column, share in now.renseignes.items():
        old = before.renseignes.get(column)
        if old is not None and abs(share - old) > FILLED:
            yield f"{column} renseignée à {100 * old:.0f} % puis à {100 * share:.0f} %"
