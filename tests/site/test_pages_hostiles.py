"""Whatever a name, a file or a release says, the site is made, invents nothing and executes nothing."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
import shapely
from publications_ecrites import COMMUNE, EPCI, NASTY, Ecrite, Mesure, Quartier, hostile, steady

from qpv_data.site.reading import value_of

MESURES = tuple(Mesure(f"m{n}", f"Part des {n}", theme) for n, theme in enumerate(("emploi", "logement", "sante")))


def quarters(count: int = 9, **more: object) -> list[Quartier]:
    return [Quartier(f"QN099{n:02d}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0), **more) for n in range(count)]  # type: ignore[arg-type]


class Structure(HTMLParser):
    """Elements that do something, and attributes that would."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.bad: list[str] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = dict(attrs)
        if tag == "script":
            self.scripts.append(given.get("src") or "")
        leads = ("href", "src", "action", "xlink:href")
        self.bad += [f"{tag} {k}" for k, v in attrs
                     if k.startswith("on") or (k in leads and (v or "").lower().startswith("javascript:"))]  # fmt: skip
        if tag in ("iframe", "object", "embed", "img") or (tag == "form" and given.keys() & {"action", "method"}):
            self.bad.append(tag)

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and "alert" in data:
            self.bad.append(data)
        self.words.append(data)


def text_of(page: Path) -> str:
    return " ".join("".join(Structure(page.read_text("utf-8")).words).split())


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    events = tmp_path_factory.mktemp("evenements") / "evenements.csv"
    events.write_text(f"code_zone;date;type;titre;source\nQN09900A;2024;travaux;{NASTY[5]};{NASTY[0]}\n", "utf-8")
    return hostile().site(tmp_path_factory.mktemp("hostile"), evenements=events, nom=NASTY[1])


def test_names_with_markup_are_told_and_never_become_markup(hostile_site: Path) -> None:
    for page in hostile_site.rglob("*.html"):
        read = Structure(page.read_text("utf-8"))
        assert read.bad == [], page
        assert all(re.fullmatch(r"(\.\./)*(ressources|donnees)/[\w./-]+\.js|", s) for s in read.scripts), page
    told = text_of(hostile_site / "quartiers" / "QN09900A.html")
    for name in (NASTY[0], NASTY[1], NASTY[2], NASTY[5]):
        assert " ".join(name.split()) in told


def test_a_template_in_a_name_is_not_computed(hostile_site: Path) -> None:
    assert "{{7*7}}" in text_of(hostile_site / "quartiers" / "QN09902A.html")
    titles = [re.search(r"<title>(.*?)</title>", p.read_text("utf-8"), re.S) for p in hostile_site.rglob("*.html")]
    assert all(t and "49" not in t[1] for t in titles)


def test_no_data_file_can_close_the_script_that_it_is(hostile_site: Path) -> None:
    for path in (hostile_site / "donnees").rglob("*.js"):
        assert not re.search(r"[<>&\u2028\u2029]", path.read_text("utf-8")), path


def test_a_code_that_is_no_file_name_gets_one(tmp_path: Path) -> None:
    places = [Quartier("../../QN", "Ailleurs"), Quartier("a/b", "Barre"), Quartier("QN É", "Accent")]
    site = Ecrite(places, MESURES, steady).site(tmp_path)
    found = sorted(p.name for p in (site / "quartiers").iterdir())
    assert len(found) == 3
    assert all(re.fullmatch(r"x[0-9a-f]{20}\.html", name) for name in found)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["publication", "site"]


def test_a_quarter_whose_values_are_all_hidden_shows_no_figure_but_why(tmp_path: Path) -> None:
    def told(i: str, code: str, period: str) -> float | str:
        return "secret" if code == "QN09900A" else steady(i, code, period)

    site = Ecrite(quarters(), MESURES, told).site(tmp_path)
    page = (site / "quartiers" / "QN09900A.html").read_text("utf-8")
    assert re.findall(r"<data ", page) == []
    assert page.count("protégée") >= len(MESURES) * 2
    assert "pour que personne ne soit reconnu" in page


def test_a_hidden_value_has_no_rank_nor_size_in_what_the_map_reads(tmp_path: Path) -> None:
    def told(i: str, code: str, period: str) -> float | str:
        return "secret" if code == "QN09900A" else steady(i, code, period)

    site = Ecrite(quarters(), MESURES, told).site(tmp_path)
    for path in (site / "donnees" / "carte").iterdir():
        rows = re.findall(r'\["QN09900A","(\w+)","([^"]*)",(\d+),"([^"]*)"\]', path.read_text("utf-8"))
        assert rows == [("cache", "protégée", "0", "")]


def test_a_number_that_a_release_forgot_beside_a_hidden_state_is_not_read() -> None:
    row = {"periode": "2024-T1", "periode_debut": date(2024, 1, 1), "valeur": 12.0, "statut_observation": "normale",
           "statut_diffusion": "secret", "borne_basse": 11.0, "borne_haute": 13.0}  # fmt: skip
    read = value_of(row)
    assert (read.valeur, read.basse, read.haute, read.cachee) == (None, None, None, True)


def test_without_population_nor_contour_the_sheet_says_so(tmp_path: Path) -> None:
    places = [*quarters(5), Quartier("QN09990A", "Sans rien", population=None, cote=0)]
    site = Ecrite(places, MESURES, steady).site(tmp_path)
    told = text_of(site / "quartiers" / "QN09990A.html")
    assert "Population non connue" in told.replace("Population", "Population ").replace("  ", " ")
    assert "Le contour de ce quartier n'est pas dans la publication." in told
    assert "None" not in told
    assert "nan" not in told.lower().split()


def test_a_quarter_that_is_a_point_is_told_as_one_without_contour(tmp_path: Path) -> None:
    places = [*quarters(5), Quartier("QN09503I", "Pas encore dessiné", point=True)]
    site = Ecrite(places, MESURES, steady).site(tmp_path)
    told = text_of(site / "quartiers" / "QN09503I.html")
    assert "Le contour de ce quartier n'est pas dans la publication." in told
    assert "Pas encore dessiné" in text_of(site / "index.html")


def test_a_commune_that_is_not_among_the_zones_is_named_by_its_code(tmp_path: Path) -> None:
    inside = [{"zonage": "qpv2024", "code_zone": q.code, "code_commune": "01053", "origine": "mesure"}
              for q in quarters()]  # fmt: skip
    site = Ecrite(quarters(), MESURES, steady, entieres={"zones_communes": inside}).site(tmp_path)
    told = text_of(site / "quartiers" / "QN09901A.html")
    assert "01053" in told
    assert "None" not in told


def test_no_contour_at_all_still_has_a_list(tmp_path: Path) -> None:
    site = Ecrite(quarters(6, cote=0), MESURES, steady).site(tmp_path)
    told = text_of(site / "index.html")
    assert "Aucun contour n'est publié pour ces quartiers" in told
    assert all(f"Quartier {n}" in told for n in range(6))


@pytest.mark.parametrize("count", [1, 2])
def test_one_quarter_alone_is_told_without_rank_nor_distribution(tmp_path: Path, count: int) -> None:
    site = Ecrite(quarters(count), MESURES, steady).site(tmp_path)
    told = text_of(site / "index.html")
    assert told.count("1 quartier prioritaire,") == (count == 1)
    for page in site.rglob("indicateurs/*.html"):
        assert "Répartition" not in page.read_text("utf-8")


def test_one_feed_only_is_enough(tmp_path: Path) -> None:
    site = Ecrite(quarters(), MESURES[:1], steady).site(tmp_path)
    assert len(list((site / "indicateurs").iterdir())) == 1
    assert "C'est la première publication" in text_of(site / "index.html")


def test_nothing_visible_at_all_says_so_and_leaves_the_quarters_reachable(tmp_path: Path) -> None:
    site = Ecrite(quarters(3), MESURES, lambda *_: "secret").site(tmp_path)
    told = text_of(site / "index.html")
    assert "Aucun indicateur n'a de valeur publiée pour ces quartiers." in told
    assert "Aucune valeur n'est publiée" in text_of(site / "quartiers" / "QN09901A.html")
    assert 'href="quartiers/QN09901A.html"' in (site / "index.html").read_text("utf-8")


def test_a_release_without_any_value_is_a_site_too(tmp_path: Path) -> None:
    site = Ecrite(quarters(3), (), lambda *_: None).site(tmp_path)
    assert "Aucun indicateur" in text_of(site / "index.html")


def test_two_territories_far_apart_are_both_on_the_map(tmp_path: Path) -> None:
    far = [Quartier("QN97201A", "Fort-de-France", ou=(-61.07, 14.6), territoire="martinique")]
    site = Ecrite([*quarters(4), *far], MESURES, steady).site(tmp_path)
    page = (site / "index.html").read_text("utf-8")
    drawing = re.search(r"<figure id=\"carte-dessinee\".*?</figure>", page, re.S)
    assert drawing
    assert drawing[0].count("<a href=") == 5
    sides = [float(x) for x in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing[0]).groups()]  # type: ignore[union-attr]
    assert min(sides) > 100


def test_a_dead_feed_is_told_as_such_and_dates_are_not_invented(tmp_path: Path) -> None:
    site = Ecrite(quarters(), MESURES, steady, livraisons=False).site(tmp_path)
    told = text_of(site / "quartiers" / "QN09901A.html")
    assert "livraison du" not in told


def test_quarters_of_one_name_are_told_apart_wherever_they_are_beside_each_other(tmp_path: Path) -> None:
    names = ("Centre Ville", "Centre ville", "Centre-Ville", "Ailleurs", "Ailleurs")
    places = [Quartier(f"QN0990{n}A", name, ou=(2 + n * 0.01, 48.0)) for n, name in enumerate(names)]
    communes = ("99001", "99002", "99001", "99001", "99001")
    inside = [{"zonage": "qpv2024", "code_zone": q.code, "code_commune": c, "origine": "mesure"}
              for q, c in zip(places, communes, strict=True)]  # fmt: skip
    site = Ecrite(
        places, MESURES, steady, noms={("commune", "99001"): "Lunel"}, entieres={"zones_communes": inside}
    ).site(tmp_path)
    shown = [
        "Ailleurs (QN09903A)",
        "Ailleurs (QN09904A)",
        "Centre Ville (Lunel)",
        "Centre ville (99002)",
        "Centre-Ville",
    ]
    for path in ("index.html", "comparer.html", "indicateurs/m0.html", "donnees/perimetres.js"):
        told = text_of(site / path) if path.endswith("html") else (site / path).read_text("utf-8")
        assert all(name in told for name in shown), path
    sheet = (site / "quartiers" / "QN09900A.html").read_text("utf-8")
    assert "<h1>Centre Ville</h1>" in sheet
    assert "<title>Centre Ville (Lunel) – " in sheet
    assert "Ailleurs (QN09903A)</a>" in sheet


def test_quarters_without_a_value_are_in_the_order_of_a_dictionary(tmp_path: Path) -> None:
    places = [
        Quartier(f"QN0990{n}A", name, ou=(2 + n * 0.01, 48.0)) for n, name in enumerate(("Zac", "Étang", "avenue"))
    ]
    site = Ecrite(places, MESURES, lambda _, code, __: None if code.startswith("QN") else 1.0).site(tmp_path / "rien")
    assert "Aucun indicateur" in text_of(site / "index.html")
    some = [*places, Quartier("QN09909A", "Un", ou=(2.2, 48.0))]
    site = Ecrite(some, MESURES, lambda _, c, __: 1.0 if c in ("QN09909A", "99001") else "secret").site(tmp_path / "un")
    found = re.findall(r'<th scope="row"><a [^>]*>(.*?)</a>', (site / "indicateurs" / "m0.html").read_text("utf-8"))
    assert found == ["Un", "avenue", "Étang", "Zac"]


def test_two_modalities_of_one_label_are_both_told(tmp_path: Path) -> None:
    release = Ecrite(
        quarters(2),
        MESURES[:1],
        steady,
        modalites={"nr": "Non renseigné", "non_renseigne": "Non renseigné", "a": "Oui"},
    )
    told = text_of(release.site(tmp_path) / "quartiers" / "QN09901A.html")
    assert told.count("Non renseigné (nr)") >= 2
    assert told.count("Non renseigné (non_renseigne)") >= 2
    assert "Oui (a)" not in told


def test_a_commune_and_an_epci_of_one_name_keep_a_column_each(tmp_path: Path) -> None:
    names = {("commune", COMMUNE): "Saint-Denis", ("epci", EPCI): "Saint-Denis"}
    release = Ecrite(quarters(), MESURES[:1], lambda i, code, p: {COMMUNE: 11.1, EPCI: 22.2}.get(code, 5.0), noms=names)
    page = (release.site(tmp_path) / "quartiers" / "QN09901A.html").read_text("utf-8")
    assert re.findall(r'data-nom="(Saint-Denis[^"]*)">([\d,]+)', page) == [
        ("Saint-Denis", "11,1"), ("Saint-Denis (intercommunalité)", "22,2"),
    ]  # fmt: skip


def test_an_empty_contour_is_none(tmp_path: Path) -> None:
    places = quarters(5)
    tables = Ecrite(places, MESURES, steady)._tables()
    zones = [{**z, "geometrie": shapely.MultiPolygon().wkb} if z["code_zone"] == "QN09901A" else z
             for z in tables["zones"]]  # fmt: skip
    site = Ecrite(places, MESURES, steady, entieres={"zones": zones}).site(tmp_path)
    assert "Le contour de ce quartier n'est pas dans la publication." in text_of(site / "quartiers" / "QN09901A.html")


def test_a_quarter_of_an_unknown_territory_is_not_left_out(tmp_path: Path) -> None:
    places = [*quarters(3), Quartier("QN09990A", "On ne sait où", ou=(2.2, 48.0))]
    zones = [{**z, "territoire": None} if z["code_zone"] == "QN09990A" else z
             for z in Ecrite(places, MESURES, steady)._tables()["zones"]]  # fmt: skip
    site = Ecrite(places, MESURES, steady, entieres={"zones": zones}).site(tmp_path)
    assert (site / "quartiers" / "QN09990A.html").is_file()
    assert "4 quartiers prioritaires" in text_of(site / "index.html")
