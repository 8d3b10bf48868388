"""What did not change costs nothing, and what is spared is what would have been made, to the byte."""

from __future__ import annotations

from pathlib import Path

from factory import IN_A, IN_C, POINT_HEADER, QPV2024, Mini, csv_of, geojson, point, small_run, square
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.operations.stages import Stage, measured_by
from qpv_data.pipeline import deliveries, place, prepare, receive, refer, transport
from qpv_data.reuse import key_of, reused
from qpv_data.runs import exclusive

MADE = ("located", "aggregated")


class Heard:
    """Which stages were made, and which were spared."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    def over(self, stage: Stage):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        self.stages.append(stage)
        return nullcontext()

    def of(self, etape: str) -> list[str]:
        return [s.etat for s in self.stages if s.etape == etape]


def run(mini: Mini, **more: object) -> Heard:
    """Receive, compose, place: what comes before the release, which is always made anew."""
    heard = Heard()
    clauses, period, cfg = prepare(mini.configuration(**more))
    with measured_by(heard), transport(cfg) as reach, exclusive(cfg):
        versions = clauses.versions
        receptions = [receive(cfg, c, e, reach, versions(c.id)) for c, e in deliveries(clauses, period)]
        _, received = refer(cfg, clauses, receptions)
        assert all(place(cfg, clauses, feed, received).erreur is None for feed in clauses.jeux)
    return heard


def files(out: Path) -> dict[str, bytes]:
    found = (p for f in MADE for p in (out / f).rglob("*") if p.is_file() and not p.is_symlink())
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in found if p.suffix in (".parquet", ".json")}


def corrected(mini: Mini) -> None:
    mini.deliver("points-2024-T2.csv", csv_of([point("x", IN_A), point("y", IN_C)], POINT_HEADER))


def redrawn(mini: Mini) -> None:
    mini.deliver("qpv2024.geojson", geojson({**QPV2024, "QN09903C": square(2300, 300, 150)}))


def redeclared(mini: Mini) -> None:
    mini.declare({**mini.declared["points"], "titre": "autre"})


def lost(mini: Mini) -> None:
    (mini.out / "located" / "points" / "2024-T2.parquet").unlink()


CHANGES = {
    "nothing": (lambda _: None, ["repris"] * 4, ["repris"]),
    "a delivery": (corrected, ["repris", "fait", "repris", "repris"], ["fait"]),
    "perimeters": (redrawn, ["fait"] * 4, ["fait"]),
    "a file made before": (lost, ["repris", "fait", "repris", "repris"], ["repris"]),
    "the clause": (redeclared, ["fait"] * 4, ["fait"]),
    "nothing again": (lambda _: None, ["repris"] * 4, ["repris"]),
}


def test_only_what_depends_on_a_change_is_made_again_and_it_all_is_as_if_made_anew(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    run(mini)
    for what, (change, located, aggregated) in CHANGES.items():
        change(mini)
        heard = run(mini)
        assert (heard.of("localiser"), heard.of("agreger")) == (located, aggregated), what
    run(mini, sortie=tmp_path / "neuf")
    assert files(tmp_path / "neuf") == files(mini.out)


@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_a_key_is_that_of_the_bytes_and_a_changed_output_is_made_again(one: bytes, two: bytes, tamper: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        source, target, note = (Path(name) / n for n in ("source", "cible", "note.json"))
        made = []

        def make() -> dict[str, int]:
            target.write_bytes(source.read_bytes() + b"fait")
            made.append(1)
            return {"lus": len(source.read_bytes())}

        for content in (one, one, two):
            source.unlink(missing_ok=True)
            source.write_bytes(content)
            told, _ = reused(note, key_of([source], clause="c"), lambda: [target], make)
            assert told == {"lus": len(content)}
            assert target.read_bytes() == content + b"fait"
        assert len(made) == (1 if one == two else 2)
        if tamper:
            target.unlink()
            reused(note, key_of([source], clause="c"), lambda: [target], make)
            assert target.read_bytes() == two + b"fait"
        before = len(made)
        reused(note, key_of([source], clause="autre"), lambda: [target], make)
        assert len(made) == before + 1
