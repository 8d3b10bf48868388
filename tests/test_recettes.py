"""What has not changed is not made again, what has is, and the plan says which; nothing differs from a fresh run."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely
from factory import IN_A, IN_B, IN_C, QPV2024, Mini, geojson, indicator, point, points_clause
from typer.testing import CliRunner

from qpv_data.clause.model import Diffusion
from qpv_data.cli import app
from qpv_data.planning import Step, plan
from qpv_data.releases.verify import verify

Made = dict[str, tuple[int, int]]


def two_feeds(root: Path) -> Mini:
    mini = Mini(root, now=datetime(2025, 2, 1, tzinfo=UTC))
    mini.referentials()
    rows = [point(f"a{n}", IN_A) for n in range(3)] + [point("b", IN_B)]
    mini.points({"2024-T3": rows, "2024-T4": rows}, periode=SERIES)
    mini.points({"2024-T3": rows[1:], "2024-T4": rows}, ident="autres", periode=SERIES, indicateurs=[OTHER])
    return mini


SERIES = {"origine": "livraison", "frequence": "T", "debut": "2024-T3"}
OTHER = indicator("autres_n", "compte")


def made(mini: Mini) -> Made:
    """Each file that a stage writes, and what tells that it was written again."""
    found = {}
    for stage in ("conformed", "located", "aggregated"):
        for path in sorted((mini.out / stage).rglob("*.parquet")):
            state = path.stat()
            found[f"{stage}/{path.parent.name}/{path.stem}"] = (state.st_ino, state.st_mtime_ns)
    return found


def again(before: Made, after: Made) -> set[str]:
    """What was written again, aggregates by feed."""
    changed = {name for name in after if before.get(name) != after[name]}
    return {name.rsplit("/", 1)[0] if name.startswith("aggregated") else name for name in changed}


def told(steps: list[Step], *states: str) -> set[str]:
    """What the plan says is to be made again, in the same words."""
    stages = {"conformer": "conformed", "localiser": "located", "agreger": "aggregated"}
    named = [s for s in steps if s.etat in (states or ("a_refaire",)) and s.etape in stages]
    return {"/".join(p for p in (stages[s.etape], s.jeu, s.livraison) if p) for s in named}


def contents(mini: Mini) -> dict[str, str]:
    """The bytes of every output, but of what tells when it was received."""
    folders = ("conformed", "located", "aggregated", "zonages")
    paths = (p for f in folders for p in sorted((mini.out / f).rglob("*.parquet")))
    return {str(p.relative_to(mini.out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def step_by_step(mini: Mini, name: str) -> set[str]:
    """Change one thing; what must be written again."""
    rows = [point(f"n{n}", IN_A) for n in range(4)]
    everything = {f"located/{j}/{q}" for j in ("points", "autres") for q in ("2024-T3", "2024-T4")}
    match name:
        case "rien":
            return set()
        case "une livraison":
            mini.points({"2024-T4": rows}, periode=SERIES)
            return {"conformed/points/2024-T4", "located/points/2024-T4", "aggregated/points"}
        case "la même, autrement écrite":  # other bytes, the same records
            text = (mini.mirror / "donnees.mini.example" / "points-2024-T4.csv").read_text("utf-8")
            mini.deliver("points-2024-T4.csv", text.replace("\n", "\r\n"))
            return {"conformed/points/2024-T4"}
        case "une clause":
            indicators = [OTHER, indicator("autres_b", "compte", filtre="montant > 0")]
            mini.points({}, ident="autres", periode=SERIES, indicateurs=indicators)
            return {f"{s}/autres/{q}" for s in ("conformed", "located") for q in ("2024-T3", "2024-T4")} | {
                "aggregated/autres"
            }
        case "des périmètres":
            moved = {**QPV2024, "QN09902B": shapely.affinity.translate(QPV2024["QN09902B"], 5, 0)}
            mini.deliver("qpv2024.geojson", geojson(moved))
            return {"conformed/ref_qpv2024/unique", *everything, "aggregated/points", "aggregated/autres"}
        case "un trimestre de plus":
            mini.points({"2025-T1": rows}, periode=SERIES)
            return {"conformed/points/2025-T1", "located/points/2025-T1", "aggregated/points", "aggregated/autres"}
    raise AssertionError(name)


CHANGES = (
    "rien", "une livraison", "la même, autrement écrite", "une clause", "des périmètres", "un trimestre de plus",
)  # fmt: skip


def test_a_change_makes_again_what_depends_on_it_and_nothing_else_as_a_fresh_run_would(tmp_path: Path) -> None:
    mini, period = two_feeds(tmp_path / "suivi"), "2024-T4"
    mini.begin(periode=period)
    for name in CHANGES:
        period = "2025-T1" if name == "un trimestre de plus" else period
        before = made(mini)
        expected = step_by_step(mini, name)
        mini.run(periode=period)
        assert again(before, made(mini)) == expected, name
        assert told(plan(mini.configuration(periode=period)), "a_refaire", "si_amont_change") == set(), name
    fresh = Mini(tmp_path / "neuf", now=mini.now, declared=mini.declared)
    for clause in mini.declared.values():
        fresh.declare(clause)
    mini.mirror.rename(fresh.mirror)
    fresh.run(periode=period)
    assert contents(fresh) == contents(mini)


def test_the_plan_says_what_a_clause_changes_before_it_is_run_and_why(tmp_path: Path) -> None:
    mini = two_feeds(tmp_path)
    assert {s.etat for s in plan(mini.configuration()) if s.etape == "conformer"} == {"absente"}
    assert not mini.out.exists(), "a plan writes nothing"
    mini.begin()
    before = made(mini)
    step_by_step(mini, "une clause")
    steps = plan(mini.configuration())
    assert made(mini) == before
    assert {s.raisons for s in steps if s.jeu == "autres" and s.etat == "a_refaire"} == {("clause",)}
    mini.run()
    assert again(before, made(mini)) == told(steps)


def test_an_output_that_is_not_what_was_made_is_made_again(tmp_path: Path) -> None:
    mini = two_feeds(tmp_path)
    mini.begin()
    sound = contents(mini)
    other = (mini.out / "zonages/zones.parquet").read_bytes()
    paths = [
        mini.out / f"{n}.parquet"
        for n in ("conformed/points/2024-T4", "located/points/2024-T4", "aggregated/autres/autres_n")
    ]
    for path, damage in zip(paths, (other, paths[1].read_bytes()[:-9], b""), strict=True):
        path.write_bytes(damage)
        reasons = {s.raisons for s in plan(mini.configuration()) if s.etat == "a_refaire"}
        assert ("sortie_changee",) in reasons, path
        mini.run()
        assert contents(mini) == sound, path
    for path in paths:
        path.unlink()
    mini.run()
    assert contents(mini) == sound


def test_the_command_shows_the_plan_as_text_as_json_and_as_a_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini = two_feeds(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(mini.now.timestamp())))
    mini.begin()
    asked = ["plan", "--out", str(mini.out), "--clauses", str(mini.clauses)]
    text = CliRunner().invoke(app, asked)
    assert text.exit_code == 0
    assert text.output == "16 à jour (16 étapes)\n"
    step_by_step(mini, "une clause")
    assert "autres 2024-T4" in CliRunner().invoke(app, asked).output
    steps = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert {s["nom"] for s in steps} >= {b for s in steps for b in s["amont"]}
    graph = CliRunner().invoke(app, [*asked, "--dot"]).output
    assert graph.startswith("digraph")
    assert graph.count("->") == sum(len(s["amont"]) for s in steps)


# ---- the past, asked for again -------------------------------------------------------------------------------------


def test_a_backfill_asks_the_clause_over_its_periods_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini = two_feeds(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(mini.now.timestamp())))
    mini.begin()
    rows = [point(f"c{n}", IN_C) for n in range(2)]
    mini.points({"2024-T3": rows, "2024-T4": rows}, periode=SERIES)
    mini.points({"2024-T3": rows, "2024-T4": rows}, ident="autres", periode=SERIES, indicateurs=[OTHER])
    asked = ["--clauses", str(mini.clauses), "--miroir", str(mini.mirror), "--out", str(mini.out), "--quiet"]
    span = ["--clause", "points", "--de", "2024-T3", "--a", "2024-T3"]
    done = CliRunner().invoke(app, ["backfill", *span, *asked])
    assert done.exit_code == 0, done.output
    assert [mini.value("points_n", "QN09903C", q)[0] for q in ("2024-T3", "2024-T4")] == [2, 0]
    assert [mini.value("autres_n", "QN09903C", q)[0] for q in ("2024-T3", "2024-T4")] == [0, 0]
    assert (mini.out / "releases" / "provisoire").resolve().name == "2024-T4-r2"


@pytest.mark.parametrize(
    ("clause", "de", "a", "said"),
    [
        ("point", "2024-T3", "2024-T4", "reference_inconnue"),
        ("points", "2024-T4", "2024-T3", "periode_invalide"),
        ("points", "2020-T1", "2020-T4", "periode_invalide"),
        ("points", "hier", "2020-T4", "periode_invalide"),
    ],
)
def test_a_backfill_of_what_does_not_exist_is_refused_and_publishes_nothing(
    tmp_path: Path, clause: str, de: str, a: str, said: str
) -> None:
    mini = two_feeds(tmp_path)
    words = ["backfill", "--clause", clause, "--de", de, "--a", a, "--out", str(mini.out)]
    done = CliRunner().invoke(app, [*words, "--clauses", str(mini.clauses)])
    assert done.exit_code == 4
    assert said in done.output
    assert not mini.out.exists()


# ---- a release, made again -----------------------------------------------------------------------------------------


def test_a_release_is_made_again_to_the_byte_from_the_raw_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three releases: the second has a refused delivery for which an older one stands in, and a quarter that lacks."""
    mini = two_feeds(tmp_path)
    mini.begin()
    mini.deliver("points-2024-T4.csv", "<!doctype html><html>maintenance</html>")
    mini.points(
        {"2024-T3": [point(f"d{n}", IN_B) for n in range(9)]}, ident="autres", periode=SERIES, indicateurs=[OTHER]
    )
    (mini.mirror / "donnees.mini.example" / "autres-2024-T4.csv").unlink()
    mini.now = mini.now.replace(day=20)
    mini.run()
    mini.points({"2024-T4": [point("e", IN_C)]}, periode=SERIES)
    mini.now = mini.now.replace(day=25)
    mini.run()
    for n, name in enumerate(("2024-T4-r1", "2024-T4-r2", "2024-T4-r3")):
        into = tmp_path / f"refaite-{n}"
        words = ["rejouer", str(mini.out / "releases" / name), "--clauses", str(mini.clauses), "--sortie", str(into)]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert "Les mêmes fichiers, à l'octet." in done.output, done.output
        assert verify(into / "releases" / name) == []


def test_a_release_made_again_under_another_clause_says_what_differs_and_why(tmp_path: Path) -> None:
    mini = two_feeds(tmp_path)
    root = mini.begin().release.dossier
    kept = {p: p.read_bytes() for p in sorted(mini.out.rglob("*")) if p.is_file() and p.name != ".verrou"}
    mini.declare(points_clause("autres", periode=SERIES, indicateurs=[indicator("autres_n", "compte", filtre="x < 0")]))
    into = tmp_path / "refaite"
    words = ["rejouer", str(root), "--clauses", str(mini.clauses), "--sortie", str(into)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "autres_n" in done.output
    assert "clause" in done.output
    assert {p: p.read_bytes() for p in sorted(mini.out.rglob("*")) if p.is_file() and p.name != ".verrou"} == kept
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 4
    assert "n'est pas vide" in refused.output


def test_a_folder_goes_on_for_the_audience_that_it_publishes_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini = two_feeds(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(mini.now.timestamp())))
    mini.run(diffusion=Diffusion.OUVERT, diffuseur="grand-lac")
    asked = ["--clauses", str(mini.clauses), "--out", str(mini.out)]
    assert CliRunner().invoke(app, ["plan", *asked]).exit_code == 0
    span = ["--clause", "points", "--de", "2024-T3", "--a", "2024-T4", "--miroir", str(mini.mirror), "--quiet"]
    assert CliRunner().invoke(app, ["backfill", *asked, *span]).exit_code == 0
    assert mini.query("SELECT DISTINCT diffuseur, diffusion FROM publications") == [("grand-lac", "ouvert")]
    refused = CliRunner().invoke(app, ["plan", *asked, "--diffusion", "interne"])
    assert refused.exit_code == 4
    assert "diffusion_trop_large" in refused.output
    assert CliRunner().invoke(app, ["plan", *asked, "--diffusion", "tous"]).exit_code == 2
