"""Write the embedded territory: what its producers publish, and the truth of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from qpv_data.demo.adresses import addresses
from qpv_data.demo.jeux_delegues import arrets, dechets, eclairage
from qpv_data.demo.jeux_menages import logements, mutuelle
from qpv_data.demo.jeux_officiels import demandeurs, populations
from qpv_data.demo.jeux_prives import interim, licencies
from qpv_data.demo.jeux_publics import equipements, etablissements
from qpv_data.demo.lignes import Jeu, Monde
from qpv_data.demo.referentiels import referentials
from qpv_data.demo.verite import write_truth
from qpv_data.demo.voies import CHEMIN, extract

ADRESSES = 2_400
_REFERENTIALS_DATE = date(2025, 1, 2)


def world(graine: int, echelle: int) -> list[Jeu]:
    """Every feed, in memory. Same seed and scale, same feeds; the scale multiplies addresses and records."""
    monde = Monde(graine, echelle, ())
    monde = Monde(graine, echelle, addresses(monde.hasard("adresses"), ADRESSES * echelle))
    makers = (etablissements, equipements, arrets, eclairage, dechets, logements, mutuelle, licencies, interim)
    return [*(make(monde) for make in makers), demandeurs(monde), *populations(monde)]


def generate(root: Path, *, graine: int = 2024, echelle: int = 1) -> None:
    """Write `root/source/<host>/<path>`, a mirror of the producers' sites, `root/verite/`, and the territory's streets
    in `root/adresses/`.

    The bytes depend on `graine` and `echelle` alone: neither on the clock, the time zone nor the hash seed.
    The mirror's table says the day when each file was there, so that a late delivery is seen to be late.
    """
    jeux = world(graine, echelle)
    official = referentials()
    days = dict.fromkeys(official, _REFERENTIALS_DATE)
    for path, content in official.items():
        _put(root / "source" / path, content)
    for jeu in jeux:
        for livraison in jeu.livraisons:
            target = root / "source" / livraison.chemin
            if livraison.lignes is None:
                target.unlink(missing_ok=True)
            else:
                _put(target, jeu.ecrire(livraison.lignes))
                days[livraison.chemin] = livraison.recue_le
    lines = ["url;fichier;disponible_le", *(f"https://{path};{path};{day}" for path, day in sorted(days.items()))]
    _put(root / "source" / "miroir.csv", ("\n".join(lines) + "\n").encode())
    write_truth(root / "verite", jeux)
    _put(root / CHEMIN, extract())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
