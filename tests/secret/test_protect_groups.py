"""Nodes are put together by the ground that they share, which may be none."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.secret.axes import Axis
from qpv_data.secret.blocks import groups_of

held = st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=12)


@given(held, st.integers(2, 9))
def test_every_group_is_of_whole_ground_that_no_other_has_and_a_node_that_holds_nothing_is_of_none(
    nodes: list[set[int]], limit: int
) -> None:
    """A quarter where a feed has neither a record nor a face of the map is such a node: Toulouse alone has hundreds."""
    inside = np.array([[int(f in node) for f in range(6)] for node in nodes])
    codes = tuple(map(str, range(len(nodes))))
    axis = Axis("zone", codes, np.arange(6), sp.csr_matrix(inside), (), np.ones(len(nodes), np.bool_))
    groups = [set(group.tolist()) for group in groups_of(axis, limit)]
    assert len(set().union(*groups)) == sum(map(len, groups))
    ground = [set().union(*(nodes[n] for n in group)) for group in groups]
    assert all(not a & b for i, a in enumerate(ground) for b in ground[i + 1 :])
    assert all(nodes[n] for group in groups for n in group)
