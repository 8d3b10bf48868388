"""What `protect` writes, `attack` does not break: two programs that share no code and meet by files alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from qpv_data.cli import app

CATEGORIES = ("a", "b", "c")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[int], int]:
    """Commune and quarter of each finest zone, a count a zone and category, and k."""
    communes, quarters = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    n = draw(st.integers(max(communes, quarters), 7))
    # The first zones make sure that no group is empty.
    groups = [
        (f"C{i if i < communes else draw(st.integers(0, communes - 1))}",
         f"Q{i if i < quarters else draw(st.integers(0, quarters - 1))}") for i in range(n)
    ]  # fmt: skip
    counts = draw(st.lists(st.integers(0, 30) | st.integers(0, 4), min_size=3 * n, max_size=3 * n))
    return groups, counts, draw(st.sampled_from([3, 5, 11]))


def written(folder: Path, groups: list[tuple[str, str]], counts: list[int], k: int) -> list[str]:
    """The files of a table, and the arguments that name them."""
    for name, which in (("communes", 0), ("quartiers", 1)):
        parents = sorted({g[which] for g in groups})
        lines = ["code,parent", "T,", *(f"{p},T" for p in parents), *(f"z{i},{g[which]}" for i, g in enumerate(groups))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "categories.csv").write_text("code,parent\ntout,\n" + "".join(f"{c},tout\n" for c in CATEGORIES))
    zones = "zone: {parents: [communes.csv, quartiers.csv]}"
    (folder / "axes.yml").write_text(
        f"axes:\n  {zones}\n  categorie: {{parents: [categories.csv]}}\nregle: {{k: {k}}}\n"
    )
    cells = [(f"z{i}", c) for i in range(len(groups)) for c in CATEGORIES]
    columns = {"zone": [z for z, _ in cells], "categorie": [c for _, c in cells], "valeur": [float(n) for n in counts]}
    pq.write_table(pa.table({**columns, "n_unites": counts}), folder / "cellules.parquet")
    return ["--axes", str(folder / "axes.yml")]


@settings(max_examples=12)
@given(table=tables())
def test_no_protected_table_is_broken(
    table: tuple[list[tuple[str, str]], list[int], int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tableau")
    axes, out = written(folder, *table), str(folder / "protege.parquet")
    protected = CliRunner().invoke(app, ["protect", str(folder / "cellules.parquet"), *axes, "--out", out])
    assert protected.exit_code == 0, protected.output
    attacked = CliRunner().invoke(app, ["attack", "--table", out, *axes])
    assert attacked.exit_code == 0, attacked.output
