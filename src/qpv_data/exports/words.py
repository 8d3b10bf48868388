"""The words of the dictionary, as the files of a release carry them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from qpv_data.comments import column_comments, table_comments
from qpv_data.exports.parquet import TableComments
from qpv_data.exports.series import with_series


@cache
def words() -> Mapping[str, TableComments]:
    """Table, `series` included → its comments."""
    return with_series({name: TableComments(said, column_comments(name)) for name, said in table_comments().items()})
