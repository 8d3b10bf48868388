"""The partner's report, and the command that shows what came of each promise."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from factory import HOST, IN_A, QUARTERS, Mini, point
from hypothesis import given
from hypothesis import strategies as st
from promises import PERSONAL
from typer.testing import CliRunner, Result

from qpv_data.cli import app
from qpv_data.compliance.page import ranges, share


class Text(HTMLParser):
    """The texts of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def report_of(mini: Mini, ident: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((mini.out / "rapports" / "points" / f"{ident}.json").read_text("utf-8"))
    return content


def delivered(folder: Path, rows: list[dict[str, object]], **more: Any) -> Mini:
    """A run of one delivery of points, that of 2024-T1."""
    mini = Mini(folder)
    mini.referentials()
    mini.points({"2024-T1": rows}, **more)
    mini.run()
    return mini


def test_a_report_says_what_was_received_refused_on_which_lines_and_how_to_mend_it(tmp_path: Path) -> None:
    rows = [
        point("a", IN_A), point("b", IN_A, montant="douze"), point("a", IN_A), point("c", None),
        point("d", IN_A, montant="<script>alert(1)</script>"),
    ]  # fmt: skip
    mini = delivered(tmp_path, rows)
    told = report_of(mini, "points-2024-T1-v1")
    assert told["lignes"] == {"recues": 5, "conformes": 2, "rejetees": 3}
    found = {(r["motif"], r["colonne"]): (r["nombre"], r["lignes"], r["exemples"]) for r in told["rejets"]}
    assert found == {
        ("valeur_illisible", "montant"): (2, [3, 6], ["<script>alert(1)</script>", "douze"]),
        ("cle_en_double", "id"): (1, [4], ["a"]),
    }
    assert told["rejets"][0]["correction"] == "Écrire dans « montant » : nombre, décimales après « . »."
    assert (told["localisation"]["lus"], told["localisation"]["situes"]) == (2, 1)
    assert [(m["motif"], m["nombre"], m["lignes"]) for m in told["localisation"]["inconnus"]] == [
        ("coordonnees_absentes", 1, [5])
    ]
    assert (told["etat"], told["echeance"]) == ("en_retard", "2024-03-31")


def test_the_page_shows_what_the_json_says_and_runs_no_markup_of_the_partner(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    mini = delivered(tmp_path, [point("a", IN_A), point("d", IN_A, montant=evil)], titre=f"Titre {evil}")
    page = (mini.out / "rapports" / "points" / "points-2024-T1-v1.html").read_text("utf-8")
    read = Text()
    read.feed(page)
    text = " ".join(" ".join(read.texts).split())
    assert evil in text
    assert "2 lignes reçues = 1 retenues + 1 rejetées" in text
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "img", "link", "iframe"}
    assert not [a for _, attrs in read.tags for a in attrs if a in ("src", "href") or a.startswith("on")]


def test_a_rejected_row_of_a_feed_with_personal_data_shows_no_value(tmp_path: Path) -> None:
    mini = delivered(
        tmp_path,
        [point("a", IN_A), point("b", IN_A, montant="Camille Dupont")],
        donnees_personnelles=PERSONAL,
    )
    for path in (mini.out / "rapports" / "points").iterdir():
        assert "Dupont" not in path.read_text("utf-8")
    assert report_of(mini, "points-2024-T1-v1")["rejets"][0]["lignes"] == [3]


def test_a_delivery_refused_whole_has_its_report_too(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points({"2024-T1": [point("a", IN_A)], "2024-T2": [point("a", IN_A)]})
    mini.deliver("points-2024-T2.csv", "identifiant;x\n1;2\n")
    mini.run()
    told = report_of(mini, "points-2024-T2-v1")
    assert (told["acceptee"], told["probleme"], told["etat"]) == (False, "entete_inattendu", "refusee")
    assert "montant" in told["message"]
    page = (mini.out / "rapports" / "points" / "points-2024-T2-v1.html").read_text("utf-8")
    assert "Livraison refusée" in page


def refused_delivery(folder: Path, **more: Any) -> Mini:
    """Three quarters: a good one, one with too many rejects, and one to be delivered."""
    mini = Mini(folder)
    mini.referentials()
    good = [point(n, IN_A) for n in range(6)]
    bad = [point("a", IN_A), point("b", IN_A, montant="Camille"), point("a", IN_A), point("c", IN_A, montant="douze")]
    mini.points(
        {"2024-T1": good, "2024-T2": bad, "2024-T3": good}, controles={"lignes_min": 1, "rejets_max": 0.2}, **more
    )
    mini.run()
    return mini


@pytest.mark.parametrize("personal", [False, True])
def test_the_report_of_a_refused_delivery_lists_the_lines_and_how_to_mend_them(tmp_path: Path, personal: bool) -> None:
    mini = refused_delivery(tmp_path, **({"donnees_personnelles": PERSONAL} if personal else {}))
    told = report_of(mini, "points-2024-T2-v1")
    assert (told["acceptee"], told["probleme"], told["etat"]) == (False, "trop_de_rejets", "refusee")
    assert [(r["motif"], r["colonne"], r["lignes"], r["exemples"] or []) for r in told["rejets"]] == [
        ("valeur_illisible", "montant", [3, 5], [] if personal else ["Camille", "douze"]),
        ("cle_en_double", "id", [4], [] if personal else ["a"]),
    ]
    assert told["rejets"][0]["correction"].startswith("Écrire dans « montant »")
    page = (mini.out / "rapports/points/points-2024-T2-v1.html").read_text("utf-8")
    assert "3, 5" in page
    assert "aucune ligne n'entre dans un chiffre" in page
    kept = mini.out / "rejets/points/2024-T2.refusee.parquet"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not (mini.out / "rejets/points/2024-T2.parquet").exists()
    assert not (mini.out / "rejets/points/2024-T1.refusee.parquet").exists()


def test_the_rejects_of_a_refusal_outlive_neither_its_correction_nor_another_refusal(tmp_path: Path) -> None:
    mini = refused_delivery(tmp_path)
    mini.deliver("points-2024-T2.csv", "un;deux\n1;2\n")
    mini.run()
    told = report_of(mini, "points-2024-T2-v2")
    assert (told["probleme"], told["rejets"]) == ("entete_inattendu", [])
    mini.deliver("points-2024-T2.csv", (mini.mirror / HOST / "points-2024-T1.csv").read_bytes())
    mini.run()
    assert (mini.out / "rejets/points/2024-T2.parquet").exists()
    assert not (mini.out / "rejets/points/2024-T2.refusee.parquet").exists()
    assert report_of(mini, "points-2024-T2-v3")["acceptee"]


@pytest.mark.parametrize("personal", [False, True])
def test_what_changed_in_the_header_is_told_to_the_partner_and_by_the_command(tmp_path: Path, personal: bool) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points({"2024-T1": [point("a", IN_A)]}, **({"donnees_personnelles": PERSONAL} if personal else {}))
    headers = {"2024-T2": "id;x;y;insee;menage;montant;etage;sexe", "2024-T3": "y;x;id;insee;menage;prix;etage;sexe"}
    for quarter, header in headers.items():
        row = ";".join(str(point("a", IN_A).get(name, "")) for name in header.split(";"))
        mini.deliver(f"points-{quarter}.csv", f"{header}\n{row}\n")
    mini.run()
    shown = ("(inattendue 1), (inattendue 2)", "(inattendue 1)") if personal else ("etage, sexe", "prix")
    wanted = {
        "2024-T2": [f"colonnes nouvelles : {shown[0]}"],
        "2024-T3": [f"colonnes renommées : montant → {shown[1]}", "ordre des colonnes changé"],
    }
    if personal:  # a rank says less than a name: the first of the unexpected ones is another
        wanted["2024-T3"] = ["colonnes disparues : montant", "colonnes nouvelles : (inattendue 3)",
                             "ordre des colonnes changé"]  # fmt: skip
    lines = json.loads(asked(mini, "--json", "--jeu", "points").stdout)
    for quarter, said in wanted.items():
        told = report_of(mini, f"points-{quarter}-v1")
        assert (told["derive"], told["acceptee"]) == (said, quarter == "2024-T2")
        assert [c for li in lines if li["periode"] == quarter for c in li["derive"]] == said


def test_running_twice_leaves_the_reports_as_they_were(tmp_path: Path) -> None:
    mini = delivered(tmp_path, [point("a", IN_A), point("c", None)])
    folder = mini.out / "rapports" / "points"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    mini.run()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def asked(mini: Mini, *arguments: str) -> Result:
    words = ["conformite", "--clauses", str(mini.clauses), "--out", str(mini.out), *arguments]
    return CliRunner().invoke(app, words, env=mini.environment(COLUMNS="80"))


def test_the_command_shows_each_clause_and_gives_all_of_it_as_json(tmp_path: Path) -> None:
    mini = delivered(tmp_path, [point("a", IN_A), point("b", IN_A, montant="x")])
    lines = json.loads(asked(mini, "--json", "--jeu", "points").stdout)
    assert [(li["periode"], li["etat"]) for li in lines] == list(
        zip(QUARTERS, ("en_retard", "manquante", "manquante", "attendue"), strict=True)
    )[:3]
    shown = asked(mini).stdout
    assert "points" in shown
    assert "manquante" in shown
    table = shown[: shown.index("  ! ")]
    assert max(map(len, table.splitlines())) <= 80
    resources = json.loads(asked(mini, "--disponibilite", "--json").stdout)
    by_period = {r["periode"]: r["part"] for r in resources if r["jeu"] == "points"}
    assert (by_period["2024-T1"], by_period["2024-T2"]) == (1, 0)


def test_an_unknown_clause_is_a_wrong_usage(tmp_path: Path) -> None:
    mini = delivered(tmp_path, [point("a", IN_A)])
    done = asked(mini, "--jeu", "autre")
    assert (done.exit_code, "aucune clause `autre`" in done.stderr) == (2, True)


@given(st.sets(st.integers(1, 60), min_size=1))
def test_ranges_say_every_line_and_no_other(lines: set[int]) -> None:
    said: set[int] = set()
    for part in ranges(lines).split(", "):
        first, _, last = part.partition(" à ")
        said |= set(range(int(first), int(last or first) + 1))
    assert said == lines


@pytest.mark.parametrize(
    ("part", "text"), [(None, "—"), (0, "0\u202f%"), (1e-9, "0,1\u202f%"), (0.99999, "99,9\u202f%"), (1, "100\u202f%")]
)
def test_what_is_nearly_all_or_nothing_is_not_shown_as_all_or_nothing(part: float | None, text: str) -> None:
    assert share(part) == text
