"""What each indicator of the demonstration means, in plain Python: a second reading of the clauses' SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qpv_data.demo.lignes import Valeur

Valeurs = Mapping[str, Any]
ZERO = Decimal(0)
UN = Decimal(1)


@dataclass(frozen=True)
class Regle:
    """How a feed counts its units and hides small cells. No `seuil`: nothing is ever hidden by us."""

    seuil: int | None = None
    unite: str | None = None
    effectif: str | None = None
    contributeur: str | None = None
    dominance: Decimal | None = None


@dataclass(frozen=True)
class Mesure:
    """One indicator. `numerateur` and `denominateur` give a row's part; `masques`: columns that it reads."""

    id: str
    jeu: str
    nature: str
    decimales: int
    numerateur: Callable[[Valeurs], Decimal] = lambda v: UN
    denominateur: Callable[[Valeurs], Decimal] | None = None
    filtre: Callable[[Valeurs], bool] = lambda v: True
    distinct: str | None = None
    par: str | None = None
    facteur: int = 1
    modalite: Callable[[Valeurs], Valeur] | None = None
    modalites: tuple[str, ...] = ()
    masques: tuple[str, ...] = ()

    @property
    def toutes_modalites(self) -> Sequence[str]:
        """`ensemble`, then the declared ones and `non_renseigne`."""
        return ("ensemble", *self.modalites, "non_renseigne") if self.modalites else ("ensemble",)


REGLES = {
    "demo_etablissements": Regle(3, "siren", None, "siren", Decimal("0.85")),
    "demo_logements": Regle(11, "menage"),
    "demo_licencies": Regle(5, "adherent"),
    "demo_mutuelle": Regle(11, None, "foyers"),
    "demo_interim": Regle(5, "interimaire"),
}
LIBRE = Regle()


def _n(column: str) -> Callable[[Valeurs], Decimal]:
    return lambda v: Decimal(v[column])


def _is(column: str, value: str) -> Callable[[Valeurs], Decimal]:
    return lambda v: UN if v[column] == value else ZERO


def _one(_: Valeurs) -> Decimal:
    return UN


def _sector(v: Valeurs) -> str | None:
    division = v["activite"][:2]
    if "10" <= division <= "33":
        return "industrie"
    if "45" <= division <= "47":
        return "commerce"
    return "services" if "49" <= division <= "96" else None


def _open(v: Valeurs) -> bool:
    return bool(v["etat"] == "A")


def _stop(v: Valeurs) -> bool:
    return bool(v["type"] == "0")


def _led(v: Valeurs) -> Decimal:
    return Decimal(v["watts"]) if v["technologie"] == "led" else ZERO


_ETAB, _GTFS, _ECL, _DEC = "demo_etablissements", "demo_transports", "demo_eclairage", "demo_dechets"
_LOG, _LIC, _MUT, _INT, _DE = (
    "demo_logements", "demo_licencies", "demo_mutuelle", "demo_interim", "demo_demandeurs_emploi",
)  # fmt: skip
_POP_QPV, _POP_COM = "demo_population_qpv2024", "demo_population_commune"

MESURES: tuple[Mesure, ...] = (
    Mesure(_POP_QPV, _POP_QPV, "releve", 0, _n("population"), masques=("population",)),
    Mesure(_POP_COM, _POP_COM, "releve", 0, _n("population"), masques=("population",)),
    Mesure("demo_etablissements_actifs", _ETAB, "compte", 0, filtre=_open, modalite=_sector,
           modalites=("industrie", "commerce", "services")),
    Mesure("demo_salaries", _ETAB, "somme", 0, _n("effectif"), filtre=lambda v: _open(v) and v["effectif"] > 0),
    Mesure("demo_etablissements_pour_1000_hab", _ETAB, "taux", 1, filtre=_open, par=_POP_QPV, facteur=1000),
    Mesure("demo_equipements", "demo_equipements", "compte", 0, modalite=lambda v: v["domaine"],
           modalites=("services", "commerces", "enseignement", "sante", "transports", "sports")),
    Mesure("demo_points_arret", _GTFS, "compte", 0, filtre=_stop),
    Mesure("demo_poles", _GTFS, "compte", 0, filtre=lambda v: _stop(v) and v["parent"] is not None,
           distinct="parent"),
    Mesure("demo_part_acces_fauteuil", _GTFS, "part", 1, _is("acces", "1"), _one,
           lambda v: _stop(v) and v["acces"] != "0", facteur=100),
    Mesure("demo_points_lumineux", _ECL, "compte", 0, modalite=lambda v: v["technologie"],
           modalites=("led", "sodium", "iodures")),
    Mesure("demo_puissance_eclairage", _ECL, "somme", 1, _n("watts")),
    Mesure("demo_puissance_moyenne", _ECL, "moyenne", 1, _n("watts"), _one),
    Mesure("demo_part_puissance_led", _ECL, "part", 1, _led, _n("watts"), facteur=100),
    Mesure("demo_tonnage_apport", _DEC, "somme", 3, _n("tonnes"), modalite=lambda v: v["flux"],
           modalites=("verre", "papier", "emballages")),
    Mesure("demo_points_apport", _DEC, "compte", 0, distinct="point"),
    Mesure("demo_dechets_kg_par_habitant", _DEC, "taux", 2, _n("tonnes"), par=_POP_COM, facteur=1000),
    Mesure("demo_logements_occupes", _LOG, "compte", 0, modalite=lambda v: v["taille"],
           modalites=("petit", "moyen", "grand")),
    Mesure("demo_loyer_moyen", _LOG, "moyenne", 2, _n("loyer"), _one),
    Mesure("demo_part_impayes", _LOG, "part", 1, lambda v: UN if v["impaye"] > 0 else ZERO, _one, facteur=100),
    Mesure("demo_impayes", _LOG, "somme", 2, _n("impaye"), filtre=lambda v: v["impaye"] > 0),
    Mesure("demo_licences", _LIC, "compte", 0, modalite=lambda v: v["section"],
           modalites=("football", "boxe", "gymnastique")),
    Mesure("demo_adherents", _LIC, "compte", 0, distinct="adherent"),
    Mesure("demo_part_licences_femmes", _LIC, "part", 1, _is("sexe", "F"), _one, facteur=100),
    Mesure("demo_licences_pour_1000_hab", _LIC, "taux", 1, par=_POP_QPV, facteur=1000),
    Mesure("demo_foyers_couverts", _MUT, "somme", 0, _n("foyers"), modalite=lambda v: v["formule"],
           modalites=("solidaire", "confort")),
    Mesure("demo_reste_a_charge_moyen", _MUT, "moyenne", 2, _n("reste"), _n("foyers")),
    Mesure("demo_missions_interim", _INT, "compte", 0, modalite=lambda v: v["secteur"],
           modalites=("logistique", "btp", "services")),
    Mesure("demo_interimaires", _INT, "compte", 0, distinct="interimaire"),
    Mesure("demo_heures_interim", _INT, "somme", 2, _n("heures")),
    Mesure("demo_duree_moyenne_mission", _INT, "moyenne", 1, _n("jours"), _one),
    Mesure("demo_demandeurs_emploi", _DE, "releve", 0, _n("abc"), masques=("abc",)),
    Mesure("demo_part_femmes_demandeuses", _DE, "part", 1, _n("abc_f"), _n("abc"), facteur=100,
           masques=("abc_f", "abc")),
    Mesure("demo_part_jeunes_demandeurs", _DE, "part", 1, _n("abc_25"), _n("abc"), facteur=100,
           masques=("abc_25", "abc")),
    Mesure("demo_demandeurs_pour_100_hab", _DE, "taux", 1, _n("abc"), par=_POP_QPV, facteur=100,
           masques=("abc",)),
)  # fmt: skip
