"""The page's own search and geometry, run by node: every address is found, points get the exact engine's answer."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from semis_adresses import RESSOURCES, data_of, demonstration_generations, given, node, read, row, text

from qpv_data.demo.voies import extract
from qpv_data.site.addresses.compact import spoken, written
from qpv_data.site.addresses.gather import SANS
from qpv_data.site.addresses.generations import Placing


@pytest.fixture(scope="module")
def demonstration_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The scripts' data for the fictitious territory, and its addresses."""
    work = tmp_path_factory.mktemp("cherchees")
    every = demonstration_generations()
    _, communes = read([given(work, extract())], every, work)
    data = data_of(communes, every)
    data["adresses"] = [[c.code, c.nom, a.voie, a.ancienne, a.numero, a.suffixe, a.code_postal, list(a.reponse)]
                        for c in communes for a in c.adresses]  # fmt: skip
    return data


def test_every_address_of_the_file_is_found_with_its_answer(demonstration_data: dict[str, Any]) -> None:
    lost = node(
        """return D.adresses.filter(([code, commune, voie, ancienne, n, s, cp, reponse]) => {
          const ecrite = (n < 0 ? "" : n + " " + s + " ") + voie + ", " + cp + " " + commune;
          const voies = chercher(ecrite).filter(c => c[0] === code && c[1] === voie && c[2] === ancienne);
          if (n < 0) return !(voies.length && voies[0][3] === null);
          const ici = voies.filter(c => c[3] === n && c[4] === s);
          return !(ici.length === 1 && voies[0] === ici[0] && JSON.stringify(ici[0][5]) === JSON.stringify(reponse));
        });""",
        demonstration_data,
    )
    assert lost == []


def test_a_street_is_found_however_it_is_typed(demonstration_data: dict[str, Any]) -> None:
    wanted = {
        "12 bis r brouillards brumeval": ["99003", "Rue des Brouillards", 12, "bis"],
        "12bis, R. DES BROUILLARDS 99030 Brumeval": ["99003", "Rue des Brouillards", 12, "bis"],
        "rue des brouillards 12 ter, brumeval": ["99003", "Rue des Brouillards", 12, "ter"],
        "av de l'imaginaire": ["99003", "Avenue de l’Imaginaire", None, None],
        "AVE IMAGINAIRE": ["99003", "Avenue de l’Imaginaire", None, None],
        "7 bd croquemitaine": ["99001", "Boulevard Croquemitaine", 7, ""],
        "rue st loup l egare": ["99001", "Rue Saint-Loup-l’Égaré", None, None],
        "3 a imp du noeud": ["99003", "Impasse du Nœud", 3, "a"],
        "3 rue du 8 mai 1945": ["99003", "Rue du 8 mai 1945", 3, ""],
        "8 mai 1945": ["99003", "Rue du 8 mai 1945", None, None],
        "chemin du vague a l'ame": ["99002", "Chemin du Vague-à-l’Âme", None, None],
        "etang d'en haut, ste-chimere": ["99004", 'Rue de l’Étang "d\'En-Haut"', None, None],
        "rue des brouilards, brumeval": ["99003", "Rue des Brouillards", None, None],
        "2 rue du vieux moulin 99050": ["99005", "Rue du Vieux-Moulin", 2, ""],
    }
    found = node(
        "return D.textes.map(t => chercher(t)[0]);", {**demonstration_data, "textes": list(wanted)}
    )  # fmt: skip
    got = {t: [c[0], c[1], c[3], c[4]] if c else None for t, c in zip(wanted, found, strict=True)}
    assert got == wanted


def test_a_number_that_the_file_has_not_is_never_invented(demonstration_data: dict[str, Any]) -> None:
    found = node('return chercher("99 rue des brouillards, brumeval");', demonstration_data)
    assert found[0][:5] == ["99003", "Rue des Brouillards", "", None, None]
    assert all(c[3] is None for c in found)


def test_what_is_typed_is_a_text_and_nothing_else(demonstration_data: dict[str, Any]) -> None:
    hostile = ["constructor", "__proto__ 1", "toString", "12", "", "  ", ",", "%", "\\d+(", "<img src=x>", "é" * 10_000,
               "hasOwnProperty rue", "1 2 3 4 5", ", ,", "99030", "rue, " * 200]  # fmt: skip
    found = node("return D.textes.map(t => chercher(t).length);", {**demonstration_data, "textes": hostile})
    assert len(found) == len(hostile)


def test_a_search_without_a_commune_asks_for_files_only_when_they_are_few(demonstration_data: dict[str, Any]) -> None:
    code = """return ["rue des ombres", "rue des ombres, brumeval", "rue des ombres 99030"].map(
      t => [R.necessaires(t, D.index.communes, "", 3), R.necessaires(t, D.index.communes, "", 12).length,
            R.necessaires(t, D.index.communes, "99001", 3)]);"""
    few = node(code, demonstration_data)
    assert [f[0] for f in few] == [None, ["99003"], ["99003"]]
    assert {f[1] for f in few} == {8}
    assert {tuple(f[2]) for f in few} == {("99001",)}


def test_numbers_are_read_and_spoken_as_they_are_written() -> None:
    chance = random.Random(3)
    sets = []
    for _ in range(300):
        plain = [(chance.randint(0, 60), "") for _ in range(chance.randint(0, 40))]
        odd = [(chance.randint(1, 9), chance.choice(["bis", "a 1", "b.2", "é-~", "%20", "<b>", "*"])) for _ in range(3)]
        sets.append(sorted({*plain, *odd, *([(SANS, "")] if chance.random() < 0.2 else [])}))
    tokens = [written(s) for s in sets]
    found = node("return D.map(t => [R.numeros(t), R.parles(t)]);", tokens)
    for numbers, token, (read_back, words) in zip(sets, tokens, found, strict=True):
        assert sorted((n, s) for n, s in read_back) == numbers
        assert words == spoken(token)


def test_a_point_on_the_map_gets_the_exact_answer_but_within_a_metre_of_a_limit() -> None:
    every = demonstration_generations()
    rng = np.random.default_rng(11)
    corners = np.concatenate([shapely.get_coordinates(g.contours) for g in every.toutes])
    near = corners[rng.integers(0, len(corners), 3_000)] + rng.normal(0, 3e-4, (3_000, 2))
    far = rng.uniform(corners.min(axis=0) - 0.01, corners.max(axis=0) + 0.01, (1_500, 2))
    points = np.round(np.concatenate([near, far]), 6)
    exact, _ = Placing(every).answers(points[:, 0].copy(), points[:, 1].copy())
    areas = [[[[[round(v, 6) for v in p] for p in ring] for ring in polygon] for polygon in _polygons(c)]
             for g in every.toutes for c in g.contours]  # fmt: skip
    data = data_of([], every) | {"points": points.tolist(), "aires": areas, "fichiers": {}}
    found = np.array(node(
        "return D.points.map(p => R.situer(p[0], p[1], '', D.index.generations, D.index.zones, D.aires, 10));", data
    ))  # fmt: skip
    away = np.array(node(
        "return D.points.map(p => Math.min(...D.aires.map(a => R.metres(p[0], p[1], a))));", data
    ))  # fmt: skip
    differs = (found[:, 0:-1:2] != exact[:, ::2]).any(axis=1)
    assert away[differs].max(initial=0) < 1
    doubts = ((found[:, 1::2] >= 0) != (exact[:, 1::2] >= 0)).any(axis=1)
    assert doubts.mean() < 0.01
    assert (exact[:, 0] >= 0).sum() > 300


def _polygons(shape: Any) -> list[list[list[tuple[float, float]]]]:
    return [[list(r.coords) for r in (p.exterior, *p.interiors)] for p in shapely.get_parts(shape)]


def test_a_generation_says_nothing_of_a_territory_where_it_never_was() -> None:
    every = demonstration_generations()
    data = data_of([], every) | {"aires": [None] * len(every.zones), "fichiers": {}}
    data["index"]["generations"][1]["sans"] = ["97411"]
    code = "return R.situer(55.4, -20.9, '97411', D.index.generations, D.index.zones, D.aires, 10);"
    assert node(code, data) == [-1, -1, -2, -1, 0]


def test_coordinates_are_two_numbers_the_latitude_first() -> None:
    wanted = {"46,82 ; 1,97": [46.82, 1.97], "46.82, 1.97": [46.82, 1.97], "46.82,1.97": [46.82, 1.97],
              "46,82 1,97": [46.82, 1.97], "-20.9 55.4": [-20.9, 55.4], "46;2": [46, 2], "46": None, "a b": None,
              "146.8 ; 1": None, "1 2 3": None, "": None, "46,82,1,97": None}  # fmt: skip
    assert node("return D.map(R.coordonnees);", list(wanted)) == list(wanted.values())


def test_the_scripts_never_write_markup_nor_reach_out() -> None:
    for name in ("adresse.js", "recherche.js"):
        source = (RESSOURCES / name).read_text("utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "fetch(",
            "XMLHttp",
            "http",
        ):
            assert word not in source, (name, word)


def test_a_large_commune_takes_a_few_bytes_an_address(tmp_path: Path) -> None:
    chance = random.Random(8)
    rows = []
    for street in range(400):
        lon, lat = 1.95 + chance.random() * 0.05, 46.81 + chance.random() * 0.03
        for n in range(1, chance.choice((6, 12, 30, 60))):
            if chance.random() < 0.85:
                rows.append(row(n, f"Rue du Brouillard numéro {street}", lon=lon + n * 1e-4, lat=lat))
    every = demonstration_generations()
    counts, communes = read([given(tmp_path, text(rows))], every, tmp_path)
    size = len(json.dumps(data_of(communes, every)["fichiers"], separators=(",", ":")))
    assert size / counts.adresses < 8
