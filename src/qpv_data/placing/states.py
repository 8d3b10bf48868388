"""The three answers, and the shape in which they come."""

from __future__ import annotations

import pyarrow as pa

DEDANS, DEHORS, INCONNU = "dedans", "dehors", "inconnu"
Columns = dict[str, pa.Array]
"""Columns to add to a batch, by name, aligned with its rows."""
