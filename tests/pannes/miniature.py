"""A miniature of the demonstration: an open feed, a deposit and a feed of persons, two releases of which the first is
signed, and a next quarter.

A deposit's address is in its clause, and a clause's digest in the lake: the miniature always lives in one folder, put
back as it was before each trial.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from factory import (
    COMMUNES,
    IN_A,
    IN_B,
    IN_C,
    POINT_HEADER,
    QPV2024,
    Mini,
    codes_clause,
    csv_of,
    geojson,
    indicator,
    perimeters_clause,
    point,
    points_clause,
    text_column,
)
from promises import PERSONAL

from qpv_data.releases.keep import sign_off, withdraw_release

FIRST, NEXT = datetime(2024, 10, 15, 6, tzinfo=UTC), datetime(2025, 1, 15, 6, tzinfo=UTC)
SIGNED_BY = "une personne, cheffe de projet"
POLICY = {
    "calendrier": {"delai_jours": 15},
    "revisions": {"politique": "Une correction fait une publication nouvelle.", "trimestres": 8},
    "validation": {"signataires": ["cheffe de projet"]},
    "conservation": {"publications": 1},
}
RUNS, GESTURES = ("premiere", "suivante"), ("signature", "retrait", "desaveu")
"""Scenes that are runs. `premiere`: nothing is published yet; `suivante`: a correction and a new quarter come after two
releases, and one of these is put away. Then gestures on releases: the last one is signed off, then withdrawn; the only
one that was ever signed is withdrawn."""


@dataclass(frozen=True)
class Miniature:
    """`folder` is put back from `kept`, a folder a scene, by `restore`. `small`: with the deposit alone."""

    folder: Path
    kept: Path
    small: bool = False

    @property
    def mini(self) -> Mini:
        return Mini(self.folder, now=NEXT)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def restore(self, scene: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept / scene, self.folder, symlinks=True)

    def keep(self, scene: str) -> None:
        shutil.copytree(self.folder, self.kept / scene, symlinks=True)


def history(made: Miniature) -> None:
    """Make every scene; `suivante` and `desaveu` alone of the small one."""
    mini = made.mini
    _declare(mini, small=made.small)
    _deliver(mini, "2024-T3")
    mini.run(maintenant=FIRST)
    sign_off(made.out / "releases/2024-T3-r1", SIGNED_BY, FIRST.date())
    _deliver(mini, "2024-T3", more=4)
    mini.run(maintenant=FIRST)
    _deliver(mini, "2024-T3", more=7)
    _deliver(mini, "2024-T4")
    made.keep("suivante")
    made.keep("desaveu")
    if made.small:
        return
    mini.run()
    made.keep("signature")
    sign_off(made.out / "releases/2024-T4-r1", SIGNED_BY, date(2025, 2, 1))
    made.keep("retrait")
    for left in [p for p in made.out.iterdir() if p.name != "cles"]:  # a key is drawn: with another, nothing compares
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    shutil.rmtree(mini.root / "depot/recus")
    made.keep("premiere")


def play(made: Miniature, scene: str) -> None:
    """What is killed in a scene, and what is done again after the kill."""
    latest = made.out / "releases/2024-T4-r1"
    if scene == "signature":
        sign_off(latest, SIGNED_BY, date(2025, 2, 1))
    elif scene in ("retrait", "desaveu"):
        named = latest if scene == "retrait" else made.out / "releases/2024-T3-r1"
        withdraw_release(named, "périmètres d'un autre millésime", date(2025, 2, 2))
    else:
        made.mini.run()


def _declare(mini: Mini, *, small: bool) -> None:
    mini.declare(perimeters_clause("qpv2024", "qpv", r"QN\d{5}[A-Z]"))
    mini.declare(perimeters_clause("commune", "commune", r"\d{5}"))
    mini.deliver("qpv2024.geojson", geojson(QPV2024))
    mini.deliver("commune.geojson", geojson(COMMUNES))
    (mini.root / "publication.yml").write_text(yaml.safe_dump(POLICY, allow_unicode=True), "utf-8")
    deposit = {"type": "depot", "url": f"file://{mini.root}/depot", "motif": "parc-{periode}*.csv"}
    mini.declare(_feed("parc", source={**deposit, "ecriture": "renommage"}))
    if not small:
        mini.declare(codes_clause("table", "qpv2024"))
        mini.deliver("table.csv", "code;valeur\nQN09901A;12\nQN09902B;7\nQN09903C;30\n")
        mini.declare(_feed("locataires", **_of_persons()))


def _feed(ident: str, **more: Any) -> dict[str, Any]:
    series = {"origine": "livraison", "frequence": "T", "debut": "2024-T3", "fin": "2024-T4"}
    return points_clause(ident, **{"periode": series, "indicateurs": [indicator(f"{ident}_n")], **more})


def _of_persons() -> dict[str, Any]:
    columns = [c for c in points_clause()["colonnes"] if c["nom"] != "menage"]
    person = {"identifiant_direct": "pseudonymiser", "normalisation": ["espaces", "casse", "accents"]}
    return {
        "colonnes": [*columns, text_column("menage", **person)],
        "diffusion": "partenaires",
        "donnees_personnelles": PERSONAL,
        "principe": "donnees_interet_general",
        "secret": {
            "regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "personne",
            "seuil": 3, "colonne_unite": "menage",
        },
    }  # fmt: skip


def _deliver(mini: Mini, quarter: str, more: int = 0) -> None:
    """What a quarter brings; a correction has `more` rows."""
    places = [IN_A, IN_A, IN_B, IN_C, None]
    tenants = [point(f"l{i}", places[i % 4], menage=f"Locataire {i}") for i in range(40 + more)]
    mini.deliver(f"locataires-{quarter}.csv", csv_of(tenants, POINT_HEADER))
    stock = csv_of([point(f"b{i}", places[i % 5]) for i in range(20 + more)], POINT_HEADER)
    (mini.root / "depot").mkdir(exist_ok=True)
    (mini.root / "depot" / f"parc-{quarter}{f'-corrige{more}' * bool(more)}.csv").write_bytes(stock)
