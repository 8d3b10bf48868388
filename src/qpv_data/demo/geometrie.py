"""Exact plane geometry on whole metres, for the truth: integers only, no floating point, no library.

A zone is a list of closed rings (first vertex not repeated); inside is decided by the even-odd rule over all
of its rings, so that holes, several parts, a bow-tie and a ring that touches itself need no special case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Point = tuple[int, int]
Anneau = Sequence[Point]


def edges(rings: Sequence[Anneau]) -> Iterator[tuple[Point, Point]]:
    """The segments of every ring, the closing one included."""
    for ring in rings:
        for i, end in enumerate(ring):
            yield ring[i - 1], end


def contains(rings: Sequence[Anneau], point: Point) -> bool:
    """Even-odd rule. The answer for a point on an edge is arbitrary: see `too_close`."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in edges(rings):
        if (y1 > y) != (y2 > y):
            # sign of the cross product instead of a division: exact on integers
            side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if (side > 0) == (y2 > y1):
                inside = not inside
    return inside


def too_close(rings: Sequence[Anneau], point: Point, metres: int) -> bool:
    """Whether an edge passes at less than `metres` of the point."""
    return any(_near(a, b, point, metres) for a, b in edges(rings))


def _near(a: Point, b: Point, p: Point, metres: int) -> bool:
    if not (min(a[0], b[0]) - metres <= p[0] <= max(a[0], b[0]) + metres):
        return False
    if not (min(a[1], b[1]) - metres <= p[1] <= max(a[1], b[1]) + metres):
        return False
    dx, dy = b[0] - a[0], b[1] - a[1]
    ex, ey = p[0] - a[0], p[1] - a[1]
    length2, along = dx * dx + dy * dy, ex * dx + ey * dy
    if along <= 0:
        return ex * ex + ey * ey < metres * metres
    if along >= length2:
        return (p[0] - b[0]) ** 2 + (p[1] - b[1]) ** 2 < metres * metres
    cross = dx * ey - dy * ex
    return cross * cross < metres * metres * length2


def bounds(rings: Sequence[Anneau]) -> tuple[int, int, int, int]:
    """West, south, east, north."""
    xs = [x for ring in rings for x, _ in ring]
    ys = [y for ring in rings for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)
