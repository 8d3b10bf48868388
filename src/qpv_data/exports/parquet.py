"""Write one table of a release as Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_table(content: pa.Table, target: Path, table: str) -> None:
    """Write `content`, the published table `table`, at `target`."""
    pq.write_table(content.combine_chunks(), target, compression="zstd", row_group_size=100_000)
