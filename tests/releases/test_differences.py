"""What changed between two releases, why, and what the current one keeps of the past."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factory import IN_A, IN_B, Mini, point, points_clause
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.releases.compare import STORED, Causes, Comparison, differences
from qpv_data.tables import CHANGEMENTS, VALEURS

LATER = datetime(2025, 6, 2, tzinfo=UTC)


def world(root: Path, in_b: int = 0, **more: object) -> Mini:
    mini = Mini(root)
    mini.referentials()
    deliver(mini, in_b, **more)
    return mini


def deliver(mini: Mini, in_b: int, **more: object) -> None:
    rows = [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(in_b)]
    mini.points({"2024-T1": rows}, **more)


def causes(mini: Mini) -> set[tuple[str, str]]:
    return set(mini.query("SELECT DISTINCT nature, cause FROM changements"))  # type: ignore[arg-type]


def test_the_first_release_changes_nothing(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.begin()
    assert mini.query("SELECT count(*) FROM changements") == mini.query("SELECT count(*) FROM revisions") == [(0,)]


def test_a_corrected_delivery_is_the_cause_of_what_it_changes_and_of_nothing_else(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.begin()
    deliver(mini, 6)
    mini.run()
    rows = mini.query(
        "SELECT indicateur, code_zone, valeur_avant, valeur, nature, cause FROM changements"
        " WHERE zonage = 'qpv2024' ORDER BY ALL"
    )
    assert rows == [
        ("points_n", "QN09902B", 0.0, 6.0, "modifiee", "nouvelle_livraison"),
        ("points_somme", "QN09902B", 0.0, 6.0, "modifiee", "nouvelle_livraison"),
    ]


def test_a_new_version_of_the_clause_is_the_cause_of_what_it_changes(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.begin()
    declared = points_clause(version="1.1")
    declared["indicateurs"][1]["numerateur"] = "montant * 2"
    mini.declare(declared)
    mini.run()
    assert causes(mini) == {("modifiee", "version_de_clause")}


def test_a_row_keeps_the_day_of_the_release_that_first_said_it_and_the_past_can_be_asked_for(tmp_path: Path) -> None:
    mini = world(tmp_path)
    mini.begin()
    deliver(mini, 6)
    mini.run(maintenant=LATER)
    when = "SELECT visible_de::DATE::VARCHAR, visible_a FROM valeurs WHERE indicateur = 'points_n' AND code_zone = ?"
    first, second = str(mini.now.date()), str(LATER.date())
    assert mini.query(f"{when} AND periode = '2024-T1' AND zonage = 'qpv2024'", "QN09901A") == [(first, None)]
    assert mini.query(f"{when} AND periode = '2024-T1' AND zonage = 'qpv2024'", "QN09902B") == [(second, None)]
    past = (
        "SELECT valeur, visible_de::DATE::VARCHAR, visible_a::DATE::VARCHAR FROM revisions"
        " WHERE indicateur = 'points_n' AND code_zone = 'QN09902B' AND periode = '2024-T1' AND zonage = 'qpv2024'"
    )
    assert mini.query(past) == [(0.0, first, second)]
    asof = "SELECT valeur FROM valeurs_au(?::DATE) WHERE indicateur = 'points_n' AND code_zone = 'QN09902B' AND periode = '2024-T1'"
    assert (mini.query(asof, first), mini.query(asof, second)) == ([(0.0,)], [(6.0,)])


def test_the_command_says_what_the_release_says_of_itself(tmp_path: Path) -> None:
    mini = world(tmp_path)
    old = mini.begin().release
    deliver(mini, 6)
    new = mini.run().release
    found = pa.concat_tables(differences(old.complet, new.complet))
    order = [(n, "ascending") for n in ("zonage", "periode", "code_zone", "indicateur", "modalite")]
    published = pq.read_table(new.complet / "changements.parquet").replace_schema_metadata(None)
    assert found.sort_by(order).to_pylist() == published.sort_by(order).to_pylist()
    assert list(differences(new.complet, new.complet)) == []


ROWS = st.dictionaries(
    st.tuples(st.sampled_from("ij"), st.sampled_from("xyz"), st.sampled_from(["ensemble", "m"])),
    st.tuples(st.sampled_from([None, 0.0, 1.0, 2.5]), st.sampled_from(["diffusee", "secret"])),
)  # fmt: skip


def partition(rows: dict[tuple[str, str, str], tuple[float | None, str]], name: str, day: datetime) -> pa.Table:
    made = [
        {
            "diffuseur": "d", "publication": name, "indicateur": i, "modalite": m, "code_zone": z, "frequence": "T",
            "periode_debut": None, "periode_fin": None, "valeur": None if status == "secret" else value,
            "numerateur": None, "denominateur": None, "statut_observation": "normale", "statut_diffusion": status,
            "qualite": "A", "visible_de": day, "visible_a": None,
        }
        for (i, z, m), (value, status) in sorted(rows.items(), key=lambda r: (r[0][1], r[0][0], r[0][2]))
    ]  # fmt: skip
    return pa.Table.from_pylist(made, schema=STORED)


@given(ROWS, ROWS)
def test_nothing_is_lost_between_two_releases(before: dict, after: dict) -> None:  # type: ignore[type-arg]
    days = datetime(2025, 1, 1), datetime(2025, 4, 1)
    old, new = partition(before, "r1", days[0]), partition(after, "r2", days[1])
    with Comparison("r2", "r1") as comparison:
        made = comparison.partition(("qpv2024", "2024-T1"), new, old)
    assert made.values.drop_columns(["visible_de"]).equals(new.drop_columns(["visible_de"]))
    said = {k: (None if s == "secret" else v, s) for rows in (before,) for k, (v, s) in rows.items()}
    now = {k: (None if s == "secret" else v, s) for k, (v, s) in after.items()}
    changed = {k for k in said.keys() | now.keys() if said.get(k) != now.get(k)}
    found = {(r["indicateur"], r["code_zone"], r["modalite"]) for r in made.changes.to_pylist()}
    assert found == changed
    assert made.past.num_rows == len(changed & said.keys())
    kept = {(r["indicateur"], r["code_zone"], r["modalite"]): r["visible_de"] for r in made.values.to_pylist()}
    assert all(kept[k] == (days[1] if k in changed else days[0]) for k in now)
    natures = Counter(r["nature"] for r in made.changes.to_pylist())
    assert natures["apparue"] == len(now.keys() - said.keys())
    assert natures["disparue"] == len(said.keys() - now.keys())
    assert natures["cachee"] == sum(1 for k in said.keys() & now.keys() if said[k][1] != now[k][1] == "secret")
    assert made.changes.schema == CHANGEMENTS


def test_published_columns_are_those_of_the_dictionary() -> None:
    assert set(STORED.names) | {"zonage", "periode"} == set(VALEURS.names)


@pytest.mark.parametrize("command", ["releases", "diff", "verify", "explain"])
def test_each_command_says_what_is_wrong_and_what_to_do(command: str, tmp_path: Path) -> None:
    away = str(tmp_path / "ailleurs")
    arguments = {
        "releases": [away], "diff": [away, away], "verify": [away],
        "explain": [away, "--zone", "Q", "--indicateur", "i", "--periode", "2024-T1"],
    }[command]  # fmt: skip
    done = CliRunner().invoke(app, [command, *arguments])
    assert done.exit_code == 4
    assert "publication_absente" in done.output
    assert "voir qpv-data releases" in done.output or "--out" in done.output


def test_with_the_same_clause_and_deliveries_another_code_is_the_cause_and_else_the_protection_of_other_figures(
    tmp_path: Path,
) -> None:
    folder = world(tmp_path).begin().release.complet
    row = dict.fromkeys(CHANGEMENTS.names) | {
        "indicateur": "points_n", "zonage": "qpv2024", "periode": "2024-T1", "code_zone": "QN09901A", "nature": "cachee",
    }  # fmt: skip
    changes = pa.Table.from_pylist([row], schema=CHANGEMENTS)
    told = [Causes(folder, folder, same_software).told(changes)["cause"].to_pylist() for same_software in (False, True)]
    assert told == [["logiciel"], ["secret"]]
