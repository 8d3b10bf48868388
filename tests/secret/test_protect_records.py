"""Units and contributors of every margin and union, against sets counted in plain Python."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_to_protect import contenu, ecrire, feuilles, tirer

from qpv_data.secret.declaration import read_declaration
from qpv_data.secret.reading import read_records


@settings(deadline=None, max_examples=10)
@given(graine=st.integers(0, 10**6))
def test_units_are_distinct_and_parts_add_up_in_every_margin(tmp_path_factory: pytest.TempPathFactory, graine: int):
    axes, _ = tirer(graine)
    draw = random.Random(graine)
    fines = list(itertools.product(*(feuilles(h) for h in axes.values())))
    rows = [
        (draw.choice(fines), draw.randint(0, 9), f"u{draw.randrange(8)}", f"c{draw.randrange(4)}") for _ in range(30)
    ]
    columns: dict[str, list[object]] = {name: [r[0][n] for r in rows] for n, name in enumerate(axes)}
    for n, name in enumerate(("valeur", "unite", "contributeur"), start=1):
        columns[name] = [r[n] for r in rows]
    cells, declaration = ecrire(tmp_path_factory.mktemp("t"), axes, "regle: {k: 2, nk: {n: 2, pourcent: 90}}", columns)
    table = read_records(cells, read_declaration(declaration))
    held = [contenu(h) for h in axes.values()]

    def attendu(cases: list[tuple[str, ...]]) -> tuple[int, ...]:
        inside = {f for case in cases for f in itertools.product(*(h[c] for h, c in zip(held, case, strict=True)))}
        own = [r for r in rows if r[0] in inside]
        parts: Counter[str] = Counter()
        for _, value, _, contributor in own:
            parts[contributor] += value
        top = [*sorted(parts.values(), reverse=True), 0, 0]
        return sum(r[1] for r in own), len({r[2] for r in own}), top[0], top[1], top[0] + top[1]

    names = [tuple(table.name(n).split(" × ")) for n in range(len(table))]
    found = zip(
        *(getattr(table.measures, m).tolist() for m in ("value", "units", "first", "second", "largest")), strict=True
    )
    assert list(found) == [attendu([name]) for name in names]
    finest = [n for n, name in enumerate(names) if name in set(fines)]
    union = np.array(sorted(draw.sample(finest, min(2, len(finest)))))
    both = table.unions([union])
    assert (both.value[0], both.units[0], both.first[0], both.second[0], both.largest[0]) == attendu(
        [names[n] for n in union]
    )
