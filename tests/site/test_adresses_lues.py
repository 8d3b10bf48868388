"""Extracts read and located: every row is counted once, answers are shapely's, a hostile file is refused in words."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pyproj import Transformer
from semis_adresses import data_of, demonstration_generations, generations, given, read, row, text

from qpv_data.addresses.ban import CHAMPS
from qpv_data.demo.voies import extract
from qpv_data.problems import Problem
from qpv_data.site.addresses.compact import read as numbers_of
from qpv_data.site.addresses.compact import spoken, written
from qpv_data.site.addresses.extract import batches
from qpv_data.site.addresses.gather import IMPRECISE, PARTAGEE, SANS, Commune
from qpv_data.site.addresses.generations import DEHORS, LIMITE_M
from qpv_data.site.writing import SiteError
from qpv_data.sources.archive import Limits

# Around the middle of Brumeval: two generations that overlap, a hole, a limit in common.
_O, _S = 1.97, 46.82
CARRES = {
    "qpv2015": {"QP099101": shapely.box(_O, _S, _O + 0.01, _S + 0.01)},
    "qpv2024": {
        "QN09901M": shapely.box(_O, _S, _O + 0.005, _S + 0.01)
        - shapely.box(_O + 0.001, _S + 0.001, _O + 0.003, _S + 0.003),
        "QN09902N": shapely.box(_O + 0.005, _S, _O + 0.01, _S + 0.01),
    },
}


def answers(communes: list[Commune]) -> dict[tuple[str, str, int, str], tuple[int, ...]]:
    return {(c.code, a.voie, a.numero, a.suffixe): a.reponse for c in communes for a in c.adresses}


@pytest.mark.parametrize("emballe", [False, True])
def test_the_demonstration_is_read_whole(tmp_path: Path, emballe: bool) -> None:
    path = given(tmp_path, extract(), packed=emballe)
    counts, communes = read([path], demonstration_generations(), tmp_path)
    assert counts.lues == extract().count(b"\n") - 1
    assert (counts.doubles, counts.rejetees, counts.hors) == (1, {}, 0)
    found = answers(communes)
    assert found["99001", "Sente du Bord", 1, ""][0] >= 0 > found["99001", "Sente du Bord", 2, ""][0]
    assert found["99001", "Sente du Bord", 2, ""][1] >= 0
    assert found["99003", "Rue des Brouillards", 1, ""][-1] == PARTAGEE
    assert found["99001", "Le Vallon-Perdu", SANS, ""][-1] == IMPRECISE
    assert {a[-1] for (_, voie, _, _), a in found.items() if voie == "Quai des Ombres"} == {IMPRECISE}


def test_communes_that_no_quarter_touches_are_counted_and_left_out(tmp_path: Path) -> None:
    counts, communes = read([given(tmp_path, extract())], demonstration_generations(), tmp_path, frozenset({"99003"}))
    assert [c.code for c in communes] == ["99003"]
    assert counts.lues == counts.adresses + counts.doubles + counts.hors
    assert counts.hors > 0


_TEXTS = st.sampled_from(["", "1", "12", "x", "99999", "-3", "1e400", "nan", "1.98", "46.825", "99003", "75056", "2A004",
                          "Rue <b>", "bis", "99001", '"', "é", " "])  # fmt: skip


@settings(max_examples=25)
@drawn(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("numero", "rep", "nom_voie", "code_insee", "lon", "lat", "type_position"), _TEXTS)), max_size=12))  # fmt: skip
def test_every_row_is_counted_once(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    work = tmp_path_factory.mktemp("lues")
    sound = [row(n) for n in range(1, 16)]  # more than what may be rejected: such a file would be refused whole
    lines = text([*sound, *(row() | r for r in rows)]) + b"trop;court\n" + b";" * 40 + b"\n"
    counts, communes = read([given(work, lines)], generations(**CARRES), work, frozenset({"99003"}))
    assert counts.lues == 15 + len(rows) + 2
    assert counts.rejetees["nombre_de_champs"] == 2
    assert counts.adresses == sum(len(c.adresses) for c in communes)
    assert counts.lues == counts.adresses + counts.doubles + counts.hors + sum(counts.rejetees.values())


def test_answers_are_those_of_shapely_and_doubts_those_of_the_distance(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    every = generations(**CARRES)
    edge = np.concatenate([[_O, _O + 0.005, _O + 0.01, _O + 0.001], rng.uniform(_O - 0.002, _O + 0.012, 1500)])
    lon = np.round(np.concatenate([edge, rng.choice(edge[:4], 400) + rng.normal(0, 1e-4, 400)]), 9)
    lat = np.round(rng.uniform(_S - 0.002, _S + 0.012, len(lon)), 9)
    rows = [row(n + 1, lon=repr(float(x)), lat=repr(float(y))) for n, (x, y) in enumerate(zip(lon, lat, strict=True))]
    _, communes = read([given(tmp_path, text(rows))], every, tmp_path)
    found = answers(communes)
    metric = Transformer.from_crs(4326, 2154, always_xy=True)
    mx, my = metric.transform(lon, lat)
    for k, g in enumerate(every.toutes):
        holds = np.array([shapely.covers(c, shapely.points(lon, lat)) for c in g.contours])
        wanted = np.where(holds.any(axis=0), g.premier + holds.argmax(axis=0), DEHORS)
        flat = shapely.transform(g.contours, lambda xy: np.column_stack(metric.transform(*xy.T)))
        away = np.array([shapely.distance(shapely.boundary(c), shapely.points(mx, my)) for c in flat])
        near = np.where(wanted >= 0, away[np.maximum(wanted - g.premier, 0), np.arange(len(lon))], away.min(axis=0))
        for n in range(len(lon)):
            answer = found["99003", "Rue des Ombres", n + 1, ""]
            assert answer[2 * k] == wanted[n]
            if abs(near[n] - LIMITE_M) > 0.01:
                assert (answer[2 * k + 1] >= 0) == (near[n] <= LIMITE_M)


@settings(max_examples=8)
@drawn(st.randoms(use_true_random=False))
def test_neither_order_nor_twice_nor_blocks_change_a_byte(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    work = tmp_path_factory.mktemp("ordre")
    every = demonstration_generations()
    head, *lines = extract().decode().splitlines()
    chance.shuffle(lines)
    cut = chance.randrange(100, len(lines) - 100)
    parts = [given(work, "\n".join([head, *some, ""]).encode(), f"{n}.csv", packed=n == 1)
             for n, some in enumerate((lines[:cut], lines[cut:], lines))]  # fmt: skip
    once, first = read([given(work, extract())], every, work)
    twice, second = read(parts, every, work, block=5_000)
    assert data_of(second, every) == data_of(first, every)
    assert (twice.adresses, twice.lues) == (once.adresses, 2 * once.lues)


def test_of_several_positions_the_nearest_to_the_door_wins(tmp_path: Path) -> None:
    inside, outside = {"lon": _O + 0.004, "lat": _S + 0.005}, {"lon": _O - 0.004, "lat": _S + 0.005}
    rows = [row(1, type_position="segment", **outside), row(1, **inside), row(2, **outside), row(2, **inside, id="0"),
            row(3, type_position="parcelle", **inside), row(4, type_position="", **inside), row(5, **inside)]  # fmt: skip
    counts, communes = read([given(tmp_path, text(rows))], generations(**CARRES), tmp_path)
    found = {n: a for (_, _, n, _), a in answers(communes).items()}
    assert counts.doubles == 2
    assert [found[n][0] for n in (1, 2, 3, 4, 5)] == [0, 0, 0, 0, 0]
    assert [found[n][-1] for n in (1, 2, 3, 4, 5)] == [PARTAGEE, PARTAGEE, IMPRECISE, IMPRECISE, 0]


def test_a_place_that_cannot_be_is_rejected_and_not_found_outside(tmp_path: Path) -> None:
    rows = [row(n) for n in range(1, 9)]
    rows += [row(20, lon=46.825, lat=1.98), row(21, lon=0, lat=0), row(22, lon=-150, lat=10), row(23, lon=2.4, lat=48.8),
             row(24, lat="46,8"), row(25, lat="inf"), row(26, lon=400)]  # fmt: skip
    counts, _ = read([given(tmp_path, text(rows))], generations(**CARRES), tmp_path)
    assert counts.rejetees == {"hors_territoire": 2, "loin_de_la_commune": 1, "position_absente": 4}


def test_paris_is_its_arrondissements_and_a_merged_commune_its_former_ones(tmp_path: Path) -> None:
    every = generations(qpv2024={"QN07501M": shapely.box(2.34, 48.88, 2.36, 48.9)})
    rows = [row(1, code_insee="75118", nom_commune="Paris 18e", lon=2.35, lat=48.89),
            row(2, code_insee="78000", code_insee_ancienne_commune="78001", nom_ancienne_commune="Vieux-Lieu",
                lon=2.35, lat=48.89)]  # fmt: skip
    _, communes = read([given(tmp_path, text(rows))], every, tmp_path, frozenset({"75056", "78001"}))
    assert [(c.code, c.mere, c.adresses[0].reponse[0]) for c in communes] == [
        ("75118", "75056", 0),
        ("78000", "78001", 0),
    ]


_NUMBERS = st.tuples(st.integers(0, 99_998), st.one_of(st.just(""), st.text(max_size=8)))


@drawn(st.lists(st.one_of(_NUMBERS, st.tuples(st.integers(1, 40), st.just("")), st.tuples(st.just(SANS), st.just("")))))
def test_every_number_is_in_the_tokens_and_no_other_is(numbers: list[tuple[int, str]]) -> None:
    assert sorted(numbers_of(written(numbers))) == sorted(set(numbers))


def test_numbers_are_short_and_spoken() -> None:
    assert written([(n, "") for n in (1, 3, 5, 7, 8)] + [(12, "bis")]) == "1-7 8 12.bis"
    assert written([(n, "") for n in range(1, 41)]) == "1~40"
    assert spoken("1-7 8 12.bis 20~24 *") == "1 à 7 (impairs), 8, 12 bis, 20 à 24, sans numéro"


def test_names_are_texts_whatever_they_hold(tmp_path: Path) -> None:
    names = [
        'Rue "de l\'Ombre"',
        "</script><script>alert(1)</script>",
        "Rue; des Ombres",
        "É" * 120,
        "Rue des\u202e Ombres",
    ]
    rows = [row(n, name) for n, name in enumerate(names, 1)]
    counts, communes = read([given(tmp_path, text(rows))], generations(**CARRES), tmp_path)
    assert (counts.adresses, counts.rejetees) == (5, {})
    assert {a.voie for a in communes[0].adresses} == {*names[:4], "Rue des Ombres"}


def _hostile() -> dict[str, tuple[bytes, Problem, str]]:
    sound = text([row(n) for n in range(1, 400)])
    absurd = text([row(n, lon=1e300, lat=-1e300) for n in range(1, 10)])
    elsewhere = text([row(n, code_insee="01001") for n in range(1, 10)])
    packed = gzip.compress(sound)
    bomb = gzip.compress(sound + b"\n" * 60_000_000)
    return {
        "entete": (sound.replace(b"nom_voie", b"voie", 1), Problem.ENTETE_INATTENDU, "23 champs"),
        "vide": (b"", Problem.ENTETE_INATTENDU, "23 champs"),
        "zip": (b"PK\x03\x04" + bytes(300), Problem.ENTETE_INATTENDU, "23 champs"),
        "coupe": (packed[: len(packed) // 2], Problem.SOURCE_TRONQUEE, "coupé"),
        "abime": (packed[:200] + bytes(50) + packed[250:], Problem.SOURCE_TRONQUEE, "abîmé"),
        "bombe": (bomb, Problem.CONTENEUR_HOSTILE, "décompressé"),
        "latin": (sound.replace(b"Rue", "Allée".encode("latin-1"), 3), Problem.FORMAT_INATTENDU, "UTF-8"),
        "utf16": (sound.decode().encode("utf-16"), Problem.FORMAT_INATTENDU, "UTF-8"),
        "absurde": (absurd, Problem.TROP_DE_REJETS, "position_absente 9"),
        "ailleurs": (elsewhere, Problem.TROP_PEU_DE_LIGNES, "aucune adresse"),
        "entete_seul": (text([]), Problem.TROP_PEU_DE_LIGNES, "aucune adresse"),
        "sans_fin": (text([]) + b"a" * 30_000_000, Problem.FORMAT_INATTENDU, "sans fin"),
        "colonnes": (text([]) + b"1;2;3\n" * 50, Problem.TROP_DE_REJETS, "nombre_de_champs 50"),
    }


@pytest.mark.parametrize("nom", _hostile())
def test_a_hostile_file_is_refused_with_its_name_the_problem_and_the_remedy(tmp_path: Path, nom: str) -> None:
    content, problem, words = _hostile()[nom]
    path = given(tmp_path, content, f"{nom}.csv")
    with pytest.raises(SiteError) as caught:
        read([path], generations(**CARRES), tmp_path)
    assert caught.value.probleme is problem
    assert path.name in caught.value.message
    assert words in caught.value.message
    assert caught.value.remede


def test_a_file_that_is_absent_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(SiteError):
            list(batches(path))


def test_memory_does_not_follow_the_size_of_a_file(tmp_path: Path) -> None:
    path = given(tmp_path, text([row(n) for n in range(1, 3_000)]))
    sizes = [len(table) for table, _ in batches(path, block=20_000)]
    assert sum(sizes) == 2_999
    assert max(sizes) < 300


def test_a_stray_quote_spoils_its_line_alone(tmp_path: Path) -> None:
    rows: list[Any] = [row(1), row(2, '"Rue; jamais fermée'), row(3), row(4, "Rue"), row(5, '"Rue')]
    content = ";".join(CHAMPS) + "\n" + "".join(";".join(r[c] for c in CHAMPS) + "\n" for r in rows)
    counts, communes = read([given(tmp_path, content.encode())], generations(**CARRES), tmp_path)
    assert counts.rejetees == {"nombre_de_champs": 1}
    assert sorted(a.numero for a in communes[0].adresses) == [1, 3, 4, 5]


def test_what_unpacks_to_more_than_a_limit_is_refused_even_plain(tmp_path: Path) -> None:
    path = given(tmp_path, text([row(n) for n in range(1, 400)]))
    with pytest.raises(SiteError, match="pèse plus"):
        list(batches(path, Limits(taille_max=10_000)))
