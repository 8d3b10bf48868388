"""Feeds of delegated operators: public transport stops (GTFS), street lights, waste drop-off points."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from qpv_data.demo.ecriture import Csv, archive, table
from qpv_data.demo.lignes import TRIMESTRES, Adresse, Jeu, Ligne, Livraison, Monde, recue
from qpv_data.demo.salissures import Chiffon

_ARRETS = Csv(
    ("stop_id", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station", "wheelchair_boarding"),
    separateur=",",
)


def arrets(monde: Monde) -> Jeu:
    """GTFS, one archive a quarter. A station (type 1) for every five stops; an empty type is a stop."""
    rng = monde.hasard("arrets")
    lieux = monde.tirer(rng, 260 * monde.echelle)
    livraisons = []
    for rang, periode in enumerate(TRIMESTRES):
        lignes = [_arret(rng, n, lieu, periode) for n, lieu in enumerate(lieux[: len(lieux) - 3 + rang])]
        chiffon = Chiffon(monde.hasard("arrets", periode), lignes, monde.echelle)
        chiffon.lieux("stop_lon", "stop_lat", 4326, {
            "coordonnees_absentes": 4, "axes_inverses": 2, "coordonnees_nulles": 2, "hors_territoire": 1,
        })  # fmt: skip
        chiffon.octets(1, "stop_name")
        chiffon.champs(1)
        chiffon.cellule(1, "wheelchair_boarding", "9", "valeur_hors_domaine")
        chiffon.doublons(3)
        chemin = f"reseau.brouillard-mobilites.example/gtfs/{periode}/gtfs.zip"
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, 5)))
    return Jeu("demo_transports", livraisons, _gtfs)


def _arret(rng: random.Random, n: int, lieu: Adresse, periode: str) -> Ligne:
    station = n % 6 == 0
    parent = "" if station or n % 6 == 5 else f"BRU:ST{n // 6:04d}"
    acces = rng.choice(("0", "1", "1", "2"))
    lon, lat = lieu.coordonnees[4326]
    cells: dict[str, str | None] = {
        "stop_id": f"BRU:{'ST' if station else 'SP'}{(n // 6 if station else n):04d}",
        "stop_name": f'Arrêt, "{lieu.voie}"', "stop_lat": lat, "stop_lon": lon,
        "location_type": "1" if station else rng.choice(("0", "0", "")),
        "parent_station": parent, "wheelchair_boarding": acces,
    }  # fmt: skip
    values = {"type": "1" if station else "0", "parent": parent or None, "acces": acces}
    return Ligne(cells, {**values}, periode, lieu)


def _gtfs(lignes: Sequence[Ligne]) -> bytes:
    def member(header: str, *rows: str) -> bytes:
        return table(header.split(","), [r.split(",") for r in rows], separateur=",")

    return archive({
        "agency.txt": member("agency_id,agency_name,agency_url,agency_timezone",
                             "BRU,Brouillard Mobilités,https://reseau.brouillard-mobilites.example,Europe/Paris"),
        "calendar.txt": member(
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
            "S,1,1,1,1,1,0,0,20240101,20241231"),
        "routes.txt": member("route_id,agency_id,route_short_name,route_type", "L1,BRU,1,3"),
        "trips.txt": member("route_id,service_id,trip_id", "L1,S,V1"),
        "stop_times.txt": member("trip_id,arrival_time,departure_time,stop_id,stop_sequence",
                                 "V1,23:55:00,23:55:00,BRU:SP0001,1", "V1,24:10:00,24:10:00,BRU:SP0002,2"),
        "stops.txt": _ARRETS(lignes),
    })  # fmt: skip


_LAMPES = {"LED": "led", "Sodium HP": "sodium", "Iodures": "iodures", "": None}
_ECLAIRAGE = Csv(
    ("N° support", "Rue", "Commune (INSEE)", "Technologie", "Puissance (W)", "Mise en service",
     "X_CC46", "Y_CC46"),
    encodage="cp1252", fin_de_ligne="\r\n", decimale=",",
    nombres=frozenset({"Puissance (W)", "X_CC46", "Y_CC46"}),
)  # fmt: skip


_RENOVE, _RENOVATION = "QN09901I", "2024-T4"
"""The quarter whose street lights are renovated, and when: what the page of signals finds, and an event explains."""


def eclairage(monde: Monde) -> Jeu:
    """Street lights, quarterly stock: each quarter some sodium lamps become LEDs; one quarter is renovated at once."""
    rng = monde.hasard("eclairage")
    lieux = monde.tirer(rng, 720 * monde.echelle)
    lampes = [rng.choices(tuple(_LAMPES), (35, 45, 15, 5))[0] for _ in lieux]
    livraisons = []
    for periode in TRIMESTRES:
        lampes = ["LED" if lampe == "Sodium HP" and rng.random() < 0.1 else lampe for lampe in lampes]
        pairs = zip(lieux, lampes, strict=True)
        lignes = [_lampadaire(rng, n, lieu, lampe, periode) for n, (lieu, lampe) in enumerate(pairs)]
        if periode == _RENOVATION:
            lignes = [_renovated(x) if x.lieu and x.lieu.qpv2024 == _RENOVE else x for x in lignes]
        _dirty_lights(Chiffon(monde.hasard("eclairage", periode), lignes, monde.echelle))
        annee, rang = periode.split("-T")
        chemin = f"lueur-services.example/export/{annee}/T{rang}/points_lumineux.csv"
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, 12)))
    return Jeu("demo_eclairage", livraisons, _ECLAIRAGE)


def _lampadaire(rng: random.Random, n: int, lieu: Adresse, lampe: str, periode: str) -> Ligne:
    watts = Decimal(rng.randint(200, 800) if lampe == "LED" else rng.randint(700, 2500)) / 10
    x, y = lieu.coordonnees[3946]
    cells: dict[str, str | None] = {
        "N° support": f"EP-{n + 1:05d}", "Rue": lieu.voie, "Commune (INSEE)": lieu.commune or "",
        "Technologie": lampe, "Puissance (W)": str(watts),
        "Mise en service": f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(1985, 2023)}",
        "X_CC46": x, "Y_CC46": y,
    }  # fmt: skip
    return Ligne(cells, {"watts": watts, "technologie": _LAMPES[lampe]}, periode, lieu, lieu.commune)


def _renovated(ligne: Ligne) -> Ligne:
    """The same post with a diode, which gives the light of sodium with two fifths of its power."""
    if ligne.valeurs["technologie"] == "led":
        return ligne
    watts = (Decimal(str(ligne.valeurs["watts"])) * 4 / 10).quantize(Decimal("0.1"))
    cells = {**ligne.cellules, "Technologie": "LED", "Puissance (W)": str(watts)}
    return replace(ligne, cellules=cells, valeurs={**ligne.valeurs, "watts": watts, "technologie": "led"})


def _dirty_lights(chiffon: Chiffon) -> None:
    chiffon.sans_commune(15, "Commune (INSEE)", ("",))
    chiffon.lieux("X_CC46", "Y_CC46", 3946, {
        "coordonnees_absentes": 8, "axes_inverses": 3, "coordonnees_nulles": 4, "coordonnees_illisibles": 2,
    })  # fmt: skip
    chiffon.octets(2, "Rue")
    chiffon.champs(2)
    chiffon.cellule(2, "Puissance (W)", "-70.5", "valeur_hors_domaine")
    chiffon.cellule(1, "Puissance (W)", "", "valeur_obligatoire_absente")
    chiffon.cellule(2, "Mise en service", "31/02/2019", "valeur_illisible")
    chiffon.doublons(4)


_FLUX = ("verre", "papier", "emballages")
_DECHETS = Csv(
    ("bordereau", "point_apport", "flux", "date_collecte", "tonnage_t", "longitude", "latitude"), separateur="\t"
)


def dechets(monde: Monde) -> Jeu:
    """Collections at drop-off points, dated; one file a quarter. A repeated slip is refused altogether."""
    rng = monde.hasard("dechets")
    points = monde.tirer(rng, 50 * monde.echelle)
    livraisons = []
    for periode in TRIMESTRES:
        rang = int(periode[6])
        lignes = [
            _collecte(rng, n, lieu, flux, date(2024, 3 * rang - 2 + mois, 1), periode)
            for n, lieu in enumerate(points) for flux in _FLUX for mois in range(3)
        ]  # fmt: skip
        chiffon = Chiffon(monde.hasard("dechets", periode), lignes, monde.echelle)
        chiffon.lieux("longitude", "latitude", 4326, {
            "coordonnees_absentes": 5, "axes_inverses": 3, "coordonnees_nulles": 2,
        })  # fmt: skip
        chiffon.cellule(2, "date_collecte", "2023-12-19" if rang < 3 else "2025-02-03", "hors_periode")
        chiffon.cellule(1, "date_collecte", "", "valeur_obligatoire_absente")
        chiffon.cellule(2, "tonnage_t", "0,350", "valeur_illisible")
        chiffon.cellule(1, "tonnage_t", "812.000", "valeur_hors_domaine")
        chiffon.champs(1)
        chiffon.doublons(2, refuser=True)
        chemin = f"tri-et-brume.example/apport-volontaire/collectes-2024-T{rang}.tsv"
        livraisons.append(Livraison(periode, chemin, lignes, recue(periode, 28)))
    return Jeu("demo_dechets", livraisons, _DECHETS)


def _collecte(rng: random.Random, n: int, lieu: Adresse, flux: str, mois: date, periode: str) -> Ligne:
    numero, jour = f"{n + 1:05d}", mois + timedelta(days=rng.randint(0, 27))
    tonnes = Decimal(rng.randint(80, 1900)) / 1000
    lon, lat = lieu.coordonnees[4326]
    cells: dict[str, str | None] = {
        "bordereau": f"B{mois:%Y%m}-{numero}-{flux[0].upper()}",
        "point_apport": numero if rng.random() > 0.15 else str(n + 1), "flux": flux.capitalize(),
        "date_collecte": jour.isoformat(), "tonnage_t": f"{tonnes:.3f}", "longitude": lon, "latitude": lat,
    }  # fmt: skip
    return Ligne(cells, {"tonnes": tonnes, "flux": flux, "point": numero}, periode, lieu)
